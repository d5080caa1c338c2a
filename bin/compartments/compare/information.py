"""The information matrix ``X' diag(w) X`` of one design and the weights of many genes, and what fits need of it.

Where every donor has coefficients of its own the matrix has as many rows as there are donors, and a fit would cost the
third power of that. Such a design is an arrow: a donor's coefficients touch no other donor's samples, so that they are
eliminated donor by donor (Schur complement), and the cost is that of the samples.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.csgraph import connected_components

Array = npt.NDArray[Any]

MOST_DENSE = 30  # coefficients; with fewer nothing is gained


class Information(Protocol):
    """What both forms do. Weights have shape (samples, genes), a diagonal to add (1 or genes, coefficients)."""

    @property
    def design(self) -> Array:
        """Shape (samples, coefficients)."""

    @property
    def elements(self) -> int:
        """Numbers held at once for a gene."""

    def solve(self, weights: Array, diagonal: Array, vectors: Array) -> Array:
        """``(X'WX + D)^-1 v`` for every gene; ``vectors`` and result have shape (genes, coefficients)."""

    def leverages(self, weights: Array, diagonal: Array) -> Array:
        """Diagonal of ``W X (X'WX + D)^-1 X'``, shape (samples, genes)."""

    def standard_errors(self, weights: Array, diagonal: Array, contrast: Array) -> Array:
        """Of a contrast of ridge estimates: square root of ``u' X'WX u``, ``u = (X'WX + D)^-1 c``; shape (genes,)."""

    def traces(self, weights: Array, first: Array, second: Array) -> tuple[Array, Array, Array]:
        """Traces of ``M^-1 A``, ``M^-1 B`` and ``(M^-1 A)^2``, ``M`` of the weights, ``A`` and ``B`` of the others."""


def information(design: Array) -> Information:
    """The form in which a design is cheapest."""
    return (Arrow.of(design) if design.shape[1] > MOST_DENSE else None) or Dense(design)


@dataclass(frozen=True)
class Dense:
    """Any design; whole matrices. See :class:`Information`."""

    design: Array

    @property
    def elements(self) -> int:
        """Those of the matrix."""
        return self.design.shape[1] ** 2

    def matrices(self, weights: Array) -> Array:
        """``X' diag(w_g) X`` for every gene, shape (genes, coefficients, coefficients)."""
        samples, p = self.design.shape
        products = (self.design[:, :, None] * self.design[:, None, :]).reshape(samples, p * p)
        return (weights.T @ products).reshape(-1, p, p)

    @staticmethod
    def ridged(matrices: Array, diagonal: Array) -> Array:
        """The matrices, changed in place, with something added on their diagonals."""
        each = np.arange(matrices.shape[1])
        matrices[:, each, each] += diagonal
        return matrices

    def solve(self, weights: Array, diagonal: Array, vectors: Array) -> Array:
        """See :class:`Information`."""
        return np.linalg.solve(self.ridged(self.matrices(weights), diagonal), vectors[..., None])[..., 0]

    def leverages(self, weights: Array, diagonal: Array) -> Array:
        """See :class:`Information`."""
        inverse = np.linalg.inv(self.ridged(self.matrices(weights), diagonal))
        return weights * np.einsum("ij,gjk,ik->ig", self.design, inverse, self.design, optimize=True)

    def standard_errors(self, weights: Array, diagonal: Array, contrast: Array) -> Array:
        """See :class:`Information`."""
        matrices = self.matrices(weights)
        vectors = np.broadcast_to(contrast, matrices.shape[:2])[..., None]
        direction = np.linalg.solve(self.ridged(matrices.copy(), diagonal), vectors)[..., 0]
        return np.sqrt(np.einsum("gp,gpq,gq->g", direction, matrices, direction))

    def traces(self, weights: Array, first: Array, second: Array) -> tuple[Array, Array, Array]:
        """See :class:`Information`."""
        inverse = np.linalg.inv(self.matrices(weights))
        slope = inverse @ self.matrices(first)
        bend = np.einsum("gpq,gqp->g", inverse, self.matrices(second))
        return np.einsum("gpp->g", slope), bend, np.einsum("gpq,gqp->g", slope, slope)


@dataclass(frozen=True)
class Arrow:
    """A design in which every unit has as many samples and coefficients of its own as any other.

    Attributes
    ----------
    design : array, shape (samples, coefficients)
    rows : int array, shape (units, samples of a unit)
    columns : int array, shape (units, coefficients of a unit)
    shared : int array
        Coefficients of all.
    own, common : array, shape (units, samples of a unit, coefficients of a unit or of all)
        The design, unit by unit.
    """

    design: Array
    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    shared: npt.NDArray[np.intp]
    own: Array
    common: Array

    @classmethod
    def of(cls, design: Array) -> "Arrow | None":
        """The units of a design by what its coefficients touch; None if it is no arrow."""
        touched = design != 0
        sizes = touched.sum(0)
        own = np.flatnonzero((sizes > 0) & (sizes <= np.bincount(sizes).argmax()))
        links = sparse.csr_matrix(touched[:, own].astype(np.int64))
        n_units, unit = connected_components(links @ links.T, directed=False)
        of_column = unit[touched[:, own].argmax(0)]
        n_rows, n_columns = (np.bincount(codes, minlength=n_units) for codes in (unit, of_column))
        alike = n_rows.min() == n_rows.max() and n_columns.min() == n_columns.max() > 0
        if n_units == 1 or not alike:
            return None
        rows = np.argsort(unit, kind="stable").reshape(n_units, -1)
        columns = own[np.argsort(of_column, kind="stable")].reshape(n_units, -1)
        shared = np.setdiff1d(np.arange(design.shape[1]), own)
        parts = design[rows[:, :, None], columns[:, None, :]], design[rows][:, :, shared]
        return cls(design, rows, columns, shared, *parts)

    @property
    def elements(self) -> int:
        """Those of the samples' shared coefficients."""
        return self.rows.size * (len(self.shared) + 1) ** 2

    def _by_unit(self, values: Array) -> Array:
        """Values of samples, shape (genes, units, samples of a unit)."""
        return values.T[:, self.rows]

    def _eliminated(self, weights: Array, diagonal: Array) -> tuple[Array, Array, Array]:
        """Inverses of the units' blocks, what they take from the shared coefficients, inverse of what is left of these.

        Shapes (genes, units, k, k), (genes, units, k, q), (genes, q, q) for ``k`` own and ``q`` shared coefficients.
        """
        weighted = self._by_unit(weights)[..., None]
        of_own, of_common = weighted * self.own, weighted * self.common
        block = np.einsum("urk,gurl->gukl", self.own, of_own)
        each = np.arange(self.columns.shape[1])
        block[:, :, each, each] += diagonal[:, self.columns]
        inverse = 1 / block if len(each) == 1 else np.linalg.inv(block)
        across = np.einsum("urk,gurq->gukq", self.own, of_common)
        taken = inverse * across if len(each) == 1 else inverse @ across
        left = np.einsum("urq,gurs->gqs", self.common, of_common) - np.einsum("gukq,guks->gqs", across, taken)
        each = np.arange(len(self.shared))
        left[:, each, each] += diagonal[:, self.shared]
        return inverse, taken, np.linalg.inv(left)

    def _apart(self, inverse: Array, taken: Array, left: Array) -> tuple[Array, Array, Array]:
        """``x' M^-1 x`` of the samples of a unit by its own and by shared coefficients, and the latter's part of ``x``.

        Shapes (genes, units, r, r) twice and (genes, units, r, q), for ``r`` samples of a unit.
        """
        rest = self.common - np.einsum("urk,gukq->gurq", self.own, taken)
        by_own = np.einsum("gurk,uvk->gurv", np.einsum("urk,gukl->gurl", self.own, inverse), self.own)
        by_common = np.einsum("gurq,guvq->gurv", rest, np.einsum("gqs,gurs->gurq", left, rest))
        return by_own, by_common, rest

    def solve(self, weights: Array, diagonal: Array, vectors: Array) -> Array:
        """See :class:`Information`."""
        inverse, taken, left = self._eliminated(weights, diagonal)
        mine, all_of = vectors[:, self.columns], vectors[:, self.shared]
        found = np.empty(vectors.shape)
        shared = np.einsum("gqs,gs->gq", left, all_of - np.einsum("gukq,guk->gq", taken, mine))
        found[:, self.shared] = shared
        found[:, self.columns] = np.einsum("gukl,gul->guk", inverse, mine) - np.einsum("gukq,gq->guk", taken, shared)
        return found

    def leverages(self, weights: Array, diagonal: Array) -> Array:
        """See :class:`Information`."""
        by_own, by_common, _ = self._apart(*self._eliminated(weights, diagonal))
        found = np.empty(weights.shape)
        found[self.rows] = np.einsum("gurr->urg", by_own + by_common)
        return weights * found

    def standard_errors(self, weights: Array, diagonal: Array, contrast: Array) -> Array:
        """See :class:`Information`."""
        direction = self.solve(weights, diagonal, np.broadcast_to(contrast, (weights.shape[1], len(contrast))))
        return np.sqrt((weights * (self.design @ direction.T) ** 2).sum(0))

    def traces(self, weights: Array, first: Array, second: Array) -> tuple[Array, Array, Array]:
        """See :class:`Information`."""
        none = np.zeros((1, self.design.shape[1]))
        inverse, taken, left = self._eliminated(weights, none)
        by_own, by_common, rest = self._apart(inverse, taken, left)
        a, b = self._by_unit(first), self._by_unit(second)
        lever = np.einsum("gurr->gur", by_own + by_common)
        # two samples of unlike units meet in the shared coefficients alone
        met = left @ np.einsum("gurq,gurs->gqs", a[..., None] * rest, rest)
        more = (by_own + by_common) ** 2 - by_common**2
        squared = np.einsum("gqs,gsq->g", met, met) + np.einsum("gur,gur->g", a, np.einsum("gurv,guv->gur", more, a))
        return (a * lever).sum((1, 2)), (b * lever).sum((1, 2)), squared
