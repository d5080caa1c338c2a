"""The step power."""

import pandas as pd
import pytest

from compartments.core.contract import Contract
from compartments.core.files import read_tsv, write_tsv


def test_executable(tmp_path, execute):
    from tests.support.cohorts import cohort, long_counts

    study, counts, _ = cohort()
    study.save(tmp_path / "study.json")
    write_tsv(long_counts(counts), tmp_path / "counts.tsv")
    assert execute("compare_composition", "--study", "study.json", "--counts", "counts.tsv").returncode == 0
    of_study = ["power", "--study", "study.json"]
    assert execute(*of_study, "--effects", "composition/effects.tsv", "--out", "a.tsv").returncode == 0
    assert execute(*of_study, "--counts", "counts.tsv", "--out", "b.tsv").returncode == 0
    first, second = read_tsv(tmp_path / "a.tsv"), read_tsv(tmp_path / "b.tsv")
    assert list(first) == Contract.of("power").names("composition/power.tsv")
    pd.testing.assert_frame_equal(first, second, rtol=1e-6)
    planned = ["--cells", "50", "--more", "0"]
    done = execute("power", "--condition", "4", "--reference", "4", *planned)
    assert done.returncode == 0 and len(between := read_tsv(tmp_path / "power.tsv")) == 2
    done = execute("power", "--condition", "4", "--reference", "4", "--design", "within", *planned)
    within = read_tsv(tmp_path / "power.tsv")
    assert done.returncode == 0 and within["df"].eq(6).all() and between["df"].eq(12).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "nothing to compute power from"),
        (["--condition", "2"], "both --condition and --reference"),
        (["--effects", "effects.tsv"], "--study with --effects"),
        (["--condition", "2", "--reference", "4", "--more", "-1"], "--more -1"),
        (["--condition", "2", "--reference", "4", "--design", "within"], "the same donors"),
    ],
)
def test_bad_options_are_one_line(execute, options, message):
    done = execute("power", *options)
    assert done.returncode == 2 and message in done.stderr and len(done.stderr.strip().splitlines()) == 1
