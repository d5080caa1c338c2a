"""Which steps a change touches, and what becomes of the rest."""

import shutil

import pytest

from compartments.after.asked import asked_anew, asked_before
from compartments.after.before import Before
from compartments.after.pairs import Pairs
from compartments.after.redo import Redo
from compartments.core.files import read_json, write_json
from compartments.core.left_out import LeftOut
from tests.support.published import publish
from tests.support.sheets import GOOD

PARAMS = "pipeline_info/params.json"


@pytest.fixture
def redo(tmp_path):
    before = Before.open(publish(tmp_path / "first", GOOD))
    (tmp_path / "new").mkdir()

    def make(**given):
        return Redo(before, asked_before(before), asked_anew(before, given, None), {}, tmp_path / "new", 1)

    return make


def test_what_nothing_touches_is_taken_over(redo):
    pass_ = redo()
    assert pass_.run() == ["collect_skipped"]
    old, new = pass_.before.root, pass_.out
    for name in ("composition/counts.tsv", "interactions/liana.parquet", "cohort/depth.tsv", "skipped.tsv"):
        assert (old / name).read_bytes() == (new / name).read_bytes()
    assert (old / "cohort/depth.tsv").stat().st_ino == (new / "cohort/depth.tsv").stat().st_ino
    for name in ("study.json", "pipeline_info/labelled.json"):
        assert (old / name).read_text() == (new / name).read_text()


def test_reasons_are_taken_over_as_they_were(redo):
    """Quotes of a reason are those of the table for some readers and text for others."""
    pass_ = redo()
    every = LeftOut("power")
    every.add('no "small" lineage; 5 " wide')
    every.write(str(pass_.before.root / "skipped.tsv"))
    pass_.run()
    assert (pass_.out / "skipped.tsv").read_text() == (pass_.before.root / "skipped.tsv").read_text()
    assert "\tno 'small' lineage; 5 ' wide\n" in (pass_.out / "skipped.tsv").read_text()


@pytest.mark.parametrize(
    ("given", "touched"),
    [
        ({"equiv_margin": 0.8}, {"compare_composition", "compare_coupling"}),
        ({"target_gene": "CD52"}, {"compare_expression"}),
        ({"n_perms": 10}, {"run_liana", "score_centrality"}),
        ({"reference_compartment": "CSF"}, {"all"}),
    ],
)
def test_steps_that_a_parameter_touches(redo, given, touched):
    steps = ("compare_composition", "compare_coupling", "compare_expression", "run_liana", "score_centrality")
    pass_ = redo(**given)
    assert {step for step in steps if pass_.touched(step)} == (set(steps) if touched == {"all"} else touched)


@pytest.fixture
def calls(monkeypatch):
    """Options of the steps that would be called, which write nothing."""
    calls = {}

    def call(self, step, options, sample="", files=()):
        calls[step] = options
        (self.scratch / step).mkdir()
        (self.scratch / step / "skipped.tsv").touch()
        return self.scratch / step

    monkeypatch.setattr("compartments.after.steps.Steps.call", call)
    return calls


@pytest.mark.parametrize("own", [False, True])
def test_own_networks_touch_the_activities_alone(redo, tmp_path, calls, own):
    (tmp_path / "net.tsv").write_text("source\ttarget\tweight\nA\tB\t1\n")
    (tmp_path / "sets.gmt").write_text("A\td\tB\n")
    given = {"regulators": str(tmp_path / "net.tsv")} | ({"pathways": str(tmp_path / "sets.gmt")} if own else {})
    redo(**given).run()
    assert list(calls) == ["score_activities", "collect_skipped"]
    found = calls["score_activities"]
    assert [path.name for path in found["regulators"]] == ["net.tsv"]
    assert [path.name for path in found["pathways"]] == (["sets.gmt"] if own else ["migration_sets.gmt"])
    assert found.get("lr_resource") == (None if own else "consensus")  # its sides are pathways where no own ones are


def test_a_look_into_a_lineage_touches_nothing_else(redo, calls):
    pass_ = redo(zoom="pDC")
    pass_.run()
    assert list(calls) == ["zoom_lineages", "collect_skipped"]
    assert calls["zoom_lineages"]["cohort"] == pass_.before.root / "cohort/cohort.h5ad"


def test_a_result_made_anew_touches_what_reads_it(redo):
    pass_ = redo()
    assert not pass_.touched("calibrate", "composition/counts.tsv")
    (pass_.out / "composition").mkdir()
    (pass_.out / "composition/counts.tsv").write_bytes((pass_.before.root / "composition/counts.tsv").read_bytes())
    assert not pass_.touched("calibrate", "composition/counts.tsv")
    (pass_.out / "composition/counts.tsv").write_text("other")
    assert pass_.touched("calibrate", "composition/counts.tsv")
    assert pass_.place("composition/counts.tsv") == pass_.out / "composition/counts.tsv"


def test_what_skip_left_out_stays_so_with_its_reasons(tmp_path, calls):
    """A covariate is asked for anew of a run without genes and pairs: neither is computed, and why is still said."""
    sheet = "\n".join(f"{line},{'age' if not n else 30 + n}" for n, line in enumerate(GOOD.strip().split("\n")))
    root = publish(tmp_path / "first", sheet)
    shutil.rmtree(root / "interactions")
    write_json(read_json(root / "pipeline_info/params.json") | {"skip": "interactions,expression"}, root / PARAMS)
    steps = ("compare_expression", "run_liana", "compare_interactions", "compare_coupling")
    parts = ("expression", "interactions", "interactions", "expression")
    rows = [f"{step}\t\t\t\tleft out by --skip {part}" for step, part in zip(steps, parts, strict=True)]
    (root / "skipped.tsv").write_text("stage\tsample\tlineage\tcontrast\treason\n" + "\n".join(sorted(rows)) + "\n")
    before = Before.open(root)
    (tmp_path / "new").mkdir()
    new = asked_anew(before, {"covariates": "age"}, None)
    pass_ = Redo(before, asked_before(before), new, {}, tmp_path / "new", 1)
    assert pass_.asked_else
    pass_.scratch.mkdir()
    pass_._expression()
    Pairs(pass_).compare()
    assert set(calls) == {"score_gene_sets", "score_activities"}
    pass_.steps.called = ["compare_coupling"]
    pass_._left_out()
    kept = (pass_.scratch / "before.tsv").read_text()
    assert kept == (root / "skipped.tsv").read_text()
