"""Score ligand-receptor pairs between the lineages of one sample (LIANA's consensus)."""

import argparse

from compartments.core.errors import SampleSkipped
from compartments.core.left_out import write_skipped

STAGE = "run_liana"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--filtered", required=True, help="<sample>.filtered.h5ad")
    parser.add_argument("--doublets", required=True, help="<sample>.doublets.tsv.gz")
    parser.add_argument("--labels", required=True, help="<sample>.labels.tsv.gz")
    parser.add_argument(
        "--lr_resource", default="consensus", help="a resource of LIANA, or a .tsv with columns ligand, receptor"
    )
    parser.add_argument("--n_perms", type=int, default=1000, help="label permutations (default 1000)")
    parser.add_argument("--min_cells", type=int, default=10, help="cells a lineage needs (default 10)")
    parser.add_argument(
        "--expr_prop", type=float, default=0.1, help="share of cells that must express both partners (default .1)"
    )
    parser.add_argument(
        "--max_cells_per_lineage", type=int, default=0, help="use at most so many cells of a lineage; 0: all (default)"
    )
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    import numpy as np

    from compartments.cohort.sample import load_annotated
    from compartments.compare.liana import log_normalise, rank_aggregate, testable_cells
    from compartments.core.errors import UserError
    from compartments.core.files import write_json, write_parquet
    from compartments.core.pairs import check_genes, read_resource

    if options.n_perms < 1 or options.min_cells < 1 or not 0 <= options.expr_prop <= 1:
        raise UserError("--n_perms and --min_cells are at least 1, --expr_prop lies between 0 and 1")
    resource = read_resource(options.lr_resource)
    adata = load_annotated(options.filtered, options.doublets, options.labels)
    sample = adata.uns["sample"]
    unknown, n_symbols = check_genes(resource, adata.var_names, options.lr_resource, options.filtered)

    lineages = adata.obs["lineage"].to_numpy(object)
    keep, reasons = testable_cells(lineages, options.min_cells, options.max_cells_per_lineage, options.seed)
    skipped = [{"stage": STAGE, "sample": sample, "lineage": name, "reason": why} for name, why in reasons.items()]
    try:
        table = rank_aggregate(
            log_normalise(adata.layers["corrected"][keep]),
            adata.var_names,
            lineages[keep],
            resource,
            options.n_perms,
            options.seed,
            options.min_cells,
            options.expr_prop,
        )
    except SampleSkipped as reason:
        write_skipped([*skipped, {"stage": STAGE, "sample": sample, "reason": reason}])
        return
    present = table["present"].to_numpy()
    table.insert(0, "sample", sample)
    table["sample"] = table["sample"].astype("category")
    write_parquet(table, f"{sample}.liana.parquet")
    write_json(
        {
            "sample": sample,
            "lr_resource": options.lr_resource,
            "n_pairs": len(resource),
            "n_genes": n_symbols,
            "n_genes_unknown": len(unknown),
            "genes_unknown": ",".join(unknown[:20]),
            "n_pairs_tested": len(table.drop_duplicates(["ligand_complex", "receptor_complex"])),
            "n_cells": len(keep),
            "n_lineages": len(np.unique(lineages[keep])),
            "n_edges": len(table),
            "n_edges_present": int(present.sum()),
            "n_perms": options.n_perms,
            "min_cells": options.min_cells,
            "expr_prop": options.expr_prop,
            "seed": options.seed,
        },
        f"{sample}.liana.json",
    )
    write_skipped(skipped)
