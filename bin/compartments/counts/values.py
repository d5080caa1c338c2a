"""Whether stored values are counts."""

import h5py
import numpy as np
import scipy.sparse as sp

from compartments.core.errors import UserError
from compartments.counts.folders import entries
from compartments.counts.hdf5 import check_claim, text_of
from compartments.counts.opening import READ_ERRORS, unreadable
from compartments.counts.source import CELLBENDER, Source

MOST = np.iinfo(np.int32).max  # of a count
PEEK = 1_000_000  # values
ENOUGH = 20  # barcodes; fewer do not tell what values are
MIN_GENES, MANY_GENES = 50, 200
LEAST_VARIANCE = 0.2  # of totals, relative to the mean: counting alone gives 1
MOST_WITHOUT_ONE = 0.9  # of barcodes; counts have many genes that were seen once
LOGARITHMS = 10  # log1p of counts per 10,000 is at most 9.2


def peek(source: Source) -> str:
    """What is wrong with the values of a file, from some of them; empty if nothing is.

    Raises
    ------
    UserError
        If the file is damaged.
    """
    try:
        if source.format == "10x mtx":
            return _peek_mtx(source)
        with h5py.File(source.path, "r") as file:
            node = file[source.node]
            told = source.by_barcode and source.format != CELLBENDER  # whose input was judged
            return node_problem(node, len(source.barcodes) if told else 0)
    except READ_ERRORS as error:
        raise unreadable(source.path, error) from None


def _peek_mtx(source: Source) -> str:
    barcodes, features, values = next(entries(source, PEEK // 5))
    values = np.rint(values) if source.fractional else values
    changes = np.flatnonzero(np.diff(barcodes)) + 1
    ends = changes[-1] if len(changes) else 0  # the last barcode may go on
    if len(changes) >= len(np.unique(barcodes)):  # not sorted by barcode: none of them is whole
        return value_problem(values)
    rows = np.unique(barcodes[:ends], return_inverse=True)[1]
    shape = (int(rows.max(initial=-1)) + 1, len(source.symbol))
    whole = sp.csr_matrix((values[:ends].astype(np.float64), (rows, features[:ends])), shape=shape)
    return value_problem(values) or unlike_counts(whole)


def node_problem(node: h5py.Group | h5py.Dataset, n_barcodes: int) -> str:
    """The same of a dense or compressed matrix in an HDF5 file, whose rows are the barcodes if ``n_barcodes`` > 0."""
    if isinstance(node, h5py.Dataset):
        check_claim(node)
        rows = np.asarray(node[: max(1, PEEK // max(1, node.shape[1]))])
        return value_problem(rows) or unlike_counts(sp.csr_matrix(rows.astype(np.float64)))
    data, indptr = node["data"], node["indptr"]
    if problem := value_problem(_some(data)):
        return problem
    encoding = text_of(node.attrs.get("encoding-type", node.attrs.get("h5sparse_format", "")))
    if encoding.startswith("csc") or not n_barcodes or not indptr.shape[0] or not data.shape[0]:
        return ""
    pointers = indptr[: min(indptr.shape[0], PEEK)].astype(np.int64)
    n = int(np.searchsorted(pointers, PEEK, side="right")) - 1
    if n < 1 or (np.diff(pointers[: n + 1]) < 0).any():
        return ""
    end = int(pointers[n])
    indices = node["indices"][:end].astype(np.int64)
    width = int(indices.max(initial=0)) + 1
    if indices.min(initial=0) < 0 or len(indices) < end:
        return ""
    return unlike_counts(sp.csr_matrix((data[:end].astype(np.float64), indices, pointers[: n + 1]), shape=(n, width)))


def _some(data: h5py.Dataset) -> np.ndarray:
    """Up to ``PEEK`` of the stored values, from several places."""
    n, part = data.shape[0], PEEK // 4
    if n <= PEEK:
        return data[:]
    starts = np.linspace(0, n - part, 4).astype(int)
    return np.concatenate([data[s : s + part] for s in starts])


def value_problem(values: np.ndarray) -> str:
    """``negative``, ``fractional`` ... with an example, or empty when ``values`` can be counts."""
    if values.dtype.kind not in "biuf":
        return "texts or other things that are no numbers"
    if values.size and not np.isfinite(values).all():
        return "values that are no numbers"
    if values.size and values.min() < 0:
        return f"negative values such as {values.min():.4g}"
    if values.size and float(values.max()) > MOST:
        return f"values above 2^31 such as {values.max():.4g}, which no cell has"
    broken = values[values != np.floor(values)]
    return f"fractional values such as {broken[0]:.4g}" if broken.size else ""


def unlike_counts(matrix: sp.csr_matrix) -> str:
    """What tells whole numbers from counts: no large one or no 1 where there are many, or one total of all barcodes.

    Parameters
    ----------
    matrix : csr_matrix, shape (barcodes, genes)
        Of some barcodes, each with all its values.

    Returns
    -------
    str
        Empty when they can be counts.
    """
    genes = np.diff(matrix.indptr)
    for least, most, what in ((MIN_GENES, 1, "of presence or absence"), (MANY_GENES, LOGARITHMS, "of logarithms")):
        deep = np.flatnonzero(genes >= least)
        if len(deep) >= ENOUGH and matrix[deep].data.max() <= most:
            return f"no value above {most} in barcodes of {least} and more genes, as {what}"
    deep = np.flatnonzero(genes >= MANY_GENES)
    if len(deep) >= ENOUGH:
        part = matrix[deep]
        if (np.minimum.reduceat(part.data, part.indptr[:-1]) > 1).mean() > MOST_WITHOUT_ONE:
            return f"no value of 1 in barcodes of {MANY_GENES} and more genes, as of scaled values"
    deep = np.flatnonzero(genes >= MIN_GENES)
    if len(deep) >= ENOUGH:
        totals = np.asarray(matrix[deep].sum(1, dtype=np.float64)).ravel()
        if totals.var() < LEAST_VARIANCE * totals.mean():
            return f"the same total of every barcode (about {totals.mean():.0f}), as of normalised values"
    return ""


def check_values(source: Source, problem: str) -> None:
    """Raise a UserError when there is a ``problem`` with the values."""
    if problem:
        raise UserError(f"{source.path}: {problem}, not counts; give raw integer counts, neither normalised nor scaled")


def check_indices(source: Source, indices: np.ndarray) -> None:
    """Raise a UserError when stored indices of features, or of barcodes where values are by gene, are of none."""
    width = len(source.symbol if source.by_barcode else source.barcodes)
    if indices.size and not 0 <= indices.min() <= indices.max() < width:
        raise UserError(f"{source.path}: indices outside the matrix (damaged); export the file again")
