"""The step: files, bytes, a bad file."""

import numpy as np
import pytest

from benchmarks.studies import pseudobulk_study
from compartments.core import files
from compartments.core.contract import Contract
from tests.compare.test_genesets import SETS
from tests.support.pseudobulks import write_inputs

STEP = "score_activities"
FILES = ("activities/scores.tsv", "activities/effects.tsv", "activities/donors.tsv.gz", "skipped.tsv")
GIVEN = ["--study", "study.json", "--pseudobulk", "pseudobulk.h5ad", "--pathways", "sets.gmt"]


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(4)
    lineages = {name: pseudobulk_study(rng, 2, 4, n_genes=200, set_size=40) for name in ("B", "NK")}
    write_inputs(tmp_path, lineages)
    (tmp_path / "sets.gmt").write_text("".join("\t".join([name, "d", *genes]) + "\n" for name, genes in SETS.items()))
    rows = [f"TF\t{gene}\t{weight}" for gene, weight in zip(SETS["SET"], np.linspace(-1, 1.9, 40), strict=True)]
    (tmp_path / "net.tsv").write_text("\n".join(["source\ttarget\tweight", *rows]) + "\n")
    return tmp_path


def test_executable(folder, execute):
    contents = []
    for _ in range(2):
        done = execute(STEP, *GIVEN, "--regulators", "net.tsv")
        assert done.returncode == 0, done.stderr
        contents.append([(folder / name).read_bytes() for name in FILES])
    assert contents[0] == contents[1]
    for name in FILES[:3]:
        table = files.read_tsv(folder / name)
        assert list(table.columns) == Contract.of(STEP).names(name)
        assert set(table["kind"]) == {"pathway", "regulator"} and set(table["lineage"]) == {"B", "NK", "all"}
    effects = files.read_tsv(folder / FILES[1])
    assert len(effects) == 3 * 3 * 3 and set(effects["source"]) == {"SET", "OTHER", "TF"}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("sets.gmt", "SET\n", "sets.gmt line 1: needs a set name"),
        ("net.tsv", "source\ttarget\nA\tB\n", "net.tsv row 1: column 'weight' is missing"),
    ],
)
def test_a_bad_file_is_a_line_and_nothing_is_written(folder, execute, name, text, said):
    (folder / name).write_text(text)
    done = execute(STEP, *GIVEN, "--regulators", "net.tsv")
    assert done.returncode == 2 and done.stderr.startswith(f"ERROR: {said}") and done.stderr.count("\n") == 1
    assert not (folder / "activities").exists()
