"""Sections that cannot be built say so; defects do not hide."""

import shutil

import pandas as pd
import pytest

from compartments.core.files import write_tsv
from tests.support.page import SECTIONS


@pytest.mark.parametrize(
    "gone, section",
    [
        ("composition", "Composition"),
        ("expression", "Expression"),
        ("migration", "Migration"),
        ("interactions", "Interactions"),
        ("coupling", "Coupling"),
        ("samples", "Ambient RNA"),
        ("cohort", None),
        ("pipeline_info", None),
    ],
)
def test_a_missing_part_is_said(whole, call, tmp_path, gone, section):
    shutil.copytree(whole[0], tmp_path / "r")
    shutil.rmtree(tmp_path / "r" / gone)
    (tmp_path / "r" / "skipped.tsv").write_text(
        "stage\tsample\tlineage\tcontrast\treason\ncompare_coupling\t\t\t\ttoo few lineages were left\n"
    )
    _, page = call(tmp_path / "r", findings=gone != "samples")
    assert [i for i in page.ids if i in SECTIONS] == SECTIONS
    assert ("This run is incomplete" in page.words) == (section is not None)
    if section:
        assert f"{section} : This step did not finish" in page.words
    assert "too few lineages were left" in page.words
    if gone == "pipeline_info":
        assert "params.json is missing" in page.words


def test_a_table_of_another_version_costs_its_section_only(whole, call, tmp_path):
    shutil.copytree(whole[0], tmp_path / "r")
    write_tsv(pd.DataFrame({"contrast": ["x"], "other": [1]}), tmp_path / "r" / "coupling" / "coupling.tsv")
    said, page = call(tmp_path / "r", findings=False)
    assert "WARNING: section 'Coupling'" in said
    assert "Coupling : This step did not finish" in page.words and "compartment" in page.words
