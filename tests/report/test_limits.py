"""What bears on all answers."""

from dataclasses import replace

import pandas as pd
import pytest

from compartments.report import limits
from compartments.report.page import Page
from compartments.report.results import Results


def findings(p):
    values = {"lineage": None, "contrast": "treated_vs_untreated", "source": "f.tsv", "p_value": p}
    return pd.DataFrame([values])


def test_a_smaller_p_than_any_permutation_could_give_is_said(gappy):
    floor = gappy.results.table("design.tsv")["permutation_floor"].max()
    (said,) = limits.floors(gappy, findings(floor / 2))
    assert said.startswith(
        f"treated against untreated: no exact permutation of these donors could give a p below {floor:.2g};"
    )
    assert limits.floors(gappy, findings(floor * 1.01)) == [] == limits.floors(gappy, findings(float("nan")))


def test_what_is_adjusted_for_and_where_not(gappy, monkeypatch):
    assert limits.covariates(gappy) == ["Adjusted for no batch and no other covariate: none is named."]
    adjusted = replace(gappy.study, covariates=["batch", "age"])
    monkeypatch.setattr(type(gappy), "study", adjusted)
    design = gappy.results.table("design.tsv").assign(note=None)
    monkeypatch.setitem(gappy.results._tables, "design.tsv", design)
    assert limits.covariates(gappy) == ["Adjusted for batch, age."]
    noted = design.assign(note=["batch left out", *[None] * (len(design) - 1)])
    monkeypatch.setitem(gappy.results._tables, "design.tsv", noted)
    assert limits.covariates(gappy) == ["Adjusted for batch, age. Not everywhere: batch left out."]


@pytest.mark.parametrize("rows, said", [(0, 1), (1, 0)])
def test_that_donors_were_not_relabelled_is_said_with_its_reason(gappy, monkeypatch, rows, said):
    table = pd.DataFrame({"claim": ["x"] * rows})
    monkeypatch.setattr(gappy.results, "usable", lambda file: table if file == limits.CALIBRATION else None)
    found = limits.relabelled(gappy)
    assert len(found) == said and all("--calibrate off" in text for text in found)


@pytest.mark.parametrize("name", ["a", "age", "treated_vs_untreated"])
def test_a_contrast_is_said_in_words_and_no_word_of_the_reason_is_replaced(bare, name):
    study = bare.study
    replace(study, contrasts=study.contrasts.assign(contrast=name)).save(bare.results.root / "study.json")
    reason = "a treated arm has on average 2 donors"
    (bare.results.root / "skipped.tsv").write_text(
        f"stage\tsample\tlineage\tcontrast\treason\ncalibrate\t\t\t{name}\t{reason}\n"
    )
    (said,) = limits.relabelled(Page(Results(bare.results.root)))
    assert said.endswith(f": treated against untreated: {reason}.")


def test_nothing_is_said_of_questions_that_were_not_asked(gappy):
    assert limits.sentences(gappy, findings(0.001).assign(source=None)) == []
    assert len(limits.sentences(gappy, findings(0.001))) >= 2
