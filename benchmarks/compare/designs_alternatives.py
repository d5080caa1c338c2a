"""Other methods for composition where donors are their own controls, written anew from their papers.

Each gives p-values of the condition within CSF and of the difference between the compartments (or, of one condition, of
the compartments), all lineages of a study at once. A difference between compartments is that of a donor's two samples
of a condition, which takes out what they share. limma is the package itself, through Rscript where it is installed.
"""

import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import stats
from scipy.special import digamma, polygamma

from benchmarks.compare.alternatives import precision, r_is_there

SCRIPT = Path(__file__).with_name("designs_alternatives.R")
IN_R = ("limma-voom with duplicateCorrelation", "propeller with duplicateCorrelation")
RATIOS = np.concatenate([[0], np.geomspace(1e-3, 1e3, 40)])  # of the donors' variance to the residual one
REFINED = 15  # steps of a golden section between two of them
LEAST_BEYOND = 0.01  # ln squared, between samples beyond Poisson


class Rows(NamedTuple):
    """The observations of one question: a sample each, or a donor's two samples of a condition.

    Attributes
    ----------
    first, second : array of int, shape (rows,)
        Samples; the value is the difference where there is a second, else None.
    donor : array of int, shape (rows,)
    within : array of int, shape (rows,)
        1 after, 0 before; of one condition 1 in CSF, 0 in blood.
    treated : array of int, shape (rows,), or None
        The group, where the question is about groups.
    """

    first: np.ndarray
    second: np.ndarray | None
    donor: np.ndarray
    within: np.ndarray
    treated: np.ndarray | None

    def design(self):
        """Constant, factors and their product, shape (rows, coefficients); the last is the question."""
        one = np.ones(len(self.donor))
        if self.treated is None:
            return np.column_stack([one, self.within])
        return np.column_stack([one, self.within, self.treated, self.within * self.treated])

    def difference(self, values):
        """Values of samples, shape (samples, lineages), as values of the rows."""
        return values[self.first] if self.second is None else values[self.first] - values[self.second]

    def variance(self, variances):
        """Variances of samples as variances of the rows."""
        return variances[self.first] if self.second is None else variances[self.first] + variances[self.second]


def rows_of(samples, term):
    """Observations of a question.

    Parameters
    ----------
    samples : DataFrame
        Of :class:`benchmarks.designs.Drawn`, index from 0.
    term : {"within CSF", "interaction", "compartments"}

    Returns
    -------
    Rows
    """
    csf, after = (samples["compartment"] == "CSF").to_numpy(), (samples["condition"] == "after").to_numpy()
    donor = samples["donor"].astype("category").cat.codes.to_numpy()
    treated = (samples["group"] == "treated").to_numpy().astype(int) if "group" in samples else None
    first, second, within = np.flatnonzero(csf), None, after
    if term == "compartments":
        first, within = np.arange(len(samples)), csf
    elif term == "interaction":
        other = {(donor[i], after[i]): i for i in np.flatnonzero(~csf)}
        first = np.array([i for i in first if (donor[i], after[i]) in other], int)
        second = np.array([other[donor[i], after[i]] for i in first], int)
    group = None if treated is None else treated[first]
    return Rows(first, second, donor[first], within[first].astype(int), group)


def by_donor(rows, z):
    """Change of every donor that has both, shape (donors, lineages), and its group; from values of samples."""
    z = rows.difference(z)
    pairs = [
        (np.flatnonzero((rows.donor == d) & (rows.within == 1)), np.flatnonzero((rows.donor == d) & (rows.within == 0)))
        for d in np.unique(rows.donor)
    ]
    pairs = np.array([(a[0], b[0]) for a, b in pairs if len(a) and len(b)], int).reshape(-1, 2)
    group = np.ones(len(pairs), int) if rows.treated is None else rows.treated[pairs[:, 0]]
    return z[pairs[:, 0]] - z[pairs[:, 1]], group


