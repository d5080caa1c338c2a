"""Embed and cluster all cells of the cohort, for the picture and for reviewing labels.

Writes cohort/: cohort.h5ad, umap.tsv.gz, clusters.tsv, markers.tsv, marker_dots.tsv, mixing.tsv, transfer.tsv; and
skipped.tsv.
"""

import argparse
from pathlib import Path

from compartments.core.contract import Contract
from compartments.core.files import replacing
from compartments.core.left_out import LeftOut
from compartments.core.options import Options

STEP = "embed_cohort"


def arguments() -> argparse.Namespace:
    options = Options(STEP, __doc__)
    options.add_argument("--merged", required=True, help="merged.h5ad")
    options.add_argument("--pseudobulk", required=True, help="pseudobulk.h5ad")
    options.add_argument("--filtered", nargs="+", type=Path, required=True, help="<s>.filtered.h5ad of all samples")
    options.add_argument("--cpus", type=int, default=1, help="threads; the results do not depend on it")
    return options.parse_args()


def main() -> None:
    given = arguments()
    import anndata
    import h5py
    import numpy as np
    import pandas as pd

    from compartments.cohort import embedding, marker_genes, on_disk
    from compartments.cohort.clusters import cluster_table
    from compartments.cohort.mixing import mixing_table
    from compartments.cohort.transfer import transfer_in

    contract = Contract.of(STEP)
    settings = embedding.Settings(given.integration_key, given.embedding, given.seed, given.cpus)
    merged, bulk = anndata.read_h5ad(given.merged), anndata.read_h5ad(given.pseudobulk)
    chosen = embedding.choose_genes(merged, settings.key)
    wanted = np.any([table["highly_variable"] for table in chosen.values()], axis=0)
    listed = merged.var["everywhere"].to_numpy(bool)
    Path("cohort").mkdir(exist_ok=True)
    with replacing("cohort/cohort.h5ad") as temporary, h5py.File(temporary, "w") as file:
        samples = on_disk.counts_of_samples(merged, given.filtered)
        values = on_disk.write_matrices(file, samples, wanted)
        genes = merged.var_names[wanted]
        cohort = embedding.cells_to_embed(values, genes, merged.obs, chosen[""])
        embedding.embed(cohort, settings)
        left_out = LeftOut(STEP)
        embedding.say_sketch(cohort.obs, left_out)
        left_out.write()
        lineages = marker_genes.sums_of_lineages(bulk, listed)
        stored = on_disk.corrected_of_samples(file, merged.obs["sample"])
        clusters = marker_genes.sums_of_clusters(stored, cohort.obs, listed)
        markers, drawn = marker_genes.markers_of_cohort(lineages, clusters, merged.var_names[listed])
        contract.write(markers, "cohort/markers.tsv")
        contract.write(drawn, "cohort/marker_dots.tsv")
        contract.write(cluster_table(cohort, markers[markers["level"] == "cluster"]), "cohort/clusters.tsv")
        mixing = mixing_table(cohort, seed=given.seed)
        within = embedding.embed_within(values, genes, cohort, chosen, settings)
        contract.write(pd.concat([mixing, *within]), "cohort/mixing.tsv")
        contract.write(embedding.coordinate_table(cohort), "cohort/umap.tsv.gz")
        contract.write(transfer_in(cohort, merged.uns["reference_compartment"], given.seed), "cohort/transfer.tsv")
        on_disk.write_around(file, embedding.parts_of_file(cohort, merged, chosen[""]))
