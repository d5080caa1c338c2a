"""Embed and cluster all cells of the cohort, for the picture and for reviewing labels.

Writes cohort.h5ad, umap.tsv.gz, clusters.tsv, mixing.tsv and transfer.tsv.
"""

import argparse

from compartments.core.files import replacing


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--merged", required=True, help="merged.h5ad")
    parser.add_argument("--integration_key", default="donor", help="column of obs that Harmony corrects for, or none")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    import anndata
    import pandas as pd

    from compartments.cohort import embedding
    from compartments.cohort.transfer import transfer_table
    from compartments.core.files import write_tsv

    cohort = anndata.read_h5ad(arguments.merged)
    cohort.X = embedding.normalised_matrix(cohort.layers["corrected"])
    embedding.embed(cohort, arguments.integration_key, arguments.seed)
    voted = embedding.vote(
        *(cohort.obs[c] for c in ("lineage", "model_lineage", "confidence")), cohort.obs["overcluster"]
    )
    cohort.obs["lineage_voted"] = pd.Categorical(voted)
    write_tsv(embedding.cluster_table(cohort), "clusters.tsv")
    mixing = embedding.mixing_table(cohort, seed=arguments.seed)
    mixing.insert(0, "compartment", "")
    within = embedding.embed_within(cohort, arguments.integration_key, arguments.seed)
    write_tsv(pd.concat([mixing, *within]), "mixing.tsv")
    umap = cohort.obs[["sample", "barcode", "leiden", "lineage_voted", "leiden_within"]].rename_axis("cell")
    umap = umap.reset_index()
    umap[["umap_1", "umap_2"]] = cohort.obsm["X_umap"]
    umap[["umap_1_within", "umap_2_within"]] = cohort.obsm["X_umap_within"]
    write_tsv(umap, "umap.tsv.gz")
    compartment = cohort.obs["compartment"].astype(str).to_numpy()
    reference = str(cohort.uns["reference_compartment"])
    order = [reference, *sorted(set(compartment) - {reference})]
    variable = cohort.X[:, cohort.var["highly_variable"].to_numpy()]
    lineage = cohort.obs["lineage"].astype(str).to_numpy()
    write_tsv(transfer_table(variable, lineage, compartment, order, arguments.seed), "transfer.tsv")
    embedding.suit_other_tools(cohort)
    with replacing("cohort.h5ad") as temporary:
        cohort.write_h5ad(temporary, compression="gzip", compression_opts=1)
