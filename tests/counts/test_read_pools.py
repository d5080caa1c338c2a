"""The step that reads the table of pools."""

from compartments.core.files import read_json

GIVEN = ("--table", "p.csv", "--problems", "problems.txt")


def test_pools_or_a_problem_are_handed_on(tmp_path, execute):
    (tmp_path / "p.csv").write_text("pool,file\n")
    assert execute("read_pools", *GIVEN).returncode == 0
    problem = (tmp_path / "problems.txt").read_text()
    assert problem == "p.csv has a header but no pool: add one row per pool, with its file\n"
    assert not (tmp_path / "pools.json").exists()
    (tmp_path / "p.csv").write_text("pool;file\n#A;a.h5ad\nB;b.h5ad\n")
    assert execute("read_pools", *GIVEN).returncode == 0 and (tmp_path / "problems.txt").read_text() == ""
    assert read_json(tmp_path / "pools.json") == [{"row": 3, "pool": "B", "file": "b.h5ad"}]
