"""Embed and cluster all cells of the cohort, for the picture and for reviewing labels.

Writes cohort/: cohort.h5ad, umap.tsv.gz, clusters.tsv, markers.tsv, marker_dots.tsv, mixing.tsv and transfer.tsv.
"""

import argparse

from compartments.core.contract import Contract
from compartments.core.files import replacing
from compartments.core.options import Options

STEP = "embed_cohort"


def arguments() -> argparse.Namespace:
    options = Options(STEP, __doc__)
    options.add_argument("--merged", required=True, help="merged.h5ad")
    return options.parse_args()


def main() -> None:
    given = arguments()
    import anndata
    import pandas as pd

    from compartments.cohort import embedding
    from compartments.cohort.clusters import cluster_table
    from compartments.cohort.marker_genes import markers_of_cohort
    from compartments.cohort.mixing import mixing_table
    from compartments.cohort.transfer import transfer_in

    contract = Contract.of(STEP)
    cohort = anndata.read_h5ad(given.merged)
    cohort.X = embedding.normalised_matrix(cohort.layers["corrected"])
    embedding.embed(cohort, given.integration_key, given.seed)
    markers, drawn = markers_of_cohort(cohort)
    contract.write(markers, "cohort/markers.tsv")
    contract.write(drawn, "cohort/marker_dots.tsv")
    contract.write(cluster_table(cohort, markers[markers["level"] == "cluster"]), "cohort/clusters.tsv")
    mixing = mixing_table(cohort, seed=given.seed)
    within = embedding.embed_within(cohort, given.integration_key, given.seed)
    contract.write(pd.concat([mixing, *within]), "cohort/mixing.tsv")
    contract.write(embedding.coordinate_table(cohort), "cohort/umap.tsv.gz")
    contract.write(transfer_in(cohort, given.seed), "cohort/transfer.tsv")
    embedding.suit_other_tools(cohort)
    with replacing("cohort/cohort.h5ad") as temporary:
        cohort.write_h5ad(temporary, compression="gzip", compression_opts=1)
