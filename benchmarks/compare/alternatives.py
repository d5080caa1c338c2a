"""Other methods for composition, written anew from their papers: what is their power on the same studies?

All of them for many studies at once: arrays have shape (studies, samples, lineages). Each gives p-values of the
condition within CSF, and of the difference between CSF and blood within donors, which they do by a paired design (a
constant for every donor). edgeR and limma-voom are the packages themselves, through Rscript where it is installed.
"""

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import special, stats

SCRIPT = Path(__file__).with_name("alternatives.R")
OVERDISPERSION = np.geomspace(1e-4, 0.5, 10)
SHARED_DF = 10  # weight, in residual degrees of freedom, of the likelihood that the lineages share
STEPS = 15


class Batch(NamedTuple):
    """Studies of one setting.

    Attributes
    ----------
    cells : array, shape (studies, 2, donors, lineages)
        CSF, blood.
    per_ul : array, shape (studies, 2, donors)
    treated : array of bool, shape (donors,)
    """

    cells: np.ndarray
    per_ul: np.ndarray
    treated: np.ndarray

    def design(self):
        """Constant and condition, shape (studies, donors, 2)."""
        one = np.column_stack([np.ones(len(self.treated)), self.treated])
        return np.broadcast_to(one, (len(self.cells), *one.shape))

    def sizes(self, scale):
        """Size of every sample, shape (studies, 2, donors, 1): its cells; absolute, those per total per microlitre."""
        total = self.cells.sum(-1, keepdims=True)
        if scale == "rel":
            return total
        usual = np.exp(np.log(self.per_ul).mean((1, 2), keepdims=True))  # so that sizes are of the order of cells
        return total * (usual / self.per_ul)[..., None]


def least_squares(z, design, weights=None):
    """Weighted least squares of every lineage: all coefficients, their unscaled variances, residual variance, df.

    Parameters
    ----------
    z, weights : array, shape (studies, samples, lineages)
    design : array, shape (studies, samples, coefficients)
    """
    w = np.ones_like(z) if weights is None else weights
    gram = np.linalg.inv(np.einsum("snl,snp,snq->slpq", w, design, design))
    beta = np.einsum("slpq,snq,snl,snl->slp", gram, design, w, z, optimize=True)
    residual = z - np.einsum("snp,slp->snl", design, beta)
    df = design.shape[1] - design.shape[2]
    return beta, np.einsum("slpp->slp", gram), (w * residual**2).sum(1) / df, df


def moderated_p(beta, unscaled, s2, df):
    """Two-sided p of a t test with variances moderated over the lineages of a study (Smyth 2004)."""
    d0, s02 = prior(s2, df)
    d0, s02 = d0[:, None], s02[:, None]
    with np.errstate(invalid="ignore"):
        posterior = np.where(np.isinf(d0), s02, (df * s2 + d0 * s02) / (df + d0))
    total = np.minimum(df + d0, df * s2.shape[1])
    return 2 * stats.t.sf(np.abs(beta) / np.sqrt(posterior * unscaled), total)


def prior(s2, df):
    """Prior df and variance of each study from the moments of log variances (Smyth 2004, section 6.2)."""
    s2 = np.maximum(s2, 1e-5 * np.median(s2, axis=1, keepdims=True) + 1e-300)
    e = np.log(s2) - special.digamma(df / 2) + np.log(df / 2)
    excess = e.var(axis=1, ddof=1) - special.polygamma(1, df / 2)
    low, high = np.full(len(s2), -8.0), np.full(len(s2), 12.0)
    for _ in range(60):  # trigamma falls: its inverse by bisection on the log
        middle = (low + high) / 2
        above = special.polygamma(1, np.exp(middle)) > excess
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    d0 = np.where(excess > 0, 2 * np.exp(low), np.inf)
    half = np.where(excess > 0, d0 / 2, 1.0)
    variance = np.exp(e.mean(1) + special.digamma(half) - np.log(half))
    return d0, np.where(excess > 0, variance, s2.mean(1))


