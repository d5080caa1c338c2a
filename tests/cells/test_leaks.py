"""Cells that are surely of a kind, and what leaks into them."""

import anndata
import numpy as np
import pandas as pd
import scipy.sparse as sp

from compartments.cells.leaks import GATES, gate, gene_sum, leak_rates
from compartments.core.vocabulary import ADULT_HAEMOGLOBIN

GENES = [*ADULT_HAEMOGLOBIN, *GATES["T"], *GATES["B"], "LYZ", "OTHER"]


def cells(rows):
    """One cell for each of ``rows``, gene -> counts; 100 counts of another gene in each."""
    dense = pd.DataFrame([{"OTHER": 100} | row for row in rows], columns=GENES).fillna(0).to_numpy().astype(np.int32)
    matrix = sp.csr_matrix(dense)
    return anndata.AnnData(var=pd.DataFrame(index=GENES), layers={"counts": matrix, "corrected": matrix.copy()})


def test_gates_by_hand():
    found = gate(cells([{"CD3D": 2, "IL7R": 1}, {"CD3D": 2}, {"CD3D": 3, "CD19": 3}, {"CD19": 3}, {"HBB": 20}]))
    assert found["T"].tolist() == [True, False, False, False, False], "three counts of one gate and of no other"
    assert found["B"].tolist() == [False, False, False, True, False] and not found["myeloid"].any()
    assert found["non_erythroid"].tolist() == [True, True, True, True, False]


def test_haemoglobin_of_the_soup_makes_no_red_cell():
    found = gate(cells([*[{"HBB": 10 + i % 3} for i in range(20)], {"HBB": 300}]))
    assert found["non_erythroid"].tolist() == [True] * 20 + [False]


def test_sum_over_genes_of_which_some_are_missing():
    assert gene_sum(cells([{"CD3D": 2, "HBB": 3}]), ["CD3D", "HBB", "absent"]).tolist() == [5]


def test_rates_before_and_after():
    data = cells([{"CD3D": 5, "LYZ": i % 2} for i in range(20)])
    data.layers["corrected"][1, GENES.index("LYZ")] = 0
    data.layers["corrected"].eliminate_zeros()
    rates = leak_rates(data)
    assert (rates["leak_LYZ_in_T_before"], rates["leak_LYZ_in_T_after"], rates["leak_LYZ_in_T_cells"]) == (
        0.5,
        0.45,
        20,
    )
    assert rates["leak_IGKC_in_T_before"] is None, "no such gene"
    assert rates["leak_CD3E_in_B_after"] is None and rates["leak_CD3E_in_B_cells"] == 0, "too few cells"
