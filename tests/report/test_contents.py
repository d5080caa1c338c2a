"""Sections that cannot be built say so; defects do not hide."""

import shutil
import warnings

import numpy as np
import pandas as pd
import pytest

from compartments.core.files import read_json, write_json, write_tsv
from compartments.report.contents import build_section
from compartments.report.figures.style import Figure
from compartments.report.page import Page
from compartments.report.results import Results
from compartments.report.sections import coupling, design, doublets, interactions
from tests.support.page import SECTIONS


@pytest.mark.parametrize(
    "gone, section",
    [
        ("composition", "Composition"),
        ("expression", "Expression"),
        ("migration", "Migration"),
        ("activities", "Pathways and regulators"),
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
    assert any("too few lineages were left" in each for each in page.column("skipped_table", "reason"))
    if gone == "pipeline_info":
        assert "params.json is missing" in page.words


def test_what_was_not_asked_for_is_no_failure(whole, call, tmp_path):
    shutil.copytree(whole[0], tmp_path / "r")
    for gone in ("expression", "interactions"):
        shutil.rmtree(tmp_path / "r" / gone)
    params = read_json(tmp_path / "r" / "pipeline_info" / "params.json")
    write_json(params | {"skip": "interactions,expression,doublets"}, tmp_path / "r" / "pipeline_info" / "params.json")
    _, page = call(tmp_path / "r", findings=False)
    assert [i for i in page.ids if i in SECTIONS] == SECTIONS and "This run is incomplete" not in page.words
    for part in ("interactions", "expression", "doublets"):
        assert f"This run was asked to leave this out (--skip {part})." in page.words
    for method in ("LIANA", "DESeq2", "Scrublet"):
        assert method not in page.words.split("Methods")[-1].split("References")[0]
    assert "Doublets were not looked for" in page.words


def test_a_table_of_another_version_costs_its_section_only(whole, call, tmp_path):
    shutil.copytree(whole[0], tmp_path / "r")
    write_tsv(pd.DataFrame({"contrast": ["x"], "other": [1]}), tmp_path / "r" / "coupling" / "coupling.tsv")
    said, page = call(tmp_path / "r", findings=False)
    assert "WARNING: section 'Coupling'" in said
    assert "Coupling : This step did not finish" in page.words and "compartment" in page.words


def test_a_section_that_cannot_be_made_returns_its_warning(whole, tmp_path, capsys):
    shutil.copytree(whole[0], tmp_path / "r")
    write_tsv(pd.DataFrame({"other": [1]}), tmp_path / "r" / "coupling" / "coupling.tsv")
    section = build_section(Page(Results(tmp_path / "r")), coupling)
    assert section.warning.startswith("section 'Coupling' could not be made: coupling/coupling.tsv has no column")
    assert not section.finished and capsys.readouterr().err == ""
    whole_section = build_section(Page(Results(whole[0])), coupling)
    assert whole_section.finished and whole_section.warning == ""


def test_a_table_of_missing_numbers_costs_its_figures_only(whole, tmp_path):
    """As where no sample has any share of signalling, or nothing can be tested: what draws nothing is no figure."""
    shutil.copytree(whole[0], tmp_path / "r")
    for table, name, module in [
        ("interactions/centrality.tsv", "shares", interactions),
        ("interactions/network.tsv", "network_treated_vs_untreated_CSF", interactions),
        ("composition/power.tsv", "power_treated_vs_untreated_within_CSF", design),
    ]:
        before, after = pd.read_csv(tmp_path / "r" / table, sep="\t"), tmp_path / "r" / table
        assert name in _figures(tmp_path / "r", module)
        write_tsv(before.assign(**dict.fromkeys(before.select_dtypes("float"), np.nan)), after)
        with warnings.catch_warnings(action="error", category=RuntimeWarning):
            found = _figures(tmp_path / "r", module)
        assert name not in found and all(figure.shows for figure in found.values())
        write_tsv(before, after)


def _figures(folder, module):
    """Figures of a section by name."""
    blocks = build_section(Page(Results(folder)), module).blocks
    return {block.name: block for block in blocks if isinstance(block, Figure)}


def test_a_defect_of_a_section_keeps_its_traceback(whole, monkeypatch):
    """Only a missing column is a section's excuse."""
    page = Page(Results(whole[0]))
    assert build_section(page, doublets).finished
    for error in (KeyError("x"), ValueError("x"), AttributeError("x"), IndexError("x"), TypeError("x")):

        def broken(page, error=error):
            raise error

        monkeypatch.setattr(doublets, "build", broken)
        with pytest.raises(type(error)):
            build_section(page, doublets)


def test_a_summary_of_another_version_costs_its_section_only(whole, call, tmp_path):
    shutil.copytree(whole[0], tmp_path / "r")
    for path in (tmp_path / "r" / "samples").glob("*/*.doublets.json"):
        path.write_text('{"sample": "x", "n": 1}')
    said, page = call(tmp_path / "r", findings=False)
    assert "Doublets : This step did not finish: a column that this section needs is missing" in page.words
    assert "no column 'n_cells'" in said and "Ambient RNA : This step" not in page.words


def test_a_lacking_column_outside_of_sections_costs_no_page(whole, call, tmp_path):
    """Header, colours and MultiQC do without a table of another version."""
    shutil.copytree(whole[0], tmp_path / "r")
    for file in ("composition/counts.tsv", "findings.tsv", "skipped.tsv"):
        write_tsv(pd.DataFrame({"other": [1]}), tmp_path / "r" / file)
    said, page = call(tmp_path / "r", findings=False)
    assert "This run is incomplete" in page.words and "Five questions : This step did not finish" in page.words
    assert said.count("WARNING") == 4 and "volcano_treated_vs_untreated_CSF" in page.figures
