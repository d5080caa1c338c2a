"""Measure how central each lineage of one sample is in its networks of ligands and receptors."""

from argparse import Namespace

from compartments.core.errors import UserError
from compartments.core.left_out import LeftOut
from compartments.core.options import Options
from compartments.core.vocabulary import MIGRATION_PAIRS

STEP = "score_centrality"
TOO_SHALLOW = "too few UMIs per cell for a network: thinned to its depth, no sample would show any signal (depth.tsv)"


def arguments() -> Namespace:
    parser = Options(STEP, __doc__)
    parser.add_argument("--filtered", required=True, help="<sample>.filtered.h5ad")
    parser.add_argument("--doublets", required=True, help="<sample>.doublets.tsv.gz")
    parser.add_argument("--labels", required=True, help="<sample>.labels.tsv.gz")
    parser.add_argument(
        "--lr_resource", default="consensus", help="a resource of LIANA, or a .tsv with columns ligand, receptor"
    )
    parser.add_argument(
        "--migration_pairs",
        default=MIGRATION_PAIRS,
        help="pairs of the network 'migration': columns group, role, gene or group, ligand, receptor",
    )
    parser.add_argument(
        "--umis_kept",
        type=float,
        default=1.0,
        help="share of the UMIs that the cells are thinned to, of depth.tsv; 0: too shallow, no network is made",
    )
    parser.add_argument("--genes", help="genes.tsv: names in the cohort, and genes that some samples' files lack")
    parser.add_argument(
        "--ambient_genes",
        required=True,
        help="ambient_genes.tsv: genes that are mostly ambient in a lineage, no partners of it in any sample",
    )
    parser.add_argument("--min_cells", type=int, default=5, help="cells that a lineage needs")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    if given.min_cells < 1:
        raise UserError(f"--min_cells is {given.min_cells}; give at least 1")
    if not 0 <= given.umis_kept <= 1:
        raise UserError(f"--umis_kept is {given.umis_kept}; give a share from 0 to 1")

    import numpy as np
    import pandas as pd

    from compartments.cohort.sample import load_annotated
    from compartments.compare import centrality
    from compartments.compare.scored_cells import log_normalise, testable_cells
    from compartments.core.files import read_tsv, write_tsv
    from compartments.core.matrix import thin, totals
    from compartments.core.pairs import check_genes, read_groups, read_resource
    from compartments.core.species import species_of

    left_out = LeftOut(STEP)
    sample, genes, corrected, lineages = load_annotated(given.filtered, given.doublets, given.labels, given.genes)
    species = species_of(genes)
    resource = read_resource(given.lr_resource, species)
    groups = read_groups(given.migration_pairs, resource, species)
    check_genes(resource, genes, given.lr_resource, given.filtered)
    keep, reasons = testable_cells(lineages, given.min_cells)
    for lineage, reason in reasons.items():
        left_out.add(reason, sample=sample, lineage=lineage)
    reason = centrality.too_few_lineages(lineages[keep], given.min_cells) or (
        TOO_SHALLOW if not given.umis_kept else ""
    )
    if reason:
        left_out.add(reason, sample=sample)
    else:
        counts = thin(corrected[keep], given.umis_kept, np.random.default_rng(given.seed))
        x = log_normalise(counts)
        spoilt = read_tsv(given.ambient_genes, ["lineage", "gene"], ["lineage", "gene"])
        ambient = centrality.ambient_in(spoilt, lineages[keep], genes)
        expression = centrality.Expression.of(x, genes, resource, centrality.networks_of(groups), ambient)
        nodes, edges = centrality.score_centrality(expression, lineages[keep], given.n_perms, given.seed)
        umis = pd.Series(totals(counts)).groupby(lineages[keep]).median()
        nodes.insert(nodes.columns.get_loc("n_cells") + 1, "median_umis", nodes["lineage"].map(umis))
        for reason in centrality.without_shares(nodes):
            left_out.add(reason, sample=sample)
        for kind, table in (("centrality", nodes), ("network", edges)):
            table.insert(0, "sample", sample)
            write_tsv(table, f"{sample}.{kind}.tsv")
    left_out.write()
