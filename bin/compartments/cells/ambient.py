"""Ambient RNA: the soup's profile from the empty droplets, its removal from the cells, and what is left of it.

A cell's counts are its own transcripts plus a sample of the soup, the RNA that floats in every droplet. The empty
droplets hold nothing but soup, so they give its profile and the amount that a droplet takes up. Without them no method
here runs.
"""

import anndata
import numpy as np
import pandas as pd
import scipy.sparse as sp

from compartments.cells import soupem
from compartments.core.errors import SampleSkipped, UserError
from compartments.core.files import replacing, write_json, write_tsv
from compartments.core.vocabulary import BLOOD, WITHOUT_EMPTIES

HAEMOGLOBIN = ("HBA1", "HBA2", "HBB")
ERYTHROID_SHARE = 0.05  # haemoglobin share of a cell's UMIs from which it counts as erythroid
MIN_SOUP_UMI = 1000  # fewer UMIs in empty droplets do not make a profile
MIN_GATED = 10  # cells; a leak rate of fewer is not given
# Cells that are surely of a kind, told from genes other than those whose leaks are measured: at least MIN_GATE_COUNTS
# raw counts over the genes of one gate, and fewer than that over those of every other gate.
GATES = {
    "T": ("CD3D", "CD3G", "CD2", "TRAC", "TRBC1", "TRBC2", "IL7R", "CD6"),
    "B": ("CD79A", "CD79B", "BANK1", "CD19", "CD22", "TNFRSF13C"),
    "myeloid": ("CST3", "AIF1", "FCN1", "CD68", "MNDA", "SPI1", "CLEC7A", "CSF1R"),
}
MIN_GATE_COUNTS = 3
LEAKS = (
    ("IGKC", "T"),
    ("JCHAIN", "T"),
    ("MS4A1", "T"),
    ("MS4A1", "myeloid"),
    ("CD14", "T"),
    ("LYZ", "T"),
    ("CD3E", "B"),
    ("CD3E", "myeloid"),
    ("LILRA4", "T"),
)
# What blood brings with it, for the estimate of how many leukocytes of a tap came from blood.
ERYTHROCYTES_PER_LEUKOCYTE = 700.0  # adult blood: about 4.7e6 against 6.7e3 per microlitre
RETICULOCYTE_FRACTION = 0.01  # erythrocytes that still hold haemoglobin mRNA
HAEMOGLOBIN_UMI = 2000.0  # per reticulocyte; an assumption, order of magnitude only
TRAUMATIC_FRACTION = 0.10  # blood leukocytes among the sample's from which a tap counts as traumatic


def split_droplets(droplets, calls):
    """Cells and empty droplets of one sample.

    Parameters
    ----------
    droplets : AnnData
        All barcodes, counts in ``X`` (CSR); see the contracts.
    calls : DataFrame
        Columns ``barcode`` and ``is_cell``; ``source`` where the cells were called here.

    Returns
    -------
    cells : AnnData
        The called cells in the order of ``droplets``; no ``X``, ``layers['counts']`` int32 CSR.
    empties : csr_matrix or None
        Barcodes not called, (empty droplets x genes); None when the sample came without them, or when they were too few
        to call cells by (then the other barcodes may well be cells).

    Raises
    ------
    UserError
        If a called barcode is not in ``droplets``.
    SampleSkipped
        If no cell was called.
    """
    wanted = pd.Index(calls.loc[calls["is_cell"].astype(bool), "barcode"].astype(str))
    unknown = wanted.difference(droplets.obs_names)
    if len(unknown):
        raise UserError(
            f"sample '{droplets.uns['sample']}': {len(unknown)} called barcodes, '{unknown[0]}' first, are not among "
            "its droplets: give the calls made from this very matrix"
        )
    if not len(wanted):
        raise SampleSkipped("no cell was called")
    is_cell = droplets.obs_names.isin(wanted)
    matrix = sp.csr_matrix(droplets.X)
    cells = anndata.AnnData(
        obs=pd.DataFrame(index=droplets.obs_names[is_cell]),
        var=droplets.var[["gene_id"]].copy(),
        layers={"counts": sp.csr_matrix(matrix[is_cell], dtype=np.int32)},
        uns={"sample": str(droplets.uns["sample"])},
    )
    judged = "source" not in calls or not calls["source"].isin(WITHOUT_EMPTIES).any()
    empties = matrix[~is_cell] if droplets.uns["kind"] == "raw" and judged else None
    return cells, empties


