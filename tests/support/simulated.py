"""Simulated cohorts of the tests: how small they are, and how their matrices are read."""

import h5py
from scipy import sparse

SMALL = ["--scale", 0.15, "--genes", 2000, "--empties", 600]


def read_10x(path):
    with h5py.File(path) as handle:
        matrix = handle["matrix"]
        shape = tuple(matrix["shape"][:])
        counts = sparse.csc_matrix(
            (matrix["data"][:], matrix["indices"][:], matrix["indptr"][:]), shape=shape
        ).T.tocsr()
        text = {key: matrix["features"][key][:].astype(str) for key in ("id", "name", "feature_type")}
        return counts, matrix["barcodes"][:].astype(str), text
