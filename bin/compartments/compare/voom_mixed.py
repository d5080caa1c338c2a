"""Expression where some donors have both conditions and some one: log counts with weights and a random donor effect.

A column per donor would leave out donors with one condition; none at all would waste that the others are their own
controls. Here all count, as with limma's duplicateCorrelation (Smyth et al. 2005, Bioinformatics 21:2067), with the
weights of :mod:`compartments.compare.voom`; but errors of counting are each sample's own: only what lies between donors
is shared.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.compare.correlated import correlated_fit, donor_correlation
from compartments.compare.donor_variance import donor_variance
from compartments.compare.voom import LEAST_GENES, Weighed, moderate_tests
from compartments.study.arms import of_rows
from compartments.study.terms import Term

Array = npt.NDArray[np.float64]


def of_units(data: Weighed, term: Term, samples: pd.Index) -> Weighed:
    """What is known of the samples (rows of ``data``) as that of the units of a term."""
    return Weighed(
        term.values(pd.DataFrame(data.z, samples)),
        term.variances(pd.DataFrame(data.sampling, samples)),
        data.between * sum(part.weight**2 for part in term.parts),
    )


@dataclass(frozen=True)
class MixedFit:
    """Units of donors, some of whom have several, and how alike those are.

    Attributes
    ----------
    z, sampling : array, shape (units, genes)
        Log2 expression and its variance by counting, per standard deviation between donors of such genes.
    scale : array, shape (genes,)
        That standard deviation.
    tau2 : array, shape (units, 1)
        Variance between donors, 1 on average.
    design : array, shape (units, coefficients)
    donors : array, shape (units,)
    correlation : float
        Of a donor's units, but for counting; one for all genes. 0 where too few donors have several units to tell.
    """

    z: Array
    sampling: Array
    scale: Array
    tau2: Array
    design: Array
    donors: npt.NDArray[np.object_]
    correlation: float

    @classmethod
    def of(
        cls, data: Weighed, design: Array, donors: npt.NDArray[np.object_], arms: npt.NDArray[np.intp]
    ) -> "MixedFit":
        """Estimate the variance between donors of each arm and their correlation.

        Parameters
        ----------
        data : Weighed
            Rows are units.
        design : array, shape (units, coefficients)
        donors : array, shape (units,)
        arms : array, shape (units,)
            Numbers; all 0 if the donors of the arms vary alike.

        Notes
        -----
        Both from genes of which counting explains at most half of the variance, by Paule-Mandel with mean squares
        winsorised over genes, so that a few genes do not set them.
        """
        scale = np.sqrt(data.between)
        z, sampling = data.z / scale, data.sampling / data.between
        said = np.flatnonzero(sampling.mean(0) <= 1)
        if len(said) < LEAST_GENES:
            said = np.arange(z.shape[1])
        tau2 = donor_variance(z[:, said], sampling[:, said], design, arms)
        correlation = donor_correlation(z[:, said], sampling[:, said], design, tau2, donors)
        return cls(z, sampling, scale, tau2, design, donors, float(np.nan_to_num(correlation)))

    def tests(self, vectors: dict[str, Array]) -> dict[str, pd.DataFrame]:
        """Moderated t tests of contrasts, as :func:`compartments.compare.voom.moderated_tests` gives them.

        The last coefficients of a contrast are those of ``design``; there may be others of what units share.
        """
        fit = correlated_fit(self.z, self.sampling, self.tau2, self.design, self.donors, self.correlation)
        contrasts = np.array(list(vectors.values()))[:, -self.design.shape[1] :]
        df = len(self.design) - self.design.shape[1]
        unscaled = np.einsum("kp,gpq,kq->kg", contrasts, fit.inverse, contrasts) * self.scale**2
        estimates = contrasts @ fit.beta.T * self.scale
        return dict(zip(vectors, moderate_tests(estimates, unscaled, (fit.residual**2).sum(0) / df, df), strict=True))

    def without_each_donor(self, genes: npt.NDArray[np.intp], vector: Array) -> Array:
        """Log2 fold changes of some genes with each donor left out in turn, shape (donors, genes).

        Variances and correlation are held; NaN where the contrast rests on the donor left out.
        """
        refits = []
        for donor in dict.fromkeys(self.donors):
            rows = self.donors != donor
            left = of_rows(self.design[rows], vector[-self.design.shape[1] :])
            if left is None:
                refits.append(np.full(len(genes), np.nan))
                continue
            columns, contrast = left
            values, variances = self.z[rows][:, genes], self.sampling[rows][:, genes]
            design, donors = self.design[rows][:, columns], self.donors[rows]
            fit = correlated_fit(values, variances, self.tau2[rows], design, donors, self.correlation)
            refits.append(fit.beta @ contrast * self.scale[genes])
        return np.array(refits)
