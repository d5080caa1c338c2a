"""Shared by the tests of executors, containers, faults and resuming: a small cohort, one run, a copy of the project."""

import subprocess

import pandas as pd
import pytest

from tests.support.runs import DAMAGED, arguments_of, nextflow, once, step, tracked, write_damaged

COHORT = ["--treated", "1", "--untreated", "2", "--scale", "0.2", "--genes", "700", "--empties", "200", "--filtered"]


@pytest.fixture(scope="session")
def cohort(tmp_path_factory):
    """Folder with ``sheet.csv`` and ``model.pkl``: filtered counts of three donors, and a damaged file."""

    def make(folder):
        program = step("simulate_cohort", "--outdir", folder / "input", *COHORT)
        subprocess.run(program, check=True, capture_output=True)
        sheet = pd.read_csv(folder / "input" / "samplesheet.csv").drop(columns=["raw", "expected_cells"])
        sheet["filtered"] = [str(folder / "input" / name) for name in sheet["filtered"]]
        extra = sheet.iloc[[-2]].assign(sample=DAMAGED, donor="D04", filtered=str(folder / "damaged.h5"))
        write_damaged(sheet["filtered"].iloc[-2], folder / "damaged.h5")
        pd.concat([sheet, extra]).to_csv(folder / "sheet.csv", index=False)
        program = step("train_model", "--label_reference_column", "lineage")
        given = ["--label_reference", str(folder / "input" / "reference.h5ad"), "--out", str(folder / "model.pkl")]
        subprocess.run([*program, *given], check=True, capture_output=True)

    return once(tmp_path_factory, "cohort", make)


@pytest.fixture(scope="session")
def local_run(cohort, tmp_path_factory):
    """Results folder of the small cohort on this machine, to which other ways of running are compared."""

    def make(folder):
        done = nextflow(
            tracked(folder / "project"), folder, *("-profile", "local", "--outdir", "out"), *arguments_of(cohort)
        )
        assert done.code == 0, done.text[-4000:]

    return once(tmp_path_factory, "local_run", make) / "out"
