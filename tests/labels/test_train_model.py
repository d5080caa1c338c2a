"""References that no model can be trained on."""

import numpy as np
import pandas as pd
from scipy import sparse


def test_training_refuses_bad_references(execute, tmp_path, root):
    import anndata

    counts = sparse.csr_matrix(np.random.default_rng(0).poisson(1.0, (40, 20)).astype(np.float32))
    adata = anndata.AnnData(
        counts, obs=pd.DataFrame({"type": ["a"] * 20 + ["b"] * 20}, index=[f"c{i}" for i in range(40)])
    )
    adata.write_h5ad(tmp_path / "good.h5ad")
    lineage_map = root / "assets" / "celltypist_immune_all_low_lineage.tsv"
    named = adata.copy()
    named.obs["type"] = ["CD4 T"] * 20 + ["B"] * 20
    named.write_h5ad(tmp_path / "named.h5ad")
    adata[:25].write_h5ad(tmp_path / "few.h5ad")
    adata.X = adata.X * 0.37
    adata.write_h5ad(tmp_path / "scaled.h5ad")
    for arguments, message in (
        (
            ["--reference", "good.h5ad", "--labels", "lineage"],
            "--labels 'lineage' is not in obs of good.h5ad; it has type",
        ),
        (["--reference", "few.h5ad", "--labels", "type"], "fewer than two labels with 10 cells"),
        (["--reference", "scaled.h5ad", "--labels", "type"], "neither whole-number counts nor log1p"),
        (["--reference", "absent.h5ad", "--labels", "type"], "absent.h5ad: cannot be read"),
        (
            ["--reference", "named.h5ad", "--labels", "type", "--lineage_map", lineage_map],
            "label 'CD4 T' has no lineage in the lineage map; did you mean 'CD4_T'?",
        ),
    ):
        done = execute("train_model", *arguments)
        assert done.returncode == 2 and message in done.stderr.splitlines()[-1], done.stderr
        assert not (tmp_path / "model.pkl").exists() and "Traceback" not in done.stderr