def t_test(change, group, moderated):
    """p of the mean change (or of the groups' difference) per lineage; NaN where donors do not replicate.

    With equal variances, moderated over the lineages (Smyth 2004, as propeller does) if so asked.
    """
    means, n, sums = [], [], 0.0
    for g in np.unique(group):
        own = change[group == g]
        means.append(own.mean(0))
        n.append(len(own))
        sums = sums + ((own - own.mean(0)) ** 2).sum(0)
    df = len(change) - len(means)
    if df < 1:
        return np.full(change.shape[1], np.nan)
    beta, unscaled = means[-1] - (means[0] if len(means) > 1 else 0), sum(1 / each for each in n)
    return p_of(beta, np.full(beta.shape, unscaled), sums / df, np.full(beta.shape, float(df)), moderated)


def p_of(beta, unscaled, s2, df, moderated=True):
    """Two-sided p of coefficients with variance ``unscaled * s2``; arrays of shape (lineages,)."""
    total = df
    if moderated:
        d0, s02 = prior(s2, df)
        s2 = np.full(s2.shape, s02) if np.isinf(d0) else (df * s2 + d0 * s02) / (df + d0)
        total = np.minimum(df + d0, df.sum())
    return 2 * stats.t.sf(np.abs(beta) / np.sqrt(np.maximum(unscaled * s2, 1e-300)), total)


def prior(s2, df):
    """Prior df and variance from the moments of log variances with unequal df (Smyth 2004, section 6.2)."""
    s2 = np.maximum(s2, 1e-5 * np.median(s2) + 1e-300)
    e = np.log(s2) - digamma(df / 2) + np.log(df / 2)
    excess = e.var(ddof=1) - polygamma(1, df / 2).mean()
    if excess <= 0:
        return np.inf, s2.mean()
    low, high = -8.0, 12.0
    for _ in range(60):  # trigamma falls: its inverse by bisection on the log
        middle = (low + high) / 2
        low, high = (middle, high) if polygamma(1, np.exp(middle)) > excess else (low, middle)
    half = np.exp(low)
    return 2 * half, np.exp(e.mean() + digamma(half) - np.log(half))


def mixed(z, variance, design, donor):
    """A linear mixed model with a random constant per donor, by REML, for every lineage.

    The model of dream (Hoffman and Roussos 2021, Bioinformatics): residual variance s2 times ``variance``, donors'
    variance s2 times a ratio.

    Parameters
    ----------
    z, variance : array, shape (rows, lineages)
    design : array, shape (rows, coefficients)
    donor : array of int, shape (rows,)

    Returns
    -------
    beta, unscaled, s2, df : array, shape (lineages,)
        Of the last coefficient: its estimate, its variance over s2, the residual variance and Satterthwaite's degrees
        of freedom (rows less coefficients where the donors' variance is zero).
    """
    model = Blocks(z, 1 / variance, design, (donor[:, None] == np.unique(donor)).astype(float))
    ratio = model.best_ratio()
    beta, gram, s2 = model.fit(ratio)
    unscaled = np.diagonal(gram, axis1=-2, axis2=-1)
    return beta[:, -1], unscaled[:, -1], s2, model.satterthwaite(ratio, gram)


