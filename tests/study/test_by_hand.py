"""Labels by hand are divided among samples so that each has what concerns it, and no other."""

import pandas as pd
import pytest

from compartments.core.errors import UserError
from compartments.study.by_hand import labels_by_sample, write_by_hand

HEADER = "sample,barcode,cluster,lineage\n"


def written(folder):
    return {path.name: path.read_bytes() for path in (folder / "by_hand").glob("*")}


def test_a_sample_gets_its_rows_and_those_of_all_samples():
    rows = [["s1", "A-1", "", "B"], ["", "", "3", "NK"], ["s2", "A-1", "", "NK"], ["s1", "", "3", "Treg"]]
    table = pd.DataFrame(rows, columns=["sample", "barcode", "cluster", "lineage"])
    found = labels_by_sample(table, ["s1", "s2", "s3"])
    assert {sample: list(one["lineage"]) for sample, one in found.items()} == {
        "s1": ["B", "NK", "Treg"],
        "s2": ["NK", "NK"],
        "s3": ["NK"],
    }
    assert set(labels_by_sample(table.drop(index=1), ["s1", "s2", "s3"])) == {"s1", "s2"}
    assert labels_by_sample(table.drop(columns="sample"), ["s1"]) == {}


def test_another_label_of_one_sample_changes_the_table_of_that_sample_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "o.csv").write_text(f"{HEADER}s1,A-1,,B\ns2,A-1,,NK\n")
    write_by_hand("o.csv", ["s1", "s2", "s3"])
    before = written(tmp_path)
    assert set(before) == {"s1.tsv", "s2.tsv"} and before["s2.tsv"].endswith(b"\ns2\tA-1\t\tNK\n")
    # a row in front, another label, another delimiter and order of rows
    (tmp_path / "o.csv").write_text(f"# mine\n{HEADER}s1,C-1,,B\ns2,A-1,,NK\ns1,A-1,,Treg\n".replace(",", ";"))
    write_by_hand("o.csv", ["s1", "s2", "s3"])
    after = written(tmp_path)
    assert after["s2.tsv"] == before["s2.tsv"] and after["s1.tsv"] != before["s1.tsv"]


def test_a_table_that_cannot_be_read_is_one_line(tmp_path):
    (tmp_path / "o.csv").write_text("")
    with pytest.raises(UserError, match=r"o.csv is empty; it needs a header and rows"):
        write_by_hand(tmp_path / "o.csv", ["s1"])
