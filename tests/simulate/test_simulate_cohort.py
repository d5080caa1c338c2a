"""The step: same seed same bytes, memory of one sample, real cells, one line for a mistake."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from tests.support.simulated import SMALL, read_10x


def test_same_seed_same_bytes_and_other_seed_not(execute, tmp_path):
    arms = ["--treated", 1, "--untreated", 1, "--scale", 0.1, "--genes", 600, "--empties", 200]
    for folder, seed in (("one", 7), ("two", 7), ("other", 8)):
        assert execute("simulate_cohort", "--outdir", folder, "--seed", seed, *arms).returncode == 0
    files = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert len(files) == 4 * 3 + 11 + 2  # three per sample, truth tables, samplesheet and reference
    for path in files:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes(), path
    different = [(tmp_path / "one" / p).read_bytes() != (tmp_path / "other" / p).read_bytes() for p in files]
    assert sum(different) > len(files) // 2


def test_memory_does_not_grow_with_samples(tmp_path):
    """12 samples must not need much more than 2: samples are made and written one by one."""
    # the kernel's ru_maxrss would count what the process that started it held
    program = (
        "import sys\nfrom compartments.core import door\n"
        "try: door.call(sys.argv[1], sys.argv[2:])\n"
        "finally: print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0], file=sys.stderr)"
    )
    peaks = []
    for donors in (1, 5):
        command = [
            sys.executable,
            "-c",
            program,
            "simulate_cohort",
            "--treated",
            1,
            "--untreated",
            donors,
            "--outdir",
            tmp_path / str(donors),
            "--genes",
            1000,
            "--empties",
            2000,
            "--scale",
            0.3,
        ]
        done = subprocess.run([*map(str, command)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stderr.split()[-1]) / 1024)
    assert peaks[1] < peaks[0] + 100 and peaks[1] < 1024  # MiB


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--treated", 0], "0 donors in the condition arm: give at least one donor per arm"),
        (["--untreated", 0], "0 donors in the reference arm"),
        (
            ["--preset", "nul"],
            "--preset 'nul' is unknown; it is one of alemtuzumab, null, synchronous, uncoupled, decoys",
        ),
        (["--genes", 99999], "--genes 99999: give a number from"),
        (["--effects", "effects.tsv"], "unknown lineage 'CD4'; valid are CD4_T, CD8_T"),
        (["--effects", "where.tsv"], "unknown compartment 'lymph'; valid are CSF, blood"),
        (["--effects", "absent.tsv"], "absent.tsv: no such file"),
        (["--outlier", "D99"], "--outlier 'D99' is not a donor; the donors are D01, D02"),
        (["--cells_per_sample", "CSF=many"], "write COMPARTMENT=N"),
        (["--mode", "resample"], "--mode resample needs --cells"),
        (["--scale", 0], "--scale 0: give a positive number"),
        (["--preset", "one_condition", "--treated", 2], "one_condition has no --treated donors; give their number as"),
        (["--condition", "untreated"], "--condition and --reference are both 'untreated': name them apart"),
    ],
)
def test_bad_input_is_one_line(execute, tmp_path, arguments, message):
    (tmp_path / "effects.tsv").write_text("lineage\tcompartment\tlog2fc\nCD4\tCSF\t-1\n")
    (tmp_path / "where.tsv").write_text("lineage\tcompartment\tlog2fc\nCD4_T\tlymph\t-1\n")
    done = execute("simulate_cohort", "--outdir", "out", *SMALL, *arguments)
    assert done.returncode == 2 and message in done.stderr
    assert done.stderr.count("\n") == 1 and "Traceback" not in done.stderr
    assert not (tmp_path / "out" / "samplesheet.csv").exists()


def test_resampled_real_cells(execute, real_data, tmp_path):
    import anndata

    path = real_data / "pbmc4k" / "pbmc4k_2170_cells.h5ad"
    if not path.is_file():
        pytest.skip(f"{path} not found")
    (tmp_path / "effects.tsv").write_text("lineage\tcompartment\tlog2fc\nT_CD4\tCSF\t-3\nT_CD4\tblood\t-3\n")
    resample = ["--mode", "resample", "--cells", path, "--labels", "Annotation", "--empties", 500, "--scale", 0.3]
    done = execute("simulate_cohort", "--outdir", "out", "--effects", "effects.tsv", *resample)
    assert done.returncode == 0, done.stderr
    cells = pd.read_csv(tmp_path / "out" / "truth" / "cells.tsv.gz", sep="\t")
    share = (cells["lineage"] == "T_CD4").groupby(cells["sample"]).mean()
    assert share[["D01_CSF", "D02_blood"]].max() < share[["D03_CSF", "D04_blood"]].min()
    truth = anndata.read_h5ad(tmp_path / "out" / "truth" / "D03_blood.h5ad")
    real = anndata.read_h5ad(path)
    assert list(truth.var_names) == list(real.var_names)
    umi = np.asarray(truth.layers["native"].sum(axis=1)).ravel()
    depth = np.median(np.asarray(real.X.sum(axis=1)).ravel())
    assert 0.4 * depth < np.median(umi) <= depth
    raw, barcodes, features = read_10x(tmp_path / "out" / "D03_blood" / "raw_feature_bc_matrix.h5")
    assert raw.shape == (len(barcodes), real.n_vars) and len(barcodes) > truth.n_obs + 400