class Blocks(NamedTuple):
    """Observations in blocks of donors.

    Attributes
    ----------
    z, w : array, shape (rows, lineages)
    design : array, shape (rows, coefficients)
    member : array, shape (rows, donors), 0 or 1
    """

    z: np.ndarray
    w: np.ndarray
    design: np.ndarray
    member: np.ndarray

    def _solved(self, ratio):
        """Inverse of X'M^-1 X, coefficients, and the log determinant and weighted squares, M the variance over s2."""
        x, z, w = self.design, self.z, self.w
        s = self.member.T @ w  # donors, lineages
        shrink = ratio / (1 + ratio * s)
        wx = np.einsum("rd,rl,rp->dlp", self.member, w, x, optimize=True)
        wz = self.member.T @ (w * z)
        gram = np.einsum("rl,rp,rq->lpq", w, x, x) - np.einsum("dl,dlp,dlq->lpq", shrink, wx, wx)
        right = np.einsum("rl,rp->lp", w * z, x) - np.einsum("dl,dlp,dl->lp", shrink, wx, wz)
        inverse = np.linalg.inv(gram)
        beta = np.einsum("lpq,lq->lp", inverse, right)
        residual = z - x @ beta.T
        squares = (w * residual**2).sum(0) - (shrink * (self.member.T @ (w * residual)) ** 2).sum(0)
        size = np.log1p(ratio * s).sum(0) - np.log(w).sum(0) + np.linalg.slogdet(gram)[1]
        return inverse, beta, size, np.maximum(squares, 1e-12)

    @property
    def df(self):
        """Rows less coefficients."""
        return self.design.shape[0] - self.design.shape[1]

    def deviance(self, ratio):
        """-2 log restricted likelihood, s2 at its best, up to a constant; ``ratio`` has shape (lineages,)."""
        _, _, size, squares = self._solved(ratio)
        return size + self.df * np.log(squares)

    def best_ratio(self):
        """The ratio of variances that REML chooses: best of a grid, then a golden section on the log around it."""
        lineages = self.z.shape[1]
        found = np.stack([self.deviance(np.full(lineages, ratio)) for ratio in RATIOS])
        best = found.argmin(0)
        low, high = (np.log(RATIOS[np.clip(best + step, 1, len(RATIOS) - 1)]) for step in (-1, 1))
        golden = (np.sqrt(5) - 1) / 2
        for _ in range(REFINED):
            left, right = high - golden * (high - low), low + golden * (high - low)
            lower = self.deviance(np.exp(left)) < self.deviance(np.exp(right))
            low, high = np.where(lower, low, left), np.where(lower, right, high)
        inner = np.exp((low + high) / 2)
        return np.where((best == 0) & (found[0] <= self.deviance(inner)), 0.0, inner)

    def fit(self, ratio):
        """Coefficients, their unscaled covariances and s2."""
        inverse, beta, _, squares = self._solved(ratio)
        return beta, inverse, squares / self.df

    def satterthwaite(self, ratio, gram):
        """Degrees of freedom of the last coefficient's variance, by the expected information of both variances."""
        lines = self.w.T[:, :, None]  # lineages, rows, 1
        s = np.einsum("rd,rl->ld", self.member, self.w)
        shrink = ratio[:, None] / (1 + ratio[:, None] * s)
        wm = lines * self.member
        inverse = np.eye(len(self.z)) * lines - np.einsum("lrd,ld,lsd->lrs", wm, shrink, wm, optimize=True)
        ix = inverse @ self.design
        p = inverse - ix @ gram @ ix.swapaxes(1, 2)
        own, donors = p / self.w.T[:, None, :], (p @ self.member) @ self.member.T
        pieces = [own, donors]
        trace = np.array([[0.5 * np.einsum("lrs,lsr->l", a, b) for a in pieces] for b in pieces])
        # change of the coefficient's variance with either variance component
        row = (ix @ gram)[:, :, -1]
        slope = np.stack([(row**2 / self.w.T).sum(1), ((row @ self.member) ** 2).sum(1)])
        found = np.full(len(ratio), float(self.df))
        for i in np.flatnonzero(ratio > 0):
            g, information = slope[:, i], trace[:, :, i]
            error = g @ np.linalg.solve(information, g)
            found[i] = 2 * gram[i, -1, -1] ** 2 / error
        return np.clip(found, 1.0, self.df)


def dream(rows, cells, size):
    """Log counts per size in the mixed model, moderated t tests.

    Precision weights as voom's (Law et al. 2014), whose trend has two parameters here: Poisson's variance, and a common
    one, the median over lineages of what an ordinary fit leaves beyond it.
    """
    z, poisson, x = rows.difference(np.log((cells + 0.5) / size)), rows.variance(1 / (cells + 0.5)), rows.design()
    residual = z - x @ np.linalg.lstsq(x, z, rcond=None)[0]
    beyond = (residual**2).sum(0) / (len(z) - x.shape[1]) - poisson.mean(0)
    return p_of(*mixed(z, poisson + max(np.median(beyond), LEAST_BEYOND), x, rows.donor))


