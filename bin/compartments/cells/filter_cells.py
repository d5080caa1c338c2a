"""Keep the cells of one sample that pass its quality limits."""

import argparse

from compartments.core.files import replacing
from compartments.core.left_out import write_skipped


def number_or_none(text):
    """A number, or None for ``none`` (the limit is off)."""
    return None if text.lower() == "none" else float(text)


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", required=True, help="<sample>.cells.h5ad")
    adaptive = {"type": number_or_none, "help": "median absolute deviations allowed, or none (%(default)s)"}
    parser.add_argument("--nmads_counts", default=5.0, **adaptive)
    parser.add_argument("--nmads_genes", default=5.0, **adaptive)
    parser.add_argument("--nmads_mt", default=3.0, **adaptive)
    parser.add_argument("--nmads_top20", default=5.0, **adaptive)
    parser.add_argument("--min_counts", type=float, default=300, help="fewest UMIs of a cell (%(default)s)")
    parser.add_argument("--min_genes", type=float, default=200, help="fewest genes of a cell (%(default)s)")
    parser.add_argument("--max_counts", type=number_or_none, help="most UMIs of a cell, or none (%(default)s)")
    parser.add_argument("--max_mt", type=float, default=20.0, help="most mitochondrial UMIs, per cent (%(default)s)")
    parser.add_argument(
        "--keep_fold", type=float, default=5.0, help="adaptive limits spare what is within this factor of the median"
    )
    parser.add_argument(
        "--mt_floor", type=float, default=5.0, help="the adaptive mitochondrial limit is at least this (%(default)s)"
    )
    parser.add_argument(
        "--top20_floor", type=float, default=50.0, help="the limit on the top 20 genes is at least this (%(default)s)"
    )
    parser.add_argument("--min_cells", type=int, default=10, help="fewer cells left: sample skipped (%(default)s)")
    return parser.parse_args()


def main():
    """Write the four ``<s>.*`` tables and files of the contracts, or the reason in ``skipped.tsv``."""
    args = arguments()
    import anndata
    import numpy as np

    from compartments.cells import quality
    from compartments.core.files import write_json, write_tsv

    cells = anndata.read_h5ad(args.cells)
    sample = str(cells.uns["sample"])
    options = {k: v for k, v in vars(args).items() if k not in ("cells", "min_cells")}
    limits = quality.Limits(**options)
    measured = quality.measure(cells.layers["counts"], cells.var_names).set_index(cells.obs_names)
    fails, table, special = quality.judge(measured, limits)
    keep = ~fails.any(axis=1).to_numpy()
    table.insert(0, "sample", sample)
    if keep.sum() < args.min_cells:
        worst = table.iloc[:-1].sort_values("n_removed", ascending=False, kind="stable").iloc[0]
        reason = (
            f"{int(keep.sum())} of {len(keep)} cells pass the quality limits, fewer than {args.min_cells}; "
            f"most fail {worst['metric']} ({worst['n_removed']} cells)"
        )
        write_skipped([{"stage": "filter_cells", "sample": sample, "reason": reason}])
        return
    per_cell = measured.rename_axis("barcode").reset_index()
    per_cell["passes"] = keep
    per_cell["fails"] = [",".join(row.index[row]) for _, row in fails.iterrows()]
    summary = {"sample": sample, "n_cells_called": len(keep), "n_cells": int(keep.sum())}
    summary["fraction_removed"] = float(1 - keep.mean())
    summary["n_special_kept"] = int((special & keep).sum())
    for metric in ("total_counts", "n_genes", "pct_mt", "pct_ribo", "pct_hb", "pct_top20"):
        summary[f"median_{metric}"] = float(np.median(measured.loc[keep, metric]))
    summary["has_mt_genes"] = bool(cells.var_names.str.startswith("MT-").any())
    filtered = cells[keep].copy()
    for column in measured:
        filtered.obs[column] = measured.loc[keep, column]
    with replacing(f"{sample}.filtered.h5ad") as temporary:
        filtered.write_h5ad(temporary, compression="lzf")
    write_tsv(table, f"{sample}.qc.tsv")
    write_tsv(per_cell, f"{sample}.qc_cells.tsv.gz")
    write_json(summary, f"{sample}.qc.json")
    write_skipped([])