def propeller(batch, transform):
    """Transformed proportions and moderated t tests (Phipson et al. 2022, Bioinformatics); no robust prior."""
    if transform == "logit":
        pseudo = batch.cells + 0.5
        share = pseudo / pseudo.sum(-1, keepdims=True)
        z = np.log(share / (1 - share))
    else:
        z = np.arcsin(np.sqrt(batch.cells / batch.cells.sum(-1, keepdims=True)))
    found = {}
    for term, values in (("within CSF", z[:, 0]), ("interaction", z[:, 0] - z[:, 1])):
        beta, unscaled, s2, df = least_squares(values, batch.design())
        found[term] = moderated_p(beta[..., 1], unscaled[..., 1], s2, df)
    return found


def precision(cells, axis=-2):
    """CLR with pseudocount .5, and precision weights by the delta method, a lineage's at most five times its 5 % point.

    Hoffman et al. 2025, crumblr. ``axis`` is that of the samples.
    """
    pseudo = cells + 0.5
    logs, n = np.log(pseudo), cells.shape[-1]
    variance = (1 - 2 / n) / pseudo + (1 / pseudo).sum(-1, keepdims=True) / n**2
    low = np.quantile(1 / variance, 0.05, axis=axis, keepdims=True)
    return logs - logs.mean(-1, keepdims=True), np.minimum(1 / variance / low, 5)


def crumblr(batch):
    """CLR weighted by precision, moderated t tests; a donor's constant taken out for the interaction."""
    z, w = precision(batch.cells[:, 0])
    beta, unscaled, s2, df = least_squares(z, batch.design(), w)
    found = {"within CSF": moderated_p(beta[..., 1], unscaled[..., 1], s2, df)}
    studies, _, donors, lineages = batch.cells.shape
    z, w = (one.reshape(studies, 2, donors, lineages) for one in precision(batch.cells.reshape(studies, -1, lineages)))
    # weighted least squares with a constant for every donor is that of the donors' differences with these weights
    both = 1 / (1 / w[:, 0] + 1 / w[:, 1])
    beta, unscaled, s2, df = least_squares(z[:, 0] - z[:, 1], batch.design(), both)
    return found | {"interaction": moderated_p(beta[..., 1], unscaled[..., 1], s2, df)}


def wilcoxon(batch, scale):
    """Rank-sum tests of proportions (or cells per microlitre), and of donors' differences of their logs."""
    value = batch.cells / batch.sizes(scale)
    logs = np.log((batch.cells + 0.5) / batch.sizes(scale))
    exact = "exact" if len(batch.treated) <= 16 else "asymptotic"
    found = {}
    for term, x in (("within CSF", value[:, 0]), ("interaction", logs[:, 0] - logs[:, 1])):
        test = stats.mannwhitneyu(x[:, batch.treated], x[:, ~batch.treated], axis=1, method=exact)
        found[term] = test.pvalue
    return found


def beta_binomial(batch):
    """Likelihood-ratio tests of a beta-binomial whose overdispersion the lineages partly share.

    As sccomp (Mangiola et al. 2023, PNAS), without its Bayesian sampling and its regression of variability on the mean:
    each lineage's likelihood of the overdispersion is joined with the mean of all lineages', at ``SHARED_DF``. The
    interaction: cells in CSF among a donor's cells of the lineage in both, with the samples' totals as offset.
    """
    total = batch.cells.sum(-1, keepdims=True)
    y, both = batch.cells[:, 0], batch.cells.sum(1)
    offset = np.broadcast_to(np.log(total[:, 0] / total[:, 1]), y.shape)
    within = likelihood_ratio(y, np.broadcast_to(total[:, 0], y.shape), np.zeros(y.shape), batch.design())
    return {"within CSF": within, "interaction": likelihood_ratio(y, both, offset, batch.design())}


def likelihood_ratio(y, n, offset, design, at_once=50):
    """p of the second coefficient of the design; ``y`` of ``n``, shape (studies, samples, lineages)."""
    found = []
    without = np.delete(design, 1, axis=-1)
    df = design.shape[1] - design.shape[2]
    for start in range(0, len(y), at_once):
        part = slice(start, start + at_once)
        full = profile(y[part], n[part], offset[part], design[part])
        null = profile(y[part], n[part], offset[part], without[part])
        joined = full + SHARED_DF / df * full.mean(1, keepdims=True)
        best = joined.argmax(-1)[..., None]
        ratio = 2 * (np.take_along_axis(full, best, -1) - np.take_along_axis(null, best, -1))[..., 0]
        found.append(stats.chi2.sf(np.maximum(ratio, 0), 1))
    return np.concatenate(found)


