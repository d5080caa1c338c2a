"""Studies of known truth in which donors are their own controls: before and after, in part, against other donors, or
compartments of one condition.

Two models of donors, neither the one that the estimates assume: Dirichlet-multinomial (lineages vary the more the rarer
they are) and log-normal with one spread for all lineages. A donor's deviations are alike in part: ``correlation``
between the compartments, ``KEPT`` between the conditions, their product where both differ; so that the change of a
donor varies between donors.
"""

import zlib
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import special

from benchmarks.unequal import CELLS, CONCENTRATION, CV_TOTAL, LOSS, PROPORTIONS, RANDOM, SD, changes

DESIGNS = ("within", "mixed", "change", "one condition")
MODELS = ("lognormal", "dirichlet")
DEPTHS = ("equal", "random")
CORRELATIONS = (0.0, 0.5, 0.9)
KEPT = 0.7  # correlation of a donor's deviations before and after
MISSING = 0.2
TIME = 0.5  # log2; what time does to both groups of a change of change, up in every other lineage and down in the rest
COMPARTMENTS, CONDITIONS, GROUPS = ("CSF", "blood"), ("after", "baseline"), ("treated", "placebo")
ONE_CONDITION = "untreated"
NAMES = [f"L{100 * p:.1f}" for p in PROPORTIONS]


@dataclass(frozen=True)
class Setting:
    """What a study is like.

    Attributes
    ----------
    design : str
        One of ``DESIGNS``.
    n : int
        Donors, each with all samples; ``change``: of either group; ``mixed``: samples of a compartment and condition,
        of which half, rounded up, are of donors that have both conditions.
    model, depth : str
        Of ``MODELS``, ``DEPTHS``: 3,000 cells per sample, or 50 to 20,000, log-uniform.
    correlation : float
        Of a donor's deviations in CSF and in blood.
    missing : float
        Share of the samples that are not there.
    truth : str
        ``null``, ``lost`` (three lineages lost from CSF alone) or ``synchronous`` (lineages lost in both alike).
    scale : str
        ``abs`` or ``rel``: whether totals per microlitre are given.
    """

    design: str
    n: int
    model: str = "lognormal"
    depth: str = "equal"
    correlation: float = 0.5
    missing: float = 0.0
    truth: str = "lost"
    scale: str = "rel"

    @property
    def name(self):
        """For rows of the scoreboard."""
        size = f"{self.n}v{self.n}" if self.design == "change" else str(self.n)
        missing = f", {100 * self.missing:.0f} % missing" * (self.missing > 0)
        return (
            f"{self.design} {size} {self.model}, {self.truth}, {self.depth} depth, r {self.correlation:g}{missing}, "
            f"{self.scale}"
        )

    @property
    def loss(self):
        """log2 change of lineages that are lost: the larger the fewer donors, so that power is neither 0 nor 1."""
        return -2 / np.sqrt(self.n)

    @property
    def terms(self):
        """Name of a figure -> term of the effects."""
        if self.design == "one condition":
            return {"compartments": "compartments"}
        return {"within CSF": "within:CSF", "within blood": "within:blood", "interaction": "interaction"}

    def rng(self, seed, number):
        """Random numbers of one study; the same donors on either scale."""
        key = replace(self, scale="abs").name
        return np.random.default_rng([seed, zlib.crc32(key.encode()), number])


class Drawn(NamedTuple):
    """One study; conditions are after, baseline (of one condition, there is one).

    Attributes
    ----------
    cells : array, shape (2, conditions, donors, lineages)
        Compartments are CSF, blood.
    per_ul : array, shape (2, conditions, donors)
        Measured total per microlitre.
    there : array of bool, shape (2, conditions, donors)
        Which samples the study has.
    treated : array of bool, shape (donors,)
        Group; all True where there are none.
    expected : array, shape (2, conditions, groups, lineages)
        Cells expected in all samples of a compartment, condition and group that are there.
    truth : dict name -> array, shape (lineages,)
        log2 change, by the figures of ``Setting.terms``.
    """

    cells: np.ndarray
    per_ul: np.ndarray
    there: np.ndarray
    treated: np.ndarray
    expected: np.ndarray
    truth: dict

    def samples(self, setting):
        """Samplesheet, donor by donor."""
        conditions = CONDITIONS if self.there.shape[1] > 1 else (ONE_CONDITION,)
        rows = pd.DataFrame(
            {
                "sample": f"D{i + 1:02d}_{COMPARTMENTS[c]}_{conditions[t]}",
                "donor": f"D{i + 1:02d}",
                "compartment": COMPARTMENTS[c],
                "condition": conditions[t],
                "group": GROUPS[0 if self.treated[i] else 1],
                "cells_per_ul": self.per_ul[c, t, i],
            }
            for i, c, t in self.order()
        )
        unwanted = ["cells_per_ul"] * (setting.scale == "rel") + ["group"] * (setting.design != "change")
        return rows.drop(columns=unwanted)

    def table(self, samples):
        """Samples x lineages."""
        cells = np.stack([self.cells[c, t, i] for i, c, t in self.order()])
        return pd.DataFrame(cells, index=samples["sample"].to_numpy(), columns=NAMES)

    def order(self):
        """Donor, compartment and condition of every sample that is there, shape (samples, 3)."""
        return np.argwhere(self.there.transpose(2, 0, 1))


