"""The step export: one line for a mistake, nothing overwritten or left half-written."""

from tests.support.published import publish
from tests.support.sheets import GOOD


def test_mistakes_are_one_line(tmp_path, execute):
    publish(tmp_path / "results", GOOD)
    for options, message in (
        (["results", "--to", "cellxgene", "--out", "results"], "nothing is overwritten"),
        (["results", "--to", "zarr", "--out", "new"], "cohort.h5ad is missing"),
        (["nowhere", "--to", "10x", "--out", "new"], "there is no such folder"),
    ):
        done = execute("export", *options)
        assert done.returncode == 2 and message in done.stderr and done.stderr.count("\n") == 1, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"results"}
