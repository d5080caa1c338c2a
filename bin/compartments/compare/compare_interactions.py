"""Compare interactions between conditions: edges, groups of pairs, centrality, and across compartments."""

import argparse
from pathlib import Path

from compartments.core.errors import UserError
from compartments.core.left_out import write_skipped

MIGRATION_PAIRS = Path(__file__).resolve().parents[3] / "assets" / "interaction_groups.tsv"
STAGE = "compare_interactions"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", required=True, help="study.json")
    parser.add_argument("--pseudobulk", required=True, help="pseudobulk.h5ad")
    parser.add_argument("--liana", nargs="*", default=[], help="<sample>.liana.parquet of all samples")
    parser.add_argument("--centrality", nargs="*", default=[], help="<sample>.centrality.tsv of all samples")
    parser.add_argument("--networks", nargs="*", default=[], help="<sample>.network.tsv of all samples")
    parser.add_argument(
        "--lr_resource", default="consensus", help="a resource of LIANA, or a .tsv with columns ligand, receptor"
    )
    parser.add_argument(
        "--migration_pairs", default=MIGRATION_PAIRS, help="groups of migration pairs (default: chemokine and adhesion)"
    )
    parser.add_argument("--groups", help="further groups of pairs: .tsv with columns group, ligand, receptor")
    parser.add_argument(
        "--ambient_share_max", type=float, default=0.2, help="largest ambient share of a partner (default .2)"
    )
    parser.add_argument("--min_cells", type=int, default=10, help="cells a pseudobulk needs (default 10)")
    parser.add_argument(
        "--expr_prop", type=float, default=0.1, help="share of cells that must express a partner (default .1)"
    )
    options = parser.parse_args()

    import anndata
    import pandas as pd

    from compartments.compare.interactions import (
        compare_centrality,
        compare_edges,
        compare_groups,
        cross_compartments,
        list_untested,
        score_pseudobulk,
        score_top_edges,
        write_liana,
    )
    from compartments.core.files import read_tsv, write_parquet, write_tsv
    from compartments.core.pairs import check_genes, read_groups, read_resource
    from compartments.study.study import Study

    if not 0 <= options.ambient_share_max <= 1 or not 0 <= options.expr_prop <= 1:
        raise UserError("--ambient_share_max and --expr_prop lie between 0 and 1")
    study = Study.load(options.study)
    resource = read_resource(options.lr_resource)
    migration = read_groups(options.migration_pairs, resource)
    groups = dict(migration)
    skipped = []
    if options.groups:
        given = read_groups(options.groups, resource)
        for name, members in given.items():
            if name in migration:
                raise UserError(f"{options.groups}: group '{name}' is a group of migration pairs already; rename it")
            if not members.any():
                skipped.append({"reason": f"group '{name}' of {options.groups}: none of its pairs is in the resource"})
        groups |= given
    pseudobulk = anndata.read_h5ad(options.pseudobulk)
    unknown, _ = check_genes(resource, pseudobulk.var_names, options.lr_resource, options.pseudobulk)
    names = study.samples["sample"]
    names = names[names.isin(pseudobulk.obs["sample"].astype(str))]
    scores = score_pseudobulk(pseudobulk, names, resource, options.min_cells, options.expr_prop)

    def cohort(paths):
        text = ("sample", "network", "lineage", "source", "target")
        tables = [read_tsv(path, required=["sample", "network"], text=text) for path in sorted(paths)]
        table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["sample", "network"])
        place = study.samples[["sample", "donor", "compartment", "condition"]]
        order = study.samples["sample"].tolist()
        table = place.merge(table, on="sample", how="inner")
        return table.sort_values("sample", key=lambda c: c.map(order.index), kind="stable", ignore_index=True)

    effects, reasons = compare_edges(study, scores, options.ambient_share_max)
    skipped += reasons
    write_tsv(effects, "effects.tsv")
    write_parquet(effects, "effects.parquet")
    write_tsv(score_top_edges(study, scores, effects), "top_edges.tsv")
    untested = list_untested(
        study, pseudobulk, scores, unknown, resource, effects, options.min_cells, options.ambient_share_max
    )
    write_tsv(untested, "not_testable.tsv")
    table, reasons = compare_groups(study, scores, groups, options.ambient_share_max)
    skipped += reasons
    write_tsv(table, "groups.tsv")
    nodes, edges = cohort(options.centrality), cohort(options.networks)
    write_tsv(nodes, "centrality.tsv")
    write_tsv(edges, "network.tsv")
    table, reasons = compare_centrality(study, nodes, edges)
    skipped += reasons
    write_tsv(table, "centrality_effects.tsv")
    write_tsv(cross_compartments(study, scores, migration), "cross_compartment.tsv")
    write_liana(options.liana, study, "liana.parquet")
    write_skipped([{"stage": STAGE, **row} for row in skipped])
