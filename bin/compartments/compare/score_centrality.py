"""Measure how central each lineage of one sample is in its networks of ligands and receptors."""

import argparse
from pathlib import Path

from compartments.core.errors import UserError
from compartments.core.left_out import write_skipped

MIGRATION_PAIRS = Path(__file__).resolve().parents[3] / "assets" / "interaction_groups.tsv"
STAGE = "score_centrality"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--filtered", required=True, help="<sample>.filtered.h5ad")
    parser.add_argument("--doublets", required=True, help="<sample>.doublets.tsv.gz")
    parser.add_argument("--labels", required=True, help="<sample>.labels.tsv.gz")
    parser.add_argument(
        "--lr_resource", default="consensus", help="a resource of LIANA, or a .tsv with columns ligand, receptor"
    )
    parser.add_argument(
        "--migration_pairs",
        default=MIGRATION_PAIRS,
        help="groups of pairs that make the network 'migration': columns group, role, gene or group, ligand, receptor "
        "(default: chemokine and adhesion pairs)",
    )
    parser.add_argument("--n_perms", type=int, default=1000, help="label permutations (default 1000)")
    parser.add_argument("--min_cells", type=int, default=5, help="cells a lineage needs (default 5)")
    parser.add_argument(
        "--expr_prop", type=float, default=0.1, help="share of cells that must express a partner (default .1)"
    )
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    import numpy as np

    from compartments.cohort.sample import load_annotated
    from compartments.compare.centrality import Expression, score_centrality
    from compartments.compare.liana import log_normalise, testable_cells
    from compartments.core.files import write_tsv
    from compartments.core.pairs import check_genes, read_groups, read_resource

    if options.n_perms < 1 or options.min_cells < 1 or not 0 <= options.expr_prop <= 1:
        raise UserError("--n_perms and --min_cells are at least 1, --expr_prop lies between 0 and 1")
    resource = read_resource(options.lr_resource)
    migration = np.any(list(read_groups(options.migration_pairs, resource).values()), axis=0)
    adata = load_annotated(options.filtered, options.doublets, options.labels)
    check_genes(resource, adata.var_names, options.lr_resource, options.filtered)
    sample = adata.uns["sample"]
    lineages = adata.obs["lineage"].to_numpy(object)
    keep, reasons = testable_cells(lineages, options.min_cells)
    skipped = [{"stage": STAGE, "sample": sample, "lineage": name, "reason": why} for name, why in reasons.items()]
    n_lineages = len(set(lineages[keep]))
    if n_lineages < 2:
        reason = f"{n_lineages} lineage with at least {options.min_cells} cells: a network needs two"
        write_skipped([*skipped, {"stage": STAGE, "sample": sample, "reason": reason}])
        return
    expression = Expression.of(
        log_normalise(adata.layers["corrected"][keep]),
        adata.var_names,
        resource,
        {"all": np.ones(len(resource), bool), "migration": migration},
        options.expr_prop,
    )
    nodes, edges = score_centrality(expression, lineages[keep], options.n_perms, options.seed)
    for network, rows in nodes.groupby("network", sort=False):
        if rows["share"].isna().all():
            reason = f"network '{network}': no pair has both partners expressed, so no lineage has a share"
            skipped.append({"stage": STAGE, "sample": sample, "reason": reason})
    for table, kind in ((nodes, "centrality"), (edges, "network")):
        table.insert(0, "sample", sample)
        write_tsv(table, f"{sample}.{kind}.tsv")
    write_skipped(skipped)
