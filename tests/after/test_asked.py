"""What is asked of results anew."""

import hashlib
import json
from dataclasses import replace

import pytest

from compartments.after.asked import asked_anew, asked_before, same
from compartments.after.before import Before
from compartments.core.errors import UserError
from compartments.core.files import write_json
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


@pytest.mark.parametrize("column", ["arm", "sheet_arm"])
def test_a_covariate_keeps_the_name_that_the_samplesheet_has_for_it(tmp_path, column):
    """Called otherwise in the results, as the pipeline has a column of that name, or so by the user himself."""
    header, *rows = GOOD.splitlines()
    text = "\n".join([f"{header},{column}", *(f"{row},{'ab'[n // 2 % 2]}" for n, row in enumerate(rows))])
    parameters = PARAMETERS | {"covariates": column}
    study, ordered = ask(parse_samplesheet(text), parameters, None)
    study.save(tmp_path / "study.json")
    (tmp_path / "pipeline_info").mkdir()
    ordered.compared().save(tmp_path / "pipeline_info/labelled.json")
    before = Before(tmp_path, parameters, Study.load(tmp_path / "study.json"))
    old, new = asked_before(before), asked_anew(before, {"equiv_margin": 0.8}, None)
    for asked in (old, new):
        assert asked.study.said() == before.study.said() and asked.study.covariates == ["sheet_arm"]
    if column == "sheet_arm":
        with pytest.raises(UserError, match="'arm' is not a column"):
            asked_anew(before, {"covariates": "arm"}, None)


def test_parameters_of_a_step(before):
    old, new = asked_before(before), asked_anew(before, {"equiv_margin": 0.8}, None)
    assert same(old.compared, new.compared)
    assert new.differs(old, "compare_composition") and not new.differs(old, "compare_expression")
    (before.root / "own.gmt").write_text("A\td\tB\n")
    own = asked_anew(before, {"gene_sets": str(before.root / "own.gmt")}, None)
    assert own.differs(old, "score_gene_sets", "gene_sets")
    assert not asked_anew(before, {"equiv_margin": 1.0}, None).differs(old, "compare_composition")


def given_sets(before, path, *, recorded=True):
    """The same results, of a run that was given this file of gene sets."""
    if recorded:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        entity = {"@id": f"#file/gene_sets/{path.name}", "name": path.name, "sha256": digest}
        write_json({"@graph": [entity]}, before.root / "ro-crate-metadata.json")
    return replace(before, parameters=before.parameters | {"gene_sets": str(path)})


@pytest.mark.parametrize("recorded", [True, False])
def test_a_file_that_was_mended_in_its_place_is_another_one(before, tmp_path, recorded):
    path = tmp_path / "own.gmt"
    path.write_text("MINE\td\tCD3E\n")
    run = given_sets(before, path, recorded=recorded)
    step = ("score_gene_sets", "gene_sets")
    # where no record says what the run read, a file that is given again may be another one
    assert asked_anew(run, {"gene_sets": str(path)}, None).differs(asked_before(run), *step) is not recorded
    assert not asked_anew(run, {"equiv_margin": 2}, None).differs(asked_before(run), *step)
    path.write_text("MINE\td\tMS4A1\n")
    assert asked_anew(run, {"gene_sets": str(path)}, None).differs(asked_before(run), *step)
    # and one that is not given again must be what the run read
    if recorded:
        with pytest.raises(UserError, match="own.gmt: is not the file any more that the run was given"):
            asked_anew(run, {"equiv_margin": 2}, None).files("gene_sets")


def test_files_of_one_content_are_one_and_names_that_differ_in_case_are_two(before, tmp_path):
    for name, text in (("Net.tsv", "A"), ("net.tsv", "B"), ("moved.tsv", "A")):
        (tmp_path / name).write_text(text)
    run = given_sets(before, tmp_path / "Net.tsv")
    for name, other in (("net.tsv", True), ("moved.tsv", False)):
        new = asked_anew(run, {"gene_sets": str(tmp_path / name)}, None)
        assert new.differs(asked_before(run), "score_gene_sets", "gene_sets") is other
    own = asked_anew(before, {"target_gene": "CD52"}, None)
    assert asked_anew(before, {"target_gene": "Cd52"}, None).differs(own, "compare_expression")


def test_what_was_compared_again_says_what_it_was_made_of(before, tmp_path):
    path = tmp_path / "own.gmt"
    path.write_text("A")
    run = given_sets(before, path)
    assert run.digests("gene_sets") == [hashlib.sha256(b"A").hexdigest()] and run.digests("regulators") == []
    write_json({"sha256": {"gene_sets": ["ab"]}}, run.root / "pipeline_info/compare.json")
    assert run.digests("gene_sets") == ["ab"] and run.digests("regulators") is None


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