def study(setting, seed, number):
    """Draw one study of a setting.

    Parameters
    ----------
    setting : Setting
    seed, number : int
        The same two give the same study, whatever else was drawn.

    Returns
    -------
    Drawn
    """
    rng = setting.rng(seed, number)
    treated, there = sheet(setting)
    conditions, donors = there.shape[1:]
    deviations = DONORS[setting.model](rng, donors, setting.correlation)[:, :conditions]
    own, base = changes(setting.truth, np.stack([PROPORTIONS] * 2)) / LOSS * setting.loss
    change = np.zeros(deviations.shape)
    change[:, 0, treated] = np.stack([own, base])[:, None]
    if setting.design == "change":
        change[:, 0] += TIME * np.where(np.arange(len(NAMES)) % 2, -1, 1)
    typical = PROPORTIONS * 2**change
    abundance = typical * np.exp(deviations)
    totals = abundance.sum(-1)
    captured = np.full(totals.shape, CELLS)
    if setting.depth == "random":
        captured = np.exp(rng.uniform(*np.log(RANDOM), totals.shape)).astype(int)
    cells = rng.multinomial(captured, abundance / totals[..., None])
    per_ul = 1000 * totals * np.exp(np.sqrt(np.log1p(CV_TOTAL**2)) * rng.normal(size=totals.shape))
    there = lose(rng, there, treated, setting.missing)
    expected = typical / typical.sum(-1, keepdims=True) * (captured * there)[..., None]
    expected = np.stack([expected[:, :, group].sum(2) for group in (treated, ~treated) if group.any()], axis=2)
    truth = dict(zip(("within CSF", "within blood", "interaction"), (own, base, own - base), strict=True))
    if setting.design == "one condition":
        truth = {"compartments": own - base}
    return Drawn(cells, per_ul, there, treated, expected, truth)


def sheet(setting):
    """Group of every donor, shape (donors,), and which samples the design has, shape (2, conditions, donors)."""
    n = setting.n
    if setting.design == "one condition":
        return np.full(n, True), np.full((2, 1, n), True)
    if setting.design != "mixed":
        treated = np.arange(2 * n if setting.design == "change" else n) < n
        return treated, np.full((2, 2, len(treated)), True)
    both = -(-n // 2)
    number = np.arange(2 * n - both)
    one = np.stack([number < n, (number < both) | (number >= n)])
    return np.full(len(number), True), np.stack([one, one])


def lose(rng, there, treated, share):
    """Samples that are left without a share of them: at least two of every compartment, condition and group."""
    at = np.argwhere(there)
    while True:
        left = there.copy()
        left[tuple(rng.permutation(at)[: round(share * len(at))].T)] = False
        if min(left[:, :, group].sum(2).min() for group in (treated, ~treated) if group.any()) >= 2:
            return left


def parts(correlation):
    """Variances of what all samples of a donor share, those of a compartment, those of a condition, and of the rest.

    Their sums give the correlations ``correlation``, ``KEPT`` and, where both differ, the product.
    """
    return np.outer([KEPT, 1 - KEPT], [correlation, 1 - correlation]).ravel()


def _spread_out(draw, n):
    """The four parts of :func:`parts`, shape (2, 2, n, lineages) each; ``draw`` makes the i-th of a shape."""
    shapes = [(1, 1), (2, 1), (1, 2), (2, 2)]
    return [draw(i, (*shape, n, len(NAMES))) for i, shape in enumerate(shapes)]


def lognormal(rng, n, correlation):
    """Deviations of ``n`` donors, shape (2, 2, n, lineages), ln: normal, with one standard deviation."""
    sd = SD * np.sqrt(parts(correlation))
    return sum(_spread_out(lambda i, shape: sd[i] * rng.normal(size=shape), n))


def dirichlet(rng, n, correlation):
    """Logs of gamma abundances, so that proportions are Dirichlet, of mean zero; shapes as :func:`lognormal`."""
    shapes, weight = CONCENTRATION * PROPORTIONS, parts(correlation)
    abundance = sum(_spread_out(lambda i, shape: rng.gamma(np.broadcast_to(weight[i] * shapes, shape)), n))
    return np.log(np.maximum(abundance, 1e-12)) - special.digamma(shapes)


DONORS = {"lognormal": lognormal, "dirichlet": dirichlet}
