"""Values of donors who may differ more among themselves in one arm than in the other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.compare.correlated import fit_units
from compartments.compare.donor_variance import donor_variance, moderate, unweighted
from compartments.compare.engine import Fitted, Measured
from compartments.compare.moderated import told
from compartments.compare.weighted import with_p
from compartments.study.arms import arm_design, arm_numbers
from compartments.study.terms import Term

SAID_BY = 2000  # features that are enough to say how much the donors of each arm differ


@dataclass(frozen=True)
class ByArm(Measured):
    """Values whose variance between donors is one number per arm, the same for all features, times one per feature.

    Attributes
    ----------
    together : array of str, shape (features,), optional
        Features of one name share genes or cells and count as one where it matters how well the variances of the arms
        are known. Default: each by itself.
    own : bool
        The variance of a feature is its own, not moderated over features.
    """

    together: npt.NDArray[np.object_] | None = None
    own: bool = False

    def fit(
        self,
        term: Term,
        present: npt.NDArray[np.bool_],
        at: npt.NDArray[np.intp],
        covariates: Sequence[str],
    ) -> Fitted:
        """Fit with weights 1 / (sampling variance + variance of the arm).

        Notes
        -----
        Variances of arms by :func:`compartments.compare.donor_variance.donor_variance` (Paule-Mandel). The prior weighs
        no more than the donors, so that every test keeps half of its own variance; a mean of the two with weights w and
        1 - w has 1 / (w^2 / d0 + (1 - w)^2 / m) degrees of freedom. They are at most those by Satterthwaite (1946) of
        the two estimated variances: with one feature nearly Welch's test, with many the variances are as good as known.
        """
        design, vector, dropped = arm_design(term, covariates)
        df = float(len(design) - design.shape[1])
        if df < 1:
            return super().fit(term, present, at, covariates)
        x, arms = design.to_numpy(), arm_numbers(term)
        z = self.values[present][:, at]
        v = None if self.variances is None else self.variances[present][:, at]
        estimate_plain, se_plain, square = unweighted(z, x, vector)
        some = slice(None, None, 1 + len(at) // SAID_BY)
        # without variances in units of their spread, so that the least variance that donor_variance gives is the same
        s, scale = (np.zeros_like(z), np.median(square) or 1.0) if v is None else (v, 1.0)
        between = scale * donor_variance(z[:, some] / np.sqrt(scale), s[:, some] / scale, x, arms)
        fit, shared = fit_units(z, s, between, x, vector, arms, term.units["donor"].to_numpy(object))
        s2 = (fit.residual**2).sum(0) / df
        _, prior, d0, s02 = moderate(s2, df)
        part = np.where(self.own | (prior == 0), 0.0, np.minimum(prior, df) / (np.minimum(prior, df) + df))
        posterior = np.where(part > 0, part * s02 + (1 - part) * s2, told(s2))
        freedom = 1 / (part**2 / np.maximum(prior, 1e-9) + (1 - part) ** 2 / df)
        independent = len(at) if self.together is None else len(np.unique(self.together[at]))
        known = shared * independent / len(at)
        columns = {
            "estimate": fit.beta @ vector,
            "se": np.sqrt(fit.inverse @ vector @ vector * posterior),
            "df": np.minimum(freedom, known),
            "estimate_plain": estimate_plain,
            "se_plain": se_plain,
            "df_plain": df,
        }
        table = pd.DataFrame(columns, index=pd.Index(at))
        table.attrs = {"d0": d0, "s02": s02, "tau2": float(between.mean()), "zero": 0.0}
        return Fitted(with_p(table), dropped, z, v, np.ones(len(at), bool))
