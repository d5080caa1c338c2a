"""Call the cells among one sample's droplets."""

import argparse

from compartments.core.errors import SampleSkipped
from compartments.core.left_out import write_skipped


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--droplets", required=True, help="<sample>.droplets.h5ad")
    parser.add_argument("--expected_cells", type=int, help="about how many cells the sample should have")
    parser.add_argument("--lower", type=int, default=100, help="barcodes up to this many UMIs are empty (%(default)s)")
    parser.add_argument("--fdr", type=float, default=0.001, help="false discovery rate of EmptyDrops (%(default)s)")
    parser.add_argument("--iterations", type=int, default=10_000, help="Monte-Carlo draws (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="random seed (%(default)s)")
    return parser.parse_args()


def main():
    """Write ``<s>.calls.tsv.gz`` and ``<s>.calls.json``, or the reason in ``skipped.tsv``."""
    args = arguments()
    import numpy as np
    import pandas as pd

    from compartments.cells import calling
    from compartments.cells.ranks import rank_curve
    from compartments.core.files import write_json, write_tsv
    from compartments.counts.droplets import read_droplets

    droplets = read_droplets(args.droplets)
    totals = droplets.totals
    if droplets.is_cell is not None:
        calls = calling.accept_cells(droplets.is_cell, droplets.cell_source)
    elif droplets.kind == "filtered":
        calls = calling.accept_cells(np.ones(len(totals), dtype=bool), "filtered")
    else:
        calls = calling.call_cells(
            droplets.matrix, args.expected_cells, args.lower, args.fdr, args.iterations, args.seed
        )
    n_cells = int(calls.is_cell.sum())
    try:
        few_cells = calling.check_number(n_cells)
    except SampleSkipped as reason:
        write_skipped([{"stage": "call_cells", "sample": droplets.sample, "reason": str(reason)}])
        return
    in_cells = totals[calls.is_cell]
    ranks, curve = rank_curve(totals)
    summary = {
        "sample": droplets.sample,
        **calls.summary,
        "expected_cells": args.expected_cells,
        "n_barcodes": len(totals),
        "n_cells": n_cells,
        "few_cells": few_cells,
        "n_retained": int((calls.source == "retained").sum()),
        "median_umis_cells": float(np.median(in_cells)),
        "median_umis_empty": float(np.median(totals[~calls.is_cell])) if n_cells < len(totals) else None,
        "fraction_umis_in_cells": float(in_cells.sum() / totals.sum()),
        "warning": calling.warn(n_cells, args.expected_cells, calls.summary["method"]),
        "curve_rank": ranks,
        "curve_total": curve,
    }
    table = pd.DataFrame(
        {
            "barcode": droplets.barcodes,
            "total": totals,
            "is_cell": calls.is_cell,
            "source": calls.source,
            "fdr": calls.fdr,
        }
    )
    write_tsv(table, f"{droplets.sample}.calls.tsv.gz")
    write_json(summary, f"{droplets.sample}.calls.json")
    write_skipped([])
