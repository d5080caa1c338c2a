"""The step plan."""

import pytest

from compartments.core.contract import Contract
from compartments.core.files import read_tsv


def test_a_table_and_a_figure(tmp_path, execute):
    done = execute("plan", "--donors", "2,6", "--cells", "50,5000", "--lineage", ".5%")
    assert done.returncode == 0 and "A 2-fold change" in done.stdout, done.stderr
    table = read_tsv(tmp_path / "plan.tsv")
    assert list(table) == Contract.of("plan").names("plan.tsv") and len(table) == 2 * 2 * 2 * 2
    assert (tmp_path / "plan.svg").read_text().startswith("<?xml")
    done = execute("plan", "--donors", "2,6")
    assert done.returncode == 2 and "nothing is overwritten" in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [(["--donors", "many"], "--donors 'many'"), (["--lineage", "7"], "--lineage '7'"), (["--fold", "1"], "--fold 1")],
)
def test_bad_options_are_one_line(tmp_path, execute, options, message):
    done = execute("plan", *options)
    assert done.returncode == 2 and message in done.stderr and done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
