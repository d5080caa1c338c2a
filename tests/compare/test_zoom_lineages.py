"""The step: files, bytes, lineages that cannot be looked into."""

from compartments.core import files
from compartments.core.contract import Contract
from tests.compare.test_zoom import STEP, samples_of, write_cohort
from tests.support.cohorts import study_of

FILES = [f"zoom/{name}" for name in ("cells.tsv.gz", "clusters.tsv", "counts.tsv", "effects.tsv", "donors.tsv")]
GIVEN = ["--study", "study.json", "--cohort", "cohort.h5ad", "--seed", 1]


def test_executable(tmp_path, execute):
    write_cohort(tmp_path / "cohort.h5ad", samples_of())
    study_of(samples_of()).save(tmp_path / "study.json")
    contents = []
    for cpus in (1, 2):
        done = execute(STEP, *GIVEN, "--zoom", "T,rare", "--zoom_resolution", 0.3, "--cpus", cpus)
        assert done.returncode == 0, done.stderr
        contents.append([(tmp_path / name).read_bytes() for name in [*FILES, "skipped.tsv"]])
    assert contents[0] == contents[1]
    for name in FILES:
        table = files.read_tsv(tmp_path / name)
        assert list(table) == Contract.of(STEP).names(name) and set(table["lineage"]) == {"T"}
    (row,) = files.read_tsv(tmp_path / "skipped.tsv").to_dict("records")
    assert row["lineage"] == "rare" and "needs 50" in row["reason"]

    done = execute(STEP, *GIVEN, "--zoom", "rare")
    assert done.returncode == 0, done.stderr
    for name in FILES:
        assert list(files.read_tsv(tmp_path / name)) == Contract.of(STEP).names(name)
    done = execute(STEP, *GIVEN, "--zoom", "T", "--zoom_resolution", 0)
    assert done.returncode == 2 and done.stderr == "ERROR: --zoom_resolution 0.0 is not above 0\n"