class Soup:
    """The soup of one sample.

    Attributes
    ----------
    profile : ndarray, shape (genes,)
        Share of each gene in the soup; sums to 1.
    umi : float
        UMIs of soup in a droplet: the UMI-weighted median of the empties' totals, which very many barcodes of a few
        UMIs (sequencing errors) do not move.
    spread : float
        Squared coefficient of variation of the soup's amount between droplets, beyond that of counting.
    n_droplets, total : int
        Empty droplets used and their UMIs.
    level : float or None
        UMIs of soup in a cell's droplet, where the method estimates them.
    """

    def __init__(self, profile, umi, spread, n_droplets, total):
        self.profile = profile
        self.umi = umi
        self.spread = spread
        self.n_droplets = n_droplets
        self.total = total
        self.level = None


def measure_soup(empties):
    """Profile and amount of the soup from the empty droplets.

    Barcodes of more than three times the typical total are left out: they are damaged or missed cells.

    Parameters
    ----------
    empties : csr_matrix, shape (droplets, genes)

    Returns
    -------
    Soup

    Raises
    ------
    ValueError
        If fewer than ``MIN_SOUP_UMI`` UMIs are there; the message is the reason.
    """
    totals = np.asarray(empties.sum(axis=1)).ravel().astype(np.int64)
    typical = _weighted_median(totals)
    used = (totals > 0) & (totals <= 3 * typical)
    profile = np.asarray(empties[used].sum(axis=0)).ravel().astype(float)
    total = int(profile.sum())
    if total < MIN_SOUP_UMI:
        raise ValueError(f"the empty droplets hold {total} UMIs; {MIN_SOUP_UMI} are needed for the soup's profile")
    umi = _weighted_median(totals[used])
    plateau = totals[used & (totals > umi / 3)]
    spread = max((plateau.var() - plateau.mean()) / plateau.mean() ** 2, 0.0)
    return Soup(profile / total, float(umi), float(spread), int(used.sum()), total)


def _weighted_median(totals):
    ordered = np.sort(totals)
    if not ordered.size or ordered[-1] == 0:
        return 0
    cumulative = np.cumsum(ordered)
    return ordered[np.searchsorted(cumulative, cumulative[-1] / 2)]


def cluster_cells(counts, seed, n_genes=2000, n_components=30, n_neighbors=8):
    """Coarse clusters, for cell-type profiles only.

    Variable genes (variance beyond that of Poisson counts on the log scale's input), log of depth-normalised counts,
    truncated SVD, k nearest neighbours weighted by shared neighbours (Jaccard), Leiden (Traag 2019, Sci Rep) at
    modularity resolution 1.

    Parameters
    ----------
    counts : csr_matrix, shape (cells, genes)
    seed : int
    n_genes, n_components, n_neighbors : int
        Lowered where there are too few cells or genes.

    Returns
    -------
    ndarray of int, shape (cells,)
        All zero below 30 cells.
    """
    n_cells = counts.shape[0]
    if n_cells < 30:
        return np.zeros(n_cells, dtype=int)
    import random

    import igraph
    from scipy.sparse.linalg import svds
    from sklearn.neighbors import NearestNeighbors

    depth = np.maximum(np.asarray(counts.sum(axis=1)).ravel(), 1)
    scaled = sp.diags_array(np.median(depth) / depth) @ counts.astype(np.float32)
    mean = np.asarray(scaled.mean(axis=0)).ravel()
    variance = np.asarray(scaled.power(2).mean(axis=0)).ravel() - mean**2
    # variance of log1p(x) by the delta method, against what Poisson counting alone would give
    excess = (variance - mean) / (1 + mean) ** 2
    chosen = np.sort(np.argsort(-excess, kind="stable")[:n_genes])
    logged = sp.csr_matrix(scaled)[:, chosen]
    logged.data = np.log1p(logged.data)
    rank = min(n_components, n_cells - 2, chosen.size - 1)
    start = np.random.default_rng(seed).normal(size=min(logged.shape))
    left, singular, _ = svds(logged.astype(np.float64), k=rank, v0=start)
    space = left * singular
    n_neighbors = min(n_neighbors, n_cells - 1)
    graph = NearestNeighbors(n_neighbors=n_neighbors).fit(space).kneighbors_graph()
    shared = (graph @ graph.T).tocoo()
    upper = shared.row < shared.col
    weight = shared.data[upper] / (2 * n_neighbors - shared.data[upper])
    strong = weight > 1 / 15  # edges by few shared neighbours cost time and say little
    edges = np.column_stack([shared.row[upper][strong], shared.col[upper][strong]])
    network = igraph.Graph(n=n_cells, edges=edges)
    state = random.getstate()
    igraph.set_random_number_generator(random.Random(seed))
    try:
        parts = network.community_leiden(objective_function="modularity", weights=weight[strong], n_iterations=5)
    finally:
        igraph.set_random_number_generator(random)
        random.setstate(state)
    return np.asarray(parts.membership)