def crumblr(rows, cells):
    """CLR with the delta method's weights (Hoffman et al. 2025) in the mixed model, moderated t tests."""
    z, weights = precision(cells)
    return p_of(*mixed(rows.difference(z), rows.variance(1 / weights), rows.design(), rows.donor))


def sizes(cells, samples):
    """Size of every sample, shape (samples, 1): its cells; where totals per microlitre are given, those per total."""
    total = cells.sum(1, keepdims=True).astype(float)
    if "cells_per_ul" not in samples:
        return total
    per_ul = samples["cells_per_ul"].to_numpy()[:, None]
    return total * np.exp(np.log(per_ul).mean()) / per_ul  # of the order of cells


def in_python(samples, cells, term):
    """Every method of this file for one study: name -> p, shape (lineages,), NaN where it cannot be computed.

    Parameters
    ----------
    samples : DataFrame
        Of :class:`benchmarks.designs.Drawn`.
    cells : array, shape (samples, lineages)
    term : str
        As :func:`rows_of`.
    """
    rows, size = rows_of(samples, term), sizes(cells, samples)
    logs, unknown = np.log((cells + 0.5) / size), np.full(cells.shape[1], np.nan)
    fits = len(rows.donor) > np.linalg.matrix_rank(rows.design()) == rows.design().shape[1]
    found = {"mixed model as dream": dream(rows, cells, size) if fits else unknown}
    if "cells_per_ul" in samples:
        return found | {"paired t of log abundance": t_test(*by_donor(rows, logs), moderated=False)}
    share = (cells + 0.5) / (cells + 0.5).sum(1, keepdims=True)
    change = by_donor(rows, np.log(share / (1 - share)))
    found["crumblr"] = crumblr(rows, cells) if fits else unknown
    found["paired t of logit proportions"] = t_test(*change, moderated=False)
    return found | {"propeller logit, paired": t_test(*change, moderated=True)}


def in_r(studies, term):
    """limma for many studies: name -> p, shape (studies, lineages); nothing where there is no R.

    With a constant for every donor's samples of a condition where compartments are compared between conditions, so that
    what they share is out as in :func:`rows_of`; what is left of a donor is the block of duplicateCorrelation.

    Parameters
    ----------
    studies : list of (samples, cells)
    term : str
    """
    if not r_is_there():
        return {}
    lineages = studies[0][1].shape[1]
    names = IN_R[:1] if "cells_per_ul" in studies[0][0] else IN_R
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder, "given.txt"), Path(folder, "made.txt")
        with open(given, "w") as handle:
            np.savetxt(handle, [[len(studies), lineages, len(names)]], fmt="%d")
            for samples, cells in studies:
                _task(handle, samples, cells, term)
        subprocess.run(["Rscript", "--vanilla", SCRIPT, given, made], check=True, capture_output=True)
        p = np.genfromtxt(made).reshape(len(studies), len(names), lineages)
    return dict(zip(names, p.swapaxes(0, 1), strict=True))


def _task(handle, samples, cells, term):
    """One study for R: samples and coefficients; design, block, log size, cells."""
    rows = rows_of(samples, term)
    x, block, used = rows.design(), rows.donor, rows.first
    if rows.second is not None:
        n = len(rows.donor)
        csf = np.repeat([1.0, 0.0], n)
        x = np.column_stack([np.tile(np.eye(n), (2, 1)), csf[:, None] * np.tile(x, (2, 1))])
        block, used = np.concatenate([rows.donor, rows.donor + rows.donor.max() + 1]), np.r_[rows.first, rows.second]
    np.savetxt(handle, [x.shape], fmt="%d")
    for values in (x.T, block[None], np.log(sizes(cells, samples))[used].T, cells[used]):
        np.savetxt(handle, values, fmt="%.10g")
