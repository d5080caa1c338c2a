"""Ambient RNA: the soup's profile from the empty droplets, its removal from the cells, and what is left of it.

A cell's counts are its own transcripts plus a sample of the soup, the RNA that floats in every droplet. The empty
droplets hold nothing but soup, so they give its profile and the amount that a droplet takes up. Without them no method
here runs.
"""

from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from compartments.cells.blood import red_cells
from compartments.cells.leaks import leak_rates
from compartments.cells.soup import Soup


def summarise(
    cells: AnnData,
    soup: Soup | None,
    reason: str | None,
    rbc_per_ul: float | None = None,
    cells_per_ul: float | None = None,
    compartment: str = "",
) -> dict[str, Any]:
    """The flat JSON summary of one sample: what was removed, what still leaks, how much blood is in it."""
    counts: sp.csr_matrix = cells.layers["counts"]
    corrected: sp.csr_matrix = cells.layers["corrected"]
    share = cells.obs["contamination"].to_numpy()
    total = int(counts.sum())
    summary = {
        "sample": cells.uns["sample"],
        "method": cells.uns["ambient_method"],
        "reason": reason,
        "n_cells": cells.n_obs,
        "n_empty_droplets": None if soup is None else soup.n_droplets,
        "soup_umi_per_droplet": None if soup is None else soup.umi,
        "soup_umi_per_cell": None if soup is None else soup.level,
        "counts_before": total,
        "counts_after": int(corrected.sum()),
        "fraction_removed": 1 - int(corrected.sum()) / max(total, 1),
        "contamination_median": float(np.median(share)),
        "contamination_min": float(share.min()),
        "contamination_max": float(share.max()),
    }
    return summary | red_cells(cells, soup, rbc_per_ul, cells_per_ul, compartment) | leak_rates(cells)


def soup_table(cells: AnnData) -> pd.DataFrame:
    """``gene, soup_fraction``, largest first."""
    table = pd.DataFrame({"gene": cells.var_names, "soup_fraction": cells.var["soup_fraction"].to_numpy()})
    return table.sort_values("soup_fraction", ascending=False, kind="stable")
