"""What leaks: counts of genes in cells that cannot express them."""

import numpy as np

from compartments.core.vocabulary import ADULT_HAEMOGLOBIN, ERYTHROID_SHARE

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


def leak_rates(cells):
    """Share of cells with at least one count of a gene that they cannot express, before and after correction.

    Returns
    -------
    dict
        ``leak_<gene>_in_<kind>_before``, ``..._after`` (fraction or None) and ``..._cells`` (how many such cells).
    """
    counts, corrected = cells.layers["counts"], cells.layers["corrected"]
    kinds = gate(cells)
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


def gene_sum(cells, genes, layer="counts"):
    columns = cells.var_names.get_indexer(genes)
    return np.asarray(cells.layers[layer][:, columns[columns >= 0]].sum(axis=1)).ravel()


def gate(cells):
    passes = {kind: gene_sum(cells, genes) >= MIN_GATE_COUNTS for kind, genes in GATES.items()}
    several = sum(passes.values()) > 1
    total = np.maximum(np.asarray(cells.layers["counts"].sum(axis=1)).ravel(), 1)
    erythroid = gene_sum(cells, ADULT_HAEMOGLOBIN, "corrected") >= ERYTHROID_SHARE * total
    kinds = {kind: members & ~several for kind, members in passes.items()}
    return kinds | {"non_erythroid": ~erythroid}
