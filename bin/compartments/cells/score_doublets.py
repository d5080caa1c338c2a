"""Score the cells of one sample as doublets, and call them where a threshold can be trusted."""

import argparse

from compartments.core.errors import UserError


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--filtered", required=True, help="<sample>.filtered.h5ad")
    parser.add_argument("--chemistry", default="", help="10x chemistry; GEM-X (v4) halves the expected rate")
    parser.add_argument("--loaded_cells", type=int, help="cells loaded (default: from the cells recovered)")
    parser.add_argument(
        "--rate_per_1000", type=float, help="doublet share per 1,000 recovered cells (.008, GEM-X .004)"
    )
    parser.add_argument("--call_from", type=int, default=500, help="fewer cells: scores only, no calls (%(default)s)")
    parser.add_argument(
        "--callers", default="scrublet", help="scrublet, or scrublet,coexpression: only what both call (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="random seed (%(default)s)")
    return parser.parse_args()


def main():
    """Write ``<s>.doublets.tsv.gz`` and ``<s>.doublets.json``."""
    args = arguments()
    import anndata
    import numpy as np
    import pandas as pd

    from compartments.cells import doublets
    from compartments.core.files import write_json, write_tsv

    callers = [name.strip() for name in args.callers.split(",")]
    if callers[0] != "scrublet" or set(callers) - set(doublets.CALLERS):
        raise UserError(f"--callers '{args.callers}': give scrublet, or scrublet,coexpression")
    cells = anndata.read_h5ad(args.filtered)
    sample = str(cells.uns["sample"])
    rate = doublets.expected_rate(cells.n_obs, args.chemistry, args.rate_per_1000, args.loaded_cells)
    called = doublets.call_doublets(cells.layers["counts"], rate, args.call_from, args.seed, callers)
    table = pd.DataFrame(
        {"barcode": cells.obs_names, "doublet_score": called.score, "predicted_doublet": called.is_doublet}
    )
    if called.coexpression is not None:
        table["coexpression_score"] = called.coexpression
    write_tsv(table, f"{sample}.doublets.tsv.gz")
    finite = called.score[np.isfinite(called.score)]
    summary = {
        "sample": sample,
        "n_cells": cells.n_obs,
        "callers": ", ".join(callers),
        "n_doublets": int(called.is_doublet.sum()),
        "n_scrublet": called.n_scrublet,
        "n_expected": rate * cells.n_obs,
        "expected_rate": rate,
        "threshold": called.threshold,
        "threshold_source": called.threshold_source,
        "detectable_fraction": called.detectable,
        "score_95": float(np.percentile(finite, 95)) if len(finite) else None,
        **called.histograms(),
    }
    write_json(summary, f"{sample}.doublets.json")
