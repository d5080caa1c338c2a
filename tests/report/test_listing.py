"""Tables as the browser lists them."""

import json

import numpy as np
import pandas as pd

from compartments.report.blocks import Table
from compartments.report.listing import data_of, in_words


def test_columns_with_their_kind_and_values():
    frame = pd.DataFrame({"file": ["a.tsv", "b.tsv"], "kB": [1.23456789, np.nan], "n": [1, 2], "on": [True, False]})
    data = data_of(Table("x", "Title", frame.assign(note=[None, "x"]), "f.tsv"), {"kB": "size"}, linked=True)
    assert (data["title"], data["file"], data["linked"], data["rows"]) == ("Title", "f.tsv", True, 2)
    columns = {column["name"]: column for column in data["columns"]}
    assert [column["kind"] for column in data["columns"]] == ["link", "number", "number", "text", "text"]
    assert columns["kB"]["values"] == [1.23457, None] and columns["kB"]["meaning"] == "size"
    assert columns["on"]["values"] == [True, False] and columns["note"]["values"][0] is None
    json.dumps(data, allow_nan=False)
    assert columns["n"]["heading"] == "n" and data["printed"]["rows"] == [["a.tsv", "1.23", "1", "yes", ""], [
        "b.tsv", "", "2", "no", "x"]]  # fmt: skip


def test_codes_are_said_as_elsewhere(gappy):
    frame = pd.DataFrame({"contrast": ["treated_vs_untreated", "other"], "term": ["within:CSF", "interaction"]})
    told = in_words(frame.assign(verdict=["cannot_tell", "partly_uncoupled"]), gappy.study)
    assert told["contrast"].tolist() == ["treated against untreated", "other"]
    assert told["term"].tolist() == ["in CSF", "difference between compartments"]
    assert told["verdict"].tolist() == ["cannot be told", "partly uncoupled"]
    assert in_words(frame, None)["contrast"].tolist() == frame["contrast"].tolist()
