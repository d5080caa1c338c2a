"""What sections are given."""

import pandas as pd
import pytest

from compartments.report.page import Page, flags, tagged
from compartments.report.results import Results
from compartments.study.study import Contrast

CONTRAST = Contrast("a_vs_b", "a", "b")


def test_names_of_comparisons():
    assert tagged(CONTRAST, "CSF") == "a_vs_b_CSF"


def test_flags_are_read_from_text_and_truths():
    assert flags(pd.Series([True, False, None, "true", "False"])).tolist() == [True, False, False, True, False]


def test_an_empty_folder_has_no_study(tmp_path):
    page = Page(Results(tmp_path))
    assert page.table("findings.tsv") is None and page.parameters == {}
    with pytest.raises(ValueError, match="no study"):
        _ = page.study
    with pytest.raises(ValueError, match="not among the NEEDS"):
        page.needed("findings.tsv")


def test_a_table_says_how_it_was_cut(tmp_path):
    page, frame = Page(Results(tmp_path)), pd.DataFrame({"x": [1]})
    table = page.listing("quality.limits", frame, "a.tsv", cut="The first 1 of 2 rows.")
    assert table.name == "limits" and table.note.endswith("hard limits). The first 1 of 2 rows.")
    assert page.listing("quality.qc", frame, "a.tsv", name="x", folded=True).note == ""