def remove_ambient(cells, empties, method, seed, why="", strength=1.0):
    """Fill ``layers['corrected']``, ``obs['contamination']``, ``var['soup_fraction']`` and ``uns['ambient_*']``.

    Parameters
    ----------
    cells : AnnData
        From :func:`split_droplets`; changed in place.
    empties : csr_matrix or None
    method : {'soupem', 'none'}
    seed : int
    why : str
        Why the sample gets another method than was asked for.
    strength : float
        Of :func:`soupem.take_out`.

    Returns
    -------
    soup : Soup or None
    reason : str or None
        ``why``, or what keeps the method from being used.
    """
    counts = cells.layers["counts"]
    counts.sort_indices()
    soup, reason = _soup_or_reason(empties)
    cells.uns["ambient_warning"] = why or (reason if reason and method != "none" else "")
    reason = why or reason
    if method == "none" or soup is None:
        method = "none"
        corrected = counts.copy()
    else:
        corrected, soup.level = soupem.remove_soup(counts, soup, cluster_cells(counts, seed), seed, strength)
    set_corrected(cells, corrected, soup, method)
    return soup, reason


def import_cellbender(droplets, output=None):
    """Cells as CellBender called and corrected them.

    Parameters
    ----------
    droplets : AnnData
        With ``output`` absent, its ``layers['corrected']`` and ``obs['is_cell']`` are those of a finished output.
    output : str or Path, optional
        CellBender's h5 of these very droplets.

    Returns
    -------
    cells : AnnData
        As :func:`remove_ambient` leaves them.
    soup : Soup or None
    reason : str or None
        What could not be had.

    Raises
    ------
    UserError
        If the output does not belong to these droplets.
    SampleSkipped
        If CellBender found no cell.
    """
    if output is not None:
        from compartments.counts import readers

        counts = readers.read_counts(output)
        found = counts.source.latents["cell_probability"] > readers.CELL_PROBABILITY
        where = droplets.obs_names.get_indexer(counts.barcodes[found])
        if (where < 0).any() or not np.array_equal(counts.symbol, droplets.var_names):
            raise UserError(
                f"{output}: its barcodes or genes are not those of sample '{droplets.uns['sample']}': give "
                "CellBender's output of this sample"
            )
        order = np.argsort(where)
        corrected, where = counts.matrix[found][order], where[order]
    elif "corrected" in droplets.layers:
        where = np.flatnonzero(droplets.obs["is_cell"])
        corrected = sp.csr_matrix(droplets.layers["corrected"])[where]
    else:
        raise UserError(f"sample '{droplets.uns['sample']}' has no CellBender output: give it with --cellbender")
    if not len(where):
        raise SampleSkipped("CellBender found no cell")
    calls = pd.DataFrame({"barcode": droplets.obs_names[where], "is_cell": True})
    cells, empties = split_droplets(droplets, calls)
    corrected = sp.csr_matrix(corrected, dtype=np.int32)
    corrected.eliminate_zeros()
    if (corrected > cells.layers["counts"]).nnz:
        raise UserError(
            f"sample '{droplets.uns['sample']}': CellBender's counts exceed the raw counts: give the raw matrix "
            "it was run on"
        )
    soup, reason = _soup_or_reason(empties)
    if droplets.uns.get("counts_are_corrected", False):
        reason = "only CellBender's output was given: what it removed is not known"
    set_corrected(cells, corrected, soup, "cellbender")
    return cells, soup, reason


def _soup_or_reason(empties):
    if empties is None:
        return None, "no empty droplets, in which the soup is measured"
    try:
        return measure_soup(empties), None
    except ValueError as error:
        return None, str(error)


