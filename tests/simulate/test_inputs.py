"""Composition, effects and labels of a user."""

import json

import numpy as np
import pandas as pd
from scipy import sparse

from compartments.study.samplesheet import parse_samplesheet


def test_own_compartments_and_effects(execute, tmp_path):
    base = "lineage\tsynovia\tpleura\tblood\nCD4_T\t.5\t.4\t.6\ncMono\t.4\t.5\t.3\npDC\t.1\t.1\t.1\n"
    (tmp_path / "base.tsv").write_text(base)
    (tmp_path / "effects.tsv").write_text("lineage\tcompartment\tlog2fc\npDC\tsynovia\t2\n")
    done = execute(
        "simulate_cohort",
        "--outdir",
        "out",
        "--base",
        "base.tsv",
        "--effects",
        "effects.tsv",
        "--treated",
        1,
        "--untreated",
        1,
        "--genes",
        600,
        "--empties",
        200,
        "--scale",
        0.2,
        "--cells_per_sample",
        "pleura=300",
    )
    assert done.returncode == 0, done.stderr
    sheet = parse_samplesheet((tmp_path / "out" / "samplesheet.csv").read_text())
    assert sheet["compartment"].tolist() == ["synovia", "pleura", "blood"] * 2
    effects = pd.read_csv(tmp_path / "out" / "truth" / "lineage_effects.tsv", sep="\t", index_col="lineage")
    assert effects.loc["pDC"].to_dict() == {"synovia": 2, "pleura": 0, "blood": 0, "interaction": 2}
    assert json.loads((tmp_path / "out" / "truth" / "study.json").read_text())["simulated"] is True


def test_resampling_refuses_labels_that_no_preset_changes(execute, tmp_path):
    import anndata

    obs = pd.DataFrame({"type": ["x", "y"] * 20}, index=[f"c{i}" for i in range(40)])
    anndata.AnnData(sparse.csr_matrix(np.ones((40, 20), np.float32)), obs=obs).write_h5ad(tmp_path / "cells.h5ad")
    done = execute(
        "simulate_cohort", "--outdir", "out", "--mode", "resample", "--cells", "cells.h5ad", "--labels", "type"
    )
    assert done.returncode == 2 and "the presets change none of x, y; give --effects or --preset null" in done.stderr
