"""What leaks: counts of genes in cells that cannot express them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from anndata import AnnData

from compartments.core.matrix import totals
from compartments.core.own_transcripts import red_cells
from compartments.core.species import known_as
from compartments.core.vocabulary import ADULT_HAEMOGLOBIN

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


def leak_rates(cells: AnnData) -> dict[str, float | int | None]:
    """Share of cells with at least one count of a gene that they cannot express, before and after correction.

    Returns
    -------
    dict
        ``leak_<gene>_in_<kind>_before``, ``..._after`` (fraction or None) and ``..._cells`` (how many such cells).
    """
    matrices: dict[str, sp.csr_matrix] = {"before": cells.layers["counts"], "after": cells.layers["corrected"]}
    kinds = gate(cells)
    rates: dict[str, float | int | None] = {}
    for gene, kind in (("HBB", "non_erythroid"), *LEAKS):
        name = f"leak_{gene}_in_{kind}"
        members = kinds[kind]
        n_cells = int(members.sum())
        names = known_as([gene], cells.var_names) if n_cells >= MIN_GATED else []
        columns = cells.var_names.get_indexer(names)
        for when, matrix in matrices.items():
            positive = (totals(matrix[members][:, columns]) > 0).sum() / n_cells if names else None
            rates[f"{name}_{when}"] = None if positive is None else float(positive)
        rates[f"{name}_cells"] = n_cells
    return rates


def gene_sum(cells: AnnData, genes: Sequence[str], layer: str = "counts") -> np.ndarray:
    """Counts of each cell over some genes, as far as they are there."""
    columns = cells.var_names.get_indexer(known_as(genes, cells.var_names))
    matrix: sp.csr_matrix = cells.layers[layer]
    return totals(matrix[:, columns])


def gate(cells: AnnData) -> dict[str, npt.NDArray[np.bool_]]:
    """Cells that are surely of a kind of ``GATES``, and those that are surely not erythroid."""
    passes = {kind: gene_sum(cells, genes) >= MIN_GATE_COUNTS for kind, genes in GATES.items()}
    several = np.sum(list(passes.values()), axis=0) > 1
    erythroid = red_cells(gene_sum(cells, ADULT_HAEMOGLOBIN, "corrected"), totals(cells.layers["counts"]))
    kinds = {kind: members & ~several for kind, members in passes.items()}
    return kinds | {"non_erythroid": ~erythroid}
