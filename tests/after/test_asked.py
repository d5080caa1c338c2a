"""What is asked of results anew."""

import json

import pytest

from compartments.after.asked import asked_anew, asked_before, same
from compartments.after.before import Before
from compartments.core.errors import UserError
from compartments.study.asking import ask
from compartments.study.samplesheet import parse_samplesheet
from compartments.study.study import Study
from tests.support.sheets import GOOD

PARAMETERS = {"reference_condition": "control", "covariates": None, "equiv_margin": 1}


@pytest.fixture
def before(tmp_path):
    """What a run publishes of its questions, of six donors with ages and one with a condition of its own."""
    header, *rows = GOOD.splitlines()
    sheet = "\n".join([f"{header},age", *(f"{row},{30 + 7 * (n // 2)}" for n, row in enumerate(rows))])
    study, ordered = ask(parse_samplesheet(sheet), PARAMETERS, None)
    study.save(tmp_path / "study.json")
    (tmp_path / "pipeline_info").mkdir()
    ordered.compared().save(tmp_path / "pipeline_info/labelled.json")
    return Before(tmp_path, PARAMETERS, Study.load(tmp_path / "study.json"))


def test_what_the_run_asked_is_read_back(before):
    old = asked_before(before)
    assert old.study.said() == before.study.said()
    assert old.compared.said() == json.loads((before.root / "pipeline_info/labelled.json").read_text())


def test_other_covariates_are_another_question(before):
    old, new = asked_before(before), asked_anew(before, {"covariates": "age"}, None)
    assert new.study.covariates == ["age"] and "age" in new.compared.samples and not same(old.compared, new.compared)
    assert not new.differs(old, "compare_composition")


def test_parameters_of_a_step(before):
    old, new = asked_before(before), asked_anew(before, {"equiv_margin": 0.8}, None)
    assert same(old.compared, new.compared)
    assert new.differs(old, "compare_composition") and not new.differs(old, "compare_expression")
    assert asked_anew(before, {"gene_sets": "own.gmt"}, None).differs(old, "score_gene_sets", "gene_sets")


def test_contrasts_of_a_table(before):
    new = asked_anew(before, {"contrasts": "c.csv"}, "contrast,condition,reference\nturned,control,treated\n")
    assert list(new.study.contrasts["contrast"]) == ["turned"]
    # and of a run that had one, whose file may be gone
    kept = Before(before.root, new.parameters, new.study)
    assert asked_before(kept).study.contrasts.equals(new.study.contrasts)
    assert "turned,control,treated" in kept.contrasts()


def test_what_cannot_be_asked_is_said(before):
    with pytest.raises(UserError, match="--covariates 'weight' is not a column"):
        asked_anew(before, {"covariates": "weight"}, None)
    with pytest.raises(UserError, match="'treatd' is not a condition of the samplesheet; did you mean 'treated'"):
        asked_anew(before, {}, "condition,reference\ntreatd,control\n")
