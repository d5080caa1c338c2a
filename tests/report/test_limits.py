"""What bears on all answers."""

from dataclasses import replace

import pandas as pd
import pytest

from compartments.report import limits
from compartments.report.page import Page
from compartments.report.results import Results
from compartments.study.design import make_study
from compartments.study.plan import design_table
from compartments.study.samplesheet import parse_samplesheet
from tests.support.tables import write


def findings(p):
    values = {"lineage": None, "contrast": "treated_vs_untreated", "compartment": "CSF", "source": "f.tsv"}
    values |= {"p_value": p}
    return pd.DataFrame([values])


def test_a_smaller_p_than_any_permutation_could_give_is_said(gappy):
    floor = gappy.results.table("design.tsv")["permutation_floor"].max()
    (said,) = limits.floors(gappy, findings(floor / 2))
    assert said.startswith(
        f"treated against untreated: no exact permutation of these donors could give a p below {floor:.2g};"
    )
    assert limits.floors(gappy, findings(floor * 1.01)) == [] == limits.floors(gappy, findings(float("nan")))


def test_a_compartment_of_few_donors_says_nothing_of_the_others(bare):
    """Of blood and marrow 5 v 5 donors, of CSF 2 v 2: a small p is one of the model in CSF alone."""
    rows = [f"D{i}_{place},D{i},{place},{'ab'[i % 2]},x.h5" for i in range(10) for place in ("blood", "CSF", "marrow")]
    rows = [row for row in rows if "CSF" not in row or int(row[1]) < 4]
    text = "\n".join(["sample,donor,compartment,condition,raw", *rows]) + "\n"
    study = make_study(parse_samplesheet(text), reference_condition="b")
    study.save(bare.results.root / "study.json")
    write(design_table(study), bare.results.root, "design.tsv")
    page = Page(Results(bare.results.root))
    answers = pd.concat([findings(0.02).assign(contrast="a_vs_b", compartment=place) for place in ("CSF", "marrow")])
    (said,) = limits.floors(page, answers)
    assert said.startswith("a against b, CSF: no exact permutation of these donors could give a p below 0.33;")


def test_only_notes_on_covariates_are_said_of_what_is_adjusted_for(gappy, monkeypatch):
    monkeypatch.setattr(type(gappy), "study", replace(gappy.study, covariates=["batch"]))
    design = gappy.results.table("design.tsv")
    lacking = "1 donor more lack a sample and count, but in hubs and groups of edges"
    alone = f"D1 is alone with a level of a covariate and tells nothing; {lacking}"
    design = design.assign(note=["no pair with condition 'treated'", *[alone] * (len(design) - 1)])
    monkeypatch.setitem(gappy.results._tables, "design.tsv", design)
    said = "Not everywhere: D1 is alone with a level of a covariate and tells nothing."
    assert limits.covariates(gappy) == [f"Adjusted for batch. {said}"]


def test_what_is_adjusted_for_and_where_not(gappy, monkeypatch):
    assert limits.covariates(gappy) == ["Adjusted for no batch and no other covariate: none is named."]
    adjusted = replace(gappy.study, covariates=["batch", "age"])
    monkeypatch.setattr(type(gappy), "study", adjusted)
    design = gappy.results.table("design.tsv").assign(note=None)
    monkeypatch.setitem(gappy.results._tables, "design.tsv", design)
    assert limits.covariates(gappy) == ["Adjusted for batch, age."]
    noted = design.assign(note=["batch is collinear with a, b: not adjusted for", *[None] * (len(design) - 1)])
    monkeypatch.setitem(gappy.results._tables, "design.tsv", noted)
    assert limits.covariates(gappy) == [
        "Adjusted for batch, age. Not everywhere: batch is collinear with a, b: not adjusted for."
    ]


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
