"""Changes of abundance."""

import numpy as np
import pandas as pd
import pytest

from compartments.core.files import read_tsv, write_json
from compartments.report.sections import composition
from tests.support import results as synthetic_results
from tests.support.tables import write


def test_numbers_of_the_page_are_those_of_the_tables(whole):
    folder, page, _ = whole
    findings = read_tsv(folder / "findings.tsv")
    for statement in findings.loc[findings["lineage"].isna(), "statement"]:
        assert statement[1:] in page.words
    effects = read_tsv(folder / "composition" / "effects.tsv")
    assert np.allclose(page.column("composition_table", "log2fc"), effects["log2fc"], rtol=1e-5)
    words = {"interaction": "difference between compartments", "within:CSF": "in CSF", "within:blood": "in blood"}
    assert page.column("composition_table", "term") == [words[term] for term in effects["term"]]
    assert set(page.column("composition_table", "contrast")) == {"treated against untreated"}


def test_one_treated_donor_three_conditions_and_relative_scale(call, tmp_path):
    synthetic_results.make(
        tmp_path / "r",
        arms=(("treated", 1), ("other", 3), ("untreated", 4)),
        compartments=("blood", "CSF", "node"),
        absolute=False,
    )
    said, page = call(tmp_path / "r")
    assert "WARNING" not in said
    assert "Relative scale" in page.words and "not identifiable" in page.words
    assert "descriptive" in page.words and "no p (too few donors)" in page.source
    assert len([name for name in page.figures if name.startswith("q1_")]) == 4


@pytest.mark.parametrize("scale", ["abs", "rel"])
def test_what_was_not_adjusted_for_is_said_on_both_scales(gappy, bare, scale):
    effects = gappy.needed("composition/effects.tsv").assign(scale=scale)
    write(effects, bare.results.root, "composition/effects.tsv")
    warning = "treated_vs_untreated, within:CSF: age is collinear with condition:treated: not adjusted for"
    write_json({"scale": scale, "warnings": [warning]}, bare.results.root / "composition" / "composition.json")
    blocks = composition.build(bare)
    assert [block.text for block in blocks if getattr(block, "level", "") == "warning"][-1] == warning


def test_words_that_another_reference_would_change_are_counted(bare):
    rows = [
        {
            "level": "lineage", "lineage": lineage, "contrast": "treated_vs_untreated", "term": "interaction",
            "compartment": "CSF", "relative_reference": kind, "chosen": kind == "mode", "call": call,
        }
        for kind, calls in (("mode", "ab"), ("median", "ab"), ("proportions", "cb"))
        for lineage, call in zip(["pDC", "NK"], calls, strict=True)
    ]  # fmt: skip
    said = composition.under_other_references(bare, pd.DataFrame(rows)).text
    assert "Of 2 words" in said and "0 under median, 1 under proportions" in said
