"""Scores of doublets by genes that single cells do not express together.

Bais & Kostka 2020, Bioinformatics 36:1150.
"""

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from compartments.core.matrix import totals

N_PAIRED_GENES = 1000
CHUNK = 5000


def coexpression(counts: sp.csr_matrix) -> npt.NDArray[np.float64]:
    """How much each cell expresses pairs of genes that other cells do not express together.

    Parameters
    ----------
    counts : csr_matrix of int, shape (n_cells, n_genes)
        Raw counts.

    Returns
    -------
    ndarray of float, shape (n_cells,)
        Sum over the pairs of genes that the cell expresses of -log P(at least as many cells express just one of the
        two, were they independent); larger for doublets of unlike cells. Nothing is drawn at random.

    Notes
    -----
    The score "cxds" of Bais & Kostka (2020), on the ``N_PAIRED_GENES`` genes whose presence varies most over cells
    (twice as many as there: measured to rank doublets better). Time and memory grow linearly with cells.
    """
    from scipy.stats import binom  # takes a second to import, and most runs call doublets otherwise

    present = (counts > 0).astype(np.float64)
    n = present.shape[0]
    share = np.asarray(present.mean(0)).ravel()
    chosen = np.sort(np.argsort(-share * (1 - share), kind="stable")[:N_PAIRED_GENES])
    present, share = present[:, chosen], share[chosen]
    together = (present.T @ present).toarray()
    one = np.diag(together)[:, None] + np.diag(together) - 2 * together
    expected = share[:, None] * (1 - share) + (1 - share)[:, None] * share
    weight = -binom.logsf(one - 1, n, expected)
    weight[~np.isfinite(weight)] = weight[np.isfinite(weight)].max(initial=0)  # beyond what a float can hold
    np.fill_diagonal(weight, 0)
    parts = [present[start : start + CHUNK] for start in range(0, n, CHUNK)]
    return np.concatenate([totals(part.multiply(part @ weight)) / 2 for part in parts])
