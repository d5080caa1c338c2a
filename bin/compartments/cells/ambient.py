"""Ambient RNA: the soup's profile from the empty droplets, its removal from the cells, and what is left of it.

A cell's counts are its own transcripts plus a sample of the soup, the RNA that floats in every droplet. The empty
droplets hold nothing but soup, so they give its profile and the amount that a droplet takes up. Without them no method
here runs.
"""

import numpy as np
import pandas as pd

from compartments.cells.blood import red_cells
from compartments.cells.leaks import leak_rates
from compartments.core.files import replacing, write_json, write_tsv


def summarise(cells, soup, reason, rbc_per_ul=None, cells_per_ul=None, compartment=""):
    """The flat JSON summary of one sample: what was removed, what still leaks, how much blood is in it."""
    counts, corrected = cells.layers["counts"], cells.layers["corrected"]
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


def soup_table(cells):
    """``gene, soup_fraction``, largest first."""
    table = pd.DataFrame({"gene": cells.var_names, "soup_fraction": cells.var["soup_fraction"].to_numpy()})
    return table.sort_values("soup_fraction", ascending=False, kind="stable")


def write_cells(cells, summary):
    """Write ``<sample>.cells.h5ad``, ``<sample>.ambient.json`` and ``<sample>.soup.tsv.gz`` into the working directory.

    Parameters
    ----------
    cells : AnnData
        From :func:`remove_ambient` or :func:`import_cellbender`.
    summary : dict
        From :func:`summarise`.
    """
    sample = cells.uns["sample"]
    with replacing(f"{sample}.cells.h5ad") as temporary:
        cells.write_h5ad(temporary, compression="lzf")
    write_json(summary, f"{sample}.ambient.json")
    write_tsv(soup_table(cells), f"{sample}.soup.tsv.gz")
