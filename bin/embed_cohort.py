#!/usr/bin/env python3
"""Embed and cluster all cells of the cohort, for the picture and for reviewing labels.

Writes cohort.h5ad, umap.tsv.gz, clusters.tsv and mixing.tsv.
"""

import argparse

from compartments.cli import replacing, run


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--merged", required=True, help="merged.h5ad")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    import anndata
    import pandas as pd

    from compartments import embedding
    from compartments.tables import write_tsv

    cohort = anndata.read_h5ad(arguments.merged)
    cohort.X = embedding.normalised_matrix(cohort.layers["corrected"])
    embedding.embed(cohort, arguments.seed)
    voted = embedding.vote(
        *(cohort.obs[c] for c in ("lineage", "model_lineage", "confidence")), cohort.obs["overcluster"]
    )
    cohort.obs["lineage_voted"] = pd.Categorical(voted)
    write_tsv(embedding.cluster_table(cohort), "clusters.tsv")
    write_tsv(embedding.mixing_table(cohort, seed=arguments.seed), "mixing.tsv")
    umap = cohort.obs[["sample", "barcode", "leiden", "lineage_voted"]].rename_axis("cell").reset_index()
    umap[["umap_1", "umap_2"]] = cohort.obsm["X_umap"]
    write_tsv(umap, "umap.tsv.gz")
    with replacing("cohort.h5ad") as temporary:
        cohort.write_h5ad(temporary, compression="gzip", compression_opts=1)


if __name__ == "__main__":
    run(main)