def set_corrected(cells, corrected, soup, method):
    """Put a corrected matrix and what goes with it into ``cells`` (in place), as the contracts say."""
    counts = cells.layers["counts"]
    cells.layers["corrected"] = corrected
    before = np.asarray(counts.sum(axis=1)).ravel()
    after = np.asarray(corrected.sum(axis=1)).ravel()
    cells.obs["contamination"] = (before - after) / np.maximum(before, 1)
    cells.var["soup_fraction"] = np.zeros(cells.n_vars) if soup is None else soup.profile
    cells.uns["ambient_method"] = method


def leak_rates(cells):
    """Share of cells with at least one count of a gene that they cannot express, before and after correction.

    Returns
    -------
    dict
        ``leak_<gene>_in_<kind>_before``, ``..._after`` (fraction or None) and ``..._cells`` (how many such cells).
    """
    counts, corrected = cells.layers["counts"], cells.layers["corrected"]
    kinds = _gate(cells)
    rates = {}
    for gene, kind in (("HBB", "non_erythroid"), *LEAKS):
        name = f"leak_{gene}_in_{kind}"
        members = kinds[kind]
        n_cells = int(members.sum())
        known = gene in cells.var_names and n_cells >= MIN_GATED
        column = cells.var_names.get_loc(gene) if known else None
        for when, matrix in (("before", counts), ("after", corrected)):
            positive = (matrix[members][:, [column]] > 0).sum() / n_cells if known else None
            rates[f"{name}_{when}"] = None if positive is None else float(positive)
        rates[f"{name}_cells"] = n_cells
    return rates


def _gene_sum(cells, genes, layer="counts"):
    columns = cells.var_names.get_indexer(genes)
    return np.asarray(cells.layers[layer][:, columns[columns >= 0]].sum(axis=1)).ravel()


def _gate(cells):
    passes = {kind: _gene_sum(cells, genes) >= MIN_GATE_COUNTS for kind, genes in GATES.items()}
    several = sum(passes.values()) > 1
    total = np.maximum(np.asarray(cells.layers["counts"].sum(axis=1)).ravel(), 1)
    erythroid = _gene_sum(cells, HAEMOGLOBIN, "corrected") >= ERYTHROID_SHARE * total
    kinds = {kind: members & ~several for kind, members in passes.items()}
    return kinds | {"non_erythroid": ~erythroid}


def red_cells(cells, soup, rbc_per_ul=None, cells_per_ul=None, compartment=""):
    """Red-cell index and how many of the leukocytes are likely to have come with blood.

    Erythrocytes per leukocyte come from the counted values if both are given. Else they are estimated from haemoglobin
    UMIs, in the soup and in erythroid cells, as ``UMIs / HAEMOGLOBIN_UMI`` reticulocytes, ``RETICULOCYTE_FRACTION`` of
    the erythrocytes. Divided by the erythrocytes per leukocyte of blood this is the share of blood leukocytes: a tap
    counts as traumatic above ``TRAUMATIC_FRACTION``. Blood itself (told from the compartment's name) has no such share.

    Returns
    -------
    dict
        ``red_cell_index`` (HBA + HBB share of the soup), ``n_erythroid``, ``blood_leukocyte_fraction``, ``blood_basis``
        (``counted``, ``haemoglobin`` or None), ``traumatic_tap`` (bool or None).
    """
    columns = cells.var_names.get_indexer(HAEMOGLOBIN)
    columns = columns[columns >= 0]
    erythroid = ~_gate(cells)["non_erythroid"]
    leukocytes = max(int((~erythroid).sum()), 1)
    index = None if soup is None or not columns.size else float(soup.profile[columns].sum())
    if BLOOD.search(compartment):
        ratio, basis = None, None
    elif rbc_per_ul is not None and cells_per_ul:
        ratio, basis = rbc_per_ul / cells_per_ul, "counted"
    elif index is not None:
        umis = index * soup.total + _gene_sum(cells, HAEMOGLOBIN)[erythroid].sum()
        ratio, basis = umis / HAEMOGLOBIN_UMI / RETICULOCYTE_FRACTION / leukocytes, "haemoglobin"
    else:
        ratio, basis = None, None
    fraction = None if ratio is None else float(min(ratio / ERYTHROCYTES_PER_LEUKOCYTE, 1.0))
    return {
        "red_cell_index": index,
        "n_erythroid": int(erythroid.sum()),
        "blood_leukocyte_fraction": fraction,
        "blood_basis": basis,
        "traumatic_tap": None if fraction is None else bool(fraction > TRAUMATIC_FRACTION),
    }


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
