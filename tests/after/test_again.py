"""A comparison again that cannot be: one line, and no folder."""

import pytest

from compartments.after.again import compare_again
from compartments.after.before import Before
from compartments.core.errors import UserError
from tests.support.published import publish
from tests.support.sheets import GOOD


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    return Before.open(publish(tmp_path_factory.mktemp("results") / "first", GOOD))


def test_what_changes_nothing_writes_nothing(before, tmp_path):
    with pytest.raises(UserError, match="nothing changes by what is given"):
        compare_again(before, {"equiv_margin": 1}, None, tmp_path / "new", 1, ("", ""))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"covariates": "weight"}, "--covariates 'weight' is not a column"),
        ({"contrasts": "{folder}/c.csv"}, "'treatd' is not a condition"),
        ({"primary_lineages": "pDCs"}, "--primary_lineages 'pDCs' is no lineage"),
        ({"zoom": "pDC,CD4T"}, "--zoom 'CD4T' is no lineage of the lineage map; did you mean 'CD4_T'"),
        ({"label_overrides": "{folder}/l.tsv"}, "'X' is no lineage"),
        ({"lineage_map": "{folder}/gone.tsv"}, "--lineage_map .*gone.tsv: there is no such file"),
    ],
)
def test_what_cannot_be_asked_writes_nothing(before, tmp_path, given, message):
    (tmp_path / "c.csv").write_text("condition,reference\ntreatd,control\n")
    (tmp_path / "l.tsv").write_text("sample\tbarcode\tlineage\nP1_CSF\tA\tX\n")
    given = {name: value.format(folder=tmp_path) for name, value in given.items()}
    with pytest.raises(UserError, match=message):
        compare_again(before, given, None, tmp_path / "new", 1, ("", ""))
    assert {path.name for path in tmp_path.iterdir()} == {"c.csv", "l.tsv"}


def test_the_command_overwrites_nothing(before, tmp_path, execute):
    done = execute("compare", before.root, "--out", tmp_path)
    assert done.returncode == 2 and "exists, and nothing is overwritten" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "line"), [(["--n_perms", "few"], "--n_perms is 'few'"), (["--covariates", "weight"], "is not a column")]
)
def test_a_problem_is_written_for_the_pipeline_to_say(before, tmp_path, execute, words, line):
    done = execute("compare", before.root, "--out", "new", "--problems", "problems.txt", *words)
    assert done.returncode == 0 and line in (tmp_path / "problems.txt").read_text() and not (tmp_path / "new").exists()
