"""Names of codes."""

import pandas as pd
import pytest

from compartments.core import dictionary
from compartments.report.blocks import Table
from compartments.report.codes import CODED, Codes
from compartments.report.contents import build_sections
from compartments.report.page import TEMPLATE, Page
from compartments.report.results import Results


@pytest.fixture(scope="module")
def codes():
    return Codes.read(TEMPLATE / "names.tsv")


def test_names_are_said_once(codes):
    rows = pd.read_csv(TEMPLATE / "names.tsv", sep="\t")
    assert not rows.duplicated(["kind", "code"]).any() and set(rows["kind"]) == {"column", "value"}
    assert codes.column("p_plain") == "p, plain t test" and codes.value("soupem") == "SoupEM"


def test_headings_are_true_of_every_table_that_has_the_column(codes):
    """A share removed is one of counts and one of cells; cells expected from a load are not expected by chance."""
    meanings = {row["column"]: row["meaning"] for row in dictionary.load() if row["column"]}
    rows = pd.read_csv(TEMPLATE / "names.tsv", sep="\t").query("kind == 'column'")
    apart = [code for code, name in zip(rows["code"], rows["name"], strict=True) if "without one donor" in name]
    assert apart and all("without one donor" in meanings[code] for code in apart)
    assert codes.column("worst_rank") == "worst rank in a sample"
    assert codes.column("fraction_removed") == "share removed" and codes.column("n_expected") == "expected"
    assert codes.column("ligand_ambient") == "ambient share of the ligand, most"


def test_what_has_no_name_is_said_with_blanks(codes):
    assert codes.column("n_other_things") == "number of other things" and codes.column("my_note") == "my note"
    assert codes.value("kept_in_both") == "kept in both"


def test_only_coded_columns_are_changed(codes):
    frame = pd.DataFrame({"method": ["soupem", None], "sample": ["soupem", "a_b"], "n_cells": [1, 2]})
    told = codes.told(frame)
    assert told["method"].iloc[0] == "SoupEM" and told["method"].isna().iloc[1]
    assert told[["sample", "n_cells"]].equals(frame[["sample", "n_cells"]])


def test_no_table_of_the_page_shows_a_code(whole):
    """Headings, and values of columns that hold codes; names of samples are the user's."""
    tables = [b for s in build_sections(Page(Results(whole[0]))) for b in s.blocks if isinstance(b, Table)]
    assert len(tables) > 20
    for table in tables:
        headings = [table.heading(column) for column in map(str, table.frame)]
        assert not [text for text in headings if "_" in text.replace("tau_U", "")], table.name
        assert len(set(headings)) == len(headings), table.name
        for column in table.frame.columns.intersection(CODED):
            shown = table.frame[column].dropna().astype(str)
            assert not shown.str.contains("_").any(), (table.name, column, shown.unique())
