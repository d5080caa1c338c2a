"""LIANA as its documentation calls it, ``by_sample``: what speed_interactions.py compares with.

    python -m benchmarks.compare.plain_liana PERMUTATIONS OUT.parquet SAMPLE.filtered.h5ad ...

Lineages are what cells' names begin with, up to the first underscore.
"""

import sys
import warnings

import anndata
import liana

from compartments.compare.scored_cells import log_normalise


def main():
    warnings.simplefilter("ignore")
    n_perms, out, *paths = sys.argv[1:]
    parts = {}
    for path in paths:
        part = anndata.read_h5ad(path)
        x = log_normalise(part.layers["corrected"])
        parts[path.split("/")[-1].split(".")[0]] = anndata.AnnData(x, obs=part.obs, var=part.var)
    adata = anndata.concat(parts, label="sample", index_unique="-")
    adata.obs["lineage"] = [name.split("_")[0] for name in adata.obs_names]
    table = liana.mt.rank_aggregate.by_sample(
        adata,
        sample_key="sample",
        groupby="lineage",
        use_raw=False,
        expr_prop=0.1,
        min_cells=10,
        n_perms=int(n_perms),
        seed=1,
        inplace=False,
        verbose=False,
    )
    table.to_parquet(out)


if __name__ == "__main__":
    main()
