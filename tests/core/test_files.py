"""Files whole or not at all; the same table, the same bytes; names that stay text."""

import gzip
import math

import pandas as pd
import pytest

from compartments.core.errors import UserError
from compartments.core.files import read_json, read_tsv, replacing, write_json, write_parquet, write_text, write_tsv


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "table.tsv"
    path.write_text("before")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError("full disk")
    assert path.read_text() == "before" and [one.name for one in tmp_path.iterdir()] == ["table.tsv"]


def test_text_is_whole_or_not_at_all(tmp_path):
    path = tmp_path / "plan.txt"
    write_text("2 µl\n", path)
    with pytest.raises(UnicodeEncodeError):
        write_text("half \ud800", path)
    assert path.read_bytes() == b"2 \xc2\xb5l\n" and [one.name for one in tmp_path.iterdir()] == ["plan.txt"]


def test_the_same_table_gives_the_same_bytes(tmp_path):
    table = pd.DataFrame({"lineage": ["B", None], "x": [1 / 3, math.nan], "n": [1, 2]})
    for name in ("a.tsv", "b.tsv", "a.tsv.gz", "b.tsv.gz"):
        write_tsv(table, tmp_path / name)
    assert (tmp_path / "a.tsv").read_bytes() == b"lineage\tx\tn\nB\t0.3333333333\t1\n\t\t2\n"
    assert (tmp_path / "a.tsv.gz").read_bytes() == (tmp_path / "b.tsv.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.tsv.gz").read_bytes()) == (tmp_path / "a.tsv").read_bytes()
    write_parquet(table, tmp_path / "a.parquet")
    assert pd.read_parquet(tmp_path / "a.parquet").equals(table)


def test_names_stay_text_and_a_missing_column_is_said(tmp_path):
    (tmp_path / "t.tsv").write_text("sample\tx\n01\t2\nNA\t\n")
    table = read_tsv(tmp_path / "t.tsv", ["sample", "x"])
    assert table["sample"].tolist() == ["01", "NA"] and math.isnan(table["x"][1])
    with pytest.raises(UserError, match="t.tsv: column 'donor' is missing; it has sample, x"):
        read_tsv(tmp_path / "t.tsv", ["donor"])


def test_json_without_nan(tmp_path):
    write_json({"a": 1.5}, tmp_path / "a.json")
    assert read_json(tmp_path / "a.json") == {"a": 1.5}
    with pytest.raises(ValueError):
        write_json({"a": math.nan}, tmp_path / "b.json")
    assert not (tmp_path / "b.json").exists()
