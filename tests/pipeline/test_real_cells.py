"""Real cells of blood and CSF, from the samplesheet to the report; long: `make test-long`."""

import pandas as pd
import pytest

from tests.support.real_cohort import write_real_cohort
from tests.support.runs import nextflow

pytestmark = [pytest.mark.pipeline, pytest.mark.long]


def test_real_cells_from_samplesheet_to_report(project, tmp_path, real_data):
    sheet = write_real_cohort(real_data, tmp_path / "input")
    done = nextflow(
        project,
        tmp_path,
        *("-profile", "local", "--input", sheet, "--outdir", "out", "--allow_mixed_ambient", "--n_perms", "100"),
        *("--celltypist_model", real_data / "models" / "Immune_All_Low.pkl"),
        NXF_SYNTAX_PARSER="v2",
    )
    assert done.code == 0, done.text[-4000:]
    cells = pd.read_csv(tmp_path / "out" / "cohort" / "cells.tsv.gz", sep="\t")
    shares = cells.groupby("compartment")["lineage_broad"].value_counts(normalize=True)
    for lineage in ("T", "B", "Mono_Mac"):
        assert shares["blood", lineage] > 0.05, lineage
    # by their published label 209 of the 2,170 cells are NK, but only 44 of these without CD3
    assert 44 / 2170 < shares["blood", "NK_ILC"] < 209 / 2170
    pdc = cells.query("compartment == 'blood' and lineage == 'pDC'")
    assert 15 <= len(pdc) <= 25, "the 2,170 blood cells hold 20 pDC"
    assert (cells.query("compartment == 'CSF'")["lineage"] == "Macrophage").mean() > 0.01
    assert shares["CSF", "T"] > 0.5 and shares["CSF", "B"] < 0.05 if ("CSF", "B") in shares else True
    design = pd.read_csv(tmp_path / "out" / "design.tsv", sep="\t")
    assert set(design["tier"]) == {"descriptive"}
    findings = pd.read_csv(tmp_path / "out" / "findings.tsv", sep="\t", keep_default_na=False)
    assert set(findings["verdict"]) == {"cannot_tell"}
    report = (tmp_path / "out" / "report.html").read_text()
    assert "descriptive" in report
    for lineage in ("pDC", "Macrophage", "CD4_T", "NK", "cMono"):
        assert lineage in report
