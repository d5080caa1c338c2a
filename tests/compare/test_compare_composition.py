"""The step: bytes, files, mistakes of the user."""

import json

import pandas as pd
import pytest

from compartments.core.contract import Contract
from compartments.core.files import read_tsv, write_tsv
from tests.support.cohorts import cohort, long_counts


@pytest.fixture
def staged(tmp_path):
    study, counts, _ = cohort()
    study.save(tmp_path / "study.json")
    write_tsv(long_counts(counts), tmp_path / "counts.tsv")
    return tmp_path


FILES = [
    "composition/effects.tsv", "composition/donors.tsv", "composition/single_case.tsv", "composition/calls.tsv",
    "composition/compartments.tsv", "composition/composition.json", "skipped.tsv",
]  # fmt: skip


def test_executable_twice_gives_the_same_bytes(staged, execute):
    done = execute("compare_composition", "--study", "study.json", "--counts", "counts.tsv")
    assert done.returncode == 0, done.stderr
    first = {name: (staged / name).read_bytes() for name in FILES}
    execute("compare_composition", "--study", "study.json", "--counts", "counts.tsv")
    assert first == {name: (staged / name).read_bytes() for name in FILES}
    contract = Contract.of("compare_composition")
    effects = read_tsv(staged / "composition/effects.tsv", contract.names("composition/effects.tsv"))
    assert len(effects) == 3 * 13
    assert json.loads((staged / "composition/composition.json").read_text())["scale"] == "abs"


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda t: t.assign(n_cells=t["n_cells"].where(t.index != 3, -1)), [], "row 5, column n_cells: '-1'"),
        (lambda t: t.assign(n_cells=t["n_cells"] + 0.5), [], "row 2, column n_cells"),
        (lambda t: t.assign(level="fine"), [], "row 2, column level: 'fine' is not one of lineage"),
        (lambda t: pd.concat([t, t.iloc[:1]]), [], "sample 'D01_CSF' is there twice"),
        (lambda t: t.drop(columns="n_cells"), [], "column 'n_cells' is missing"),
        (lambda t: t.assign(sample="S" + t["sample"]), [], "sample 'SD01_CSF' is not in the study"),
        (lambda t: t, ["--equiv_margin", "0"], "--equiv_margin 0.0 is not above 0"),
        (lambda t: t, ["--cv_total", "-1"], "--cv_total is -1; give a number at least 0"),
    ],
)
def test_bad_input_is_one_line(staged, execute, change, options, message):
    table = read_tsv(staged / "counts.tsv")
    write_tsv(change(table), staged / "counts.tsv")
    done = execute("compare_composition", "--study", "study.json", "--counts", "counts.tsv", *options)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1
    assert message in done.stderr
    assert not (staged / "composition").exists()
