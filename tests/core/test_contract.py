"""Tables are written as the dictionary says, or not at all; every step's part of it is current and its own."""

import json

import pandas as pd
import pytest

from compartments.core import contract, door
from compartments.core.contract import Contract, ContractError, MissingColumn

TABLES = {
    "a/effects.tsv": [("lineage", ""), ("log2fc", ""), ("note", "optional"), ("label:*", ""), ("n", "")],
    "samples/*/*.qc.json": [("sample", ""), ("median_*", "")],
}
TOY = Contract("toy", TABLES, {})


def test_columns_are_put_in_the_order_of_the_dictionary(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = pd.DataFrame({"n": [3], "label:b": ["x"], "label:a": ["y"], "log2fc": [0.5], "lineage": ["B"]})
    TOY.write(table, "a/effects.tsv")
    assert (tmp_path / "a" / "effects.tsv").read_text() == "lineage\tlog2fc\tlabel:b\tlabel:a\tn\nB\t0.5\tx\ty\t3\n"


def test_a_table_with_further_columns_keeps_its_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sheet = Contract("toy", {"samples.tsv": [("sample", ""), ("raw", ""), ("*", "")]}, {})
    sheet.write(pd.DataFrame({"room": ["1"], "sample": ["a"], "site": ["x"], "raw": ["f"]}), "samples.tsv")
    assert (tmp_path / "samples.tsv").read_text() == "room\tsample\tsite\traw\n1\ta\tx\tf\n"
    with pytest.raises(MissingColumn, match="samples.tsv lacks column 'raw'"):
        sheet.write(pd.DataFrame({"sample": ["a"]}), "samples.tsv")


def test_an_unknown_column_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = pd.DataFrame({"lineage": ["B"], "log2fc": [1.0], "n": [3], "log2_fc": [1.0]})
    with pytest.raises(ContractError, match="a/effects.tsv has column 'log2_fc'"):
        TOY.write(table, "a/effects.tsv")
    assert not (tmp_path / "a" / "effects.tsv").exists()


def test_a_missing_column_is_refused_but_an_optional_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingColumn, match="a/effects.tsv lacks column 'n'"):
        TOY.write(pd.DataFrame({"lineage": ["B"], "log2fc": [1.0]}), "a/effects.tsv")
    TOY.write(pd.DataFrame({"lineage": [], "log2fc": [], "n": []}), "a/effects.tsv")
    assert (tmp_path / "a" / "effects.tsv").read_text() == "lineage\tlog2fc\tn\n"


def test_a_table_of_nothing_is_written_with_its_columns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    TOY.write(pd.DataFrame(), "a/effects.tsv")
    assert (tmp_path / "a" / "effects.tsv").read_text() == "lineage\tlog2fc\tn\n"
    with pytest.raises(MissingColumn, match="a/effects.tsv lacks column 'lineage'"):
        TOY.write(pd.DataFrame(index=range(2)), "a/effects.tsv")


def test_an_unknown_file_is_refused():
    with pytest.raises(ContractError, match=r"toy writes no a/other\.tsv"):
        TOY.write(pd.DataFrame(), "a/other.tsv")


def test_a_summary_may_have_known_keys_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    TOY.write_summary({"sample": "s", "median_n": 3}, "samples/s/s.qc.json")
    assert json.loads((tmp_path / "samples/s/s.qc.json").read_text()) == {"sample": "s", "median_n": 3}
    with pytest.raises(ContractError, match="has column 'mean_n'"):
        TOY.write_summary({"sample": "s", "mean_n": 3}, "samples/s/s.qc.json")


def test_names_are_those_of_an_empty_table():
    assert TOY.names("a/effects.tsv") == ["lineage", "log2fc", "n"]


def test_every_contract_belongs_to_a_step():
    steps = door.steps()
    parts = list(contract.PACKAGES.glob("*/*.json"))
    assert len(parts) >= 20
    assert [path for path in parts if steps.get(path.stem) != path.with_suffix(".py")] == []


def test_a_step_without_contract_has_an_empty_one():
    assert Contract.of("versions") == Contract("versions", {}, {})