def profile(y, n, offset, design):
    """Largest log likelihood for every overdispersion, shape (studies, lineages, overdispersions)."""
    y, n, offset = (x[..., None].astype(float) for x in (y, n, offset))
    rho = OVERDISPERSION
    c = (1 - rho) / rho
    used = n > 0
    share = np.where(used, (y + 0.5) / (n + 1), 0.5)
    start = np.where(used, np.log(share / (1 - share)) - offset, 0).sum(1) / np.maximum(used.sum(1), 1)
    beta = np.zeros((*start.shape[:2], len(rho), design.shape[-1]))
    beta[..., 0] = start
    for _ in range(STEPS):
        m = _mean(beta, offset, design)
        slope = m * (1 - m)
        yes, no = m * c, (1 - m) * c
        gained = special.digamma(y + yes) - special.digamma(yes) - special.digamma(n - y + no) + special.digamma(no)
        bent = trigamma(yes) - trigamma(y + yes) + trigamma(no) - trigamma(n - y + no)
        score = np.einsum("snp,snlr->slrp", design, slope * c * gained)
        weight = (slope * c) ** 2 * bent
        gram = np.einsum("snp,snq,snlr->slrpq", design, design, weight, optimize=True)
        gram += 1e-6 * np.eye(design.shape[-1])
        beta += np.clip(np.linalg.solve(gram, score[..., None])[..., 0], -2, 2)
    m = _mean(beta, offset, design)
    return (special.betaln(y + m * c, n - y + (1 - m) * c) - special.betaln(m * c, (1 - m) * c)).sum(1)


def trigamma(x):
    """By recurrence and its asymptotic series, to 1e-10: many times faster than scipy's for arrays."""
    y = 1 / (x + 6) ** 2
    series = (0.5 + (x + 6) * (1 + y * (1 / 6 - y * (1 / 30 - y * (1 / 42 - y / 30))))) * y
    return series + sum(1 / (x + k) ** 2 for k in range(6))


def _mean(beta, offset, design):
    """Expected share, away from 0 and 1; shape (studies, samples, lineages, overdispersions)."""
    eta = np.einsum("snp,slrp->snlr", design, beta) + offset
    return special.expit(np.clip(eta, -12, 12))


def in_r(batch, scale):
    """edgeR's quasi-likelihood and limma-voom with the samples' sizes as offsets; none where they are not installed.

    Returns
    -------
    dict name -> dict term -> p
    """
    if not r_is_there():
        return {}
    studies, _, donors, lineages = batch.cells.shape
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder, "given.txt"), Path(folder, "made.txt")
        with open(given, "w") as handle:
            np.savetxt(handle, [[studies, donors, lineages]], fmt="%d")
            np.savetxt(handle, [batch.treated.astype(int)], fmt="%d")
            np.savetxt(handle, batch.cells.reshape(studies, -1), fmt="%d")  # lineages fastest, then donors, CSF first
            np.savetxt(handle, np.log(batch.sizes(scale)).reshape(studies, -1), fmt="%.10g")
        subprocess.run(["Rscript", "--vanilla", SCRIPT, given, made], check=True, capture_output=True)
        p = np.genfromtxt(made).reshape(2, 2, studies, lineages)
    terms = ("within CSF", "interaction")
    return {name: dict(zip(terms, each, strict=True)) for name, each in zip(("edgeR", "limma-voom"), p, strict=True)}


@cache
def r_is_there():
    """Whether Rscript has edgeR and limma, and statmod, which both ask for."""
    if not shutil.which("Rscript"):
        return False
    return subprocess.run(["Rscript", "-e", "library(edgeR); library(statmod)"], capture_output=True).returncode == 0


def in_python(batch, scale):
    """Every method of this file that works on a scale: name -> term -> p, shape (studies, lineages)."""
    found = {"Wilcoxon": wilcoxon(batch, scale)}
    if scale == "rel":
        found["propeller logit"] = propeller(batch, "logit")
        found["propeller arcsin"] = propeller(batch, "arcsin")
        found["crumblr"] = crumblr(batch)
        found["beta-binomial"] = beta_binomial(batch)
    return found
