"""Studies of known truth whose donors are not alike: cells per sample, spread, absent lineages, a covariate, outliers.

Three models of donors, none of them the model that the estimates assume: Dirichlet-multinomial (lineages vary the more
the rarer they are), real donors' counts resampled (Schafflick et al. 2020), and log-normal, which the other benches
use, with the same faults. Under a null the arms differ in what the setting names and in nothing else.
"""

import os
import zlib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import special

FOLDER = Path(os.environ.get("COMPARTMENTS_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
REAL = FOLDER / "schafflick2020" / "schafflick2020_counts_by_sample.tsv"
NOT_LINEAGES = ["B cell doublets", "Mono Doublet", "doublet", "contamination1", "RBC", "MegaK"]  # no cell of it in CSF

MODELS = ("dirichlet", "real", "lognormal")
DEPTHS = ("equal", "random", "shallow")
FAULTS = ("none", "spread", "absent", "covariate", "outlier")
CORRELATIONS = (0.0, 0.5, 0.9)

PROPORTIONS = np.array([0.40, 0.20, 0.12, 0.08, 0.06, 0.05, 0.03, 0.025, 0.015, 0.01, 0.005, 0.003])
PROPORTIONS = PROPORTIONS / PROPORTIONS.sum()
CONCENTRATION = 200  # Dirichlet; donors of Schafflick 2020 have 20 (common lineages) to 1,000 (rare ones)
SD = 0.5  # ln, log-normal donors
SD_TOTAL_REAL = 0.3  # ln, of a real donor's cells per microlitre, which were not published
CV_TOTAL = 0.15  # of the measured total per microlitre
CELLS = 3000  # equal depth
RANDOM = (50, 20_000)
SHALLOW, OTHERS = (50, 300), (1000, 10_000)
ABSENT_SHARE, ABSENT_PROPORTION = 0.3, 1e-4
COVARIATE_EFFECT = 0.5  # ln per standard deviation, up in every other lineage and down in the rest, in CSF only
SPREAD, OUTLIER = 2.0, 3.0  # factors on the deviations of the treated arm, and of one donor
LOSS = -2.0  # log2, of three lineages in CSF alone, or of every other of the first ones in both
TARGETS = {"common": 0.12, "3 %": 0.03, "0.5 %": 0.005}
RARE = 0.0105


@dataclass(frozen=True)
class Setting:
    """What a study is like.

    Attributes
    ----------
    model : str
        One of ``MODELS``.
    arms : pair of int
        Donors treated and untreated, each with CSF and blood.
    depth : str
        ``equal``, ``random`` (50 to 20,000 cells, log-uniform) or ``shallow`` (treated CSF 50 to 300, all others 1,000
        to 10,000).
    fault : str
        ``none``, ``spread`` (treated donors deviate twice as much), ``absent`` (a lineage is at 1 of 10,000 cells in 30
        % of donors of either arm), ``covariate`` (acts on CSF, arms 1 SD apart, given to the analysis) or ``outlier``
        (one donor of the study deviates three times as much).
    correlation : float
        Of a donor's deviations in CSF and in blood.
    truth : str
        ``null``, ``synchronous`` (lineages lost in both alike) or ``lost`` (three lineages lost from CSF alone).
    scale : str
        ``abs`` or ``rel``: whether totals per microlitre are given.
    """

    model: str
    arms: tuple[int, int]
    depth: str = "equal"
    fault: str = "none"
    correlation: float = 0.5
    truth: str = "null"
    scale: str = "abs"

    @property
    def size(self):
        """As ``2v4``."""
        return f"{self.arms[0]}v{self.arms[1]}"

    @property
    def name(self):
        """For rows of the scoreboard."""
        fault = "" if self.fault == "none" else f", {self.fault}"
        return (
            f"{self.size} {self.model}, {self.truth}, {self.depth} depth{fault}, r {self.correlation:g}, {self.scale}"
        )

    def rng(self, seed, number):
        """Random numbers of one study; the same donors on either scale."""
        key = replace(self, scale="abs").name
        return np.random.default_rng([seed, zlib.crc32(key.encode()), number])


class Counts(NamedTuple):
    """One study.

    Attributes
    ----------
    cells : array, shape (2, donors, lineages), int
        CSF, blood; treated donors first.
    per_ul : array, shape (2, donors)
        Measured total per microlitre.
    treated : array of bool, shape (donors,)
    age : array, shape (donors,)
    expected : array, shape (2, 2, lineages)
        Cells expected in CSF and blood (rows) of the treated and the untreated arm, all its samples together.
    truth : array, shape (2, lineages)
        log2 change in CSF and in blood.
    names : list of str
    proportions : array, shape (2, lineages)
        Of an untreated donor.
    absent : int
        Index of the lineage that some donors lack; -1 without that fault.
    """

    cells: np.ndarray
    per_ul: np.ndarray
    treated: np.ndarray
    age: np.ndarray
    expected: np.ndarray
    truth: np.ndarray
    names: list
    proportions: np.ndarray
    absent: int

    def samples(self, setting):
        """Samplesheet: per donor CSF, then blood."""
        donors = [f"D{i + 1:02d}" for i in range(len(self.treated))]
        rows = pd.DataFrame(
            {
                "sample": f"{donor}_{compartment}",
                "donor": donor,
                "compartment": compartment,
                "condition": "treated" if self.treated[i] else "untreated",
                "cells_per_ul": self.per_ul[k, i],
                "age": round(50 + 10 * self.age[i], 3),
            }
            for i, donor in enumerate(donors)
            for k, compartment in enumerate(("CSF", "blood"))
        )
        unwanted = ["cells_per_ul"] * (setting.scale == "rel") + ["age"] * (setting.fault != "covariate")
        return rows.drop(columns=unwanted)

    def table(self, samples):
        """Samples x lineages."""
        cells = self.cells.swapaxes(0, 1).reshape(-1, len(self.names))
        return pd.DataFrame(cells, index=samples["sample"].to_numpy(), columns=self.names)


def available(model):
    """Whether the model's data are there."""
    return model != "real" or REAL.is_file()


def study(setting, seed, number):
    """Draw one study of a setting.

    Parameters
    ----------
    setting : Setting
    seed, number : int
        The same two give the same study, whatever else was drawn.

    Returns
    -------
    Counts
    """
    rng = setting.rng(seed, number)
    n = sum(setting.arms)
    treated = np.arange(n) < setting.arms[0]
    names, base, deviations = DONORS[setting.model](rng, n, setting.correlation)
    factor = np.where(treated, SPREAD, 1.0) if setting.fault == "spread" else np.ones(n)
    if setting.fault == "outlier":
        factor[rng.integers(n)] = OUTLIER
    age = rng.normal(size=n) + treated * (setting.fault == "covariate")
    log = np.log(base)[:, None] + factor[None, :, None] * deviations
    if setting.fault == "covariate":
        log[0] += COVARIATE_EFFECT * np.outer(age, np.where(np.arange(len(names)) % 2, -1, 1))
    absent = targets(base)["3 %"] if setting.fault == "absent" else -1
    present = np.ones(base.shape)
    if absent >= 0:
        log[:, rng.random(n) < ABSENT_SHARE, absent] = np.log(ABSENT_PROPORTION)
        present[:, absent] = 1 - ABSENT_SHARE
    truth = changes(setting.truth, base)
    abundance = np.exp(log + treated[None, :, None] * truth[:, None] * np.log(2))
    totals = abundance.sum(-1)
    captured = depths(rng, setting.depth, treated)
    cells = rng.multinomial(captured, abundance / totals[..., None])
    per_ul = 1000 * totals * np.exp(np.sqrt(np.log1p(CV_TOTAL**2)) * rng.normal(size=totals.shape))
    shares = base[:, None] * present[:, None] * np.stack([2.0**truth, np.ones(truth.shape)], axis=1)
    shares /= shares.sum(-1, keepdims=True)
    per_arm = np.stack([captured[:, treated].sum(1), captured[:, ~treated].sum(1)], axis=1)
    return Counts(cells, per_ul, treated, age, shares * per_arm[..., None], truth, names, base, absent)


def depths(rng, kind, treated):
    """Cells captured, shape (2, donors)."""
    shape = (2, len(treated))
    if kind == "equal":
        return np.full(shape, CELLS)
    if kind == "random":
        return _log_uniform(rng, *RANDOM, shape)
    found = _log_uniform(rng, *OTHERS, shape)
    found[0, treated] = _log_uniform(rng, *SHALLOW, treated.sum())
    return found


def _log_uniform(rng, low, high, shape):
    return np.exp(rng.uniform(np.log(low), np.log(high), shape)).astype(int)


def targets(base):
    """Lineages that stand for a common, a 3 % and a .5 % one: name -> index; nearest in CSF, and there in blood."""
    distance = np.abs(np.log(base[0])[None] - np.log(list(TARGETS.values()))[:, None])
    distance[:, base[1] < 0.002] = np.inf
    return {name: int(row.argmin()) for name, row in zip(TARGETS, distance, strict=True)}


def changes(truth, base):
    """log2 changes planted, shape (2, lineages)."""
    found = np.zeros(base.shape)
    lost = list(targets(base).values())
    if truth == "synchronous":
        found[:, lost] = LOSS
        found[:, np.argsort(-base[0])[[0, 4]]] = LOSS
    elif truth == "lost":
        found[0, lost] = LOSS
    return found


def _invented():
    """Names and proportions of the lineages that are not real, alike in both compartments."""
    return [f"L{100 * p:.1f}" for p in PROPORTIONS], np.stack([PROPORTIONS] * 2)


def dirichlet(rng, n, correlation):
    """Donors of one Dirichlet: gamma abundances, correlated by a part that the compartments share, mean log zero."""
    names, base = _invented()
    shape = np.broadcast_to(CONCENTRATION * PROPORTIONS, (n, len(names)))
    common = rng.gamma(correlation * shape)
    own = rng.gamma(np.broadcast_to((1 - correlation) * shape, (2, *shape.shape)))
    abundance = np.maximum(common + own, 1e-12)
    return names, base, np.log(abundance) - special.digamma(shape)


def lognormal(rng, n, correlation):
    """Donors with normal logs of the same standard deviation for all lineages."""
    names, base = _invented()
    common, own = rng.normal(size=(n, len(names))), rng.normal(size=(2, n, len(names)))
    return names, base, SD * (np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own)


@cache
def _real_counts():
    """Lineages and, of CSF and of PBMC, counts of the donors; those that gave both come first, in the same order."""
    table = pd.read_csv(REAL, sep="\t").drop(columns=NOT_LINEAGES)
    sides = [table[table["tissue"] == name].set_index("donor") for name in ("CSF", "PBMC")]
    both = [donor for donor in sides[0].index if donor in sides[1].index]
    ordered = [side.loc[[*both, *side.index.difference(both)]] for side in sides]
    names = [name for name in table if name not in ("sample_id", "donor", "tissue", "state")]
    return names, [side[names].to_numpy(float) for side in ordered], len(both)


def real(rng, n, correlation):
    """Real donors, none again before all were drawn; a composition from the Dirichlet that their own cells give.

    With probability ``correlation`` both compartments are of one donor, else of two drawn apart: real donors cannot be
    made more alike than they are.
    """
    names, counts, both = _real_counts()
    same, one = rng.random(n) < correlation, _dealt(rng, both, n)
    base, deviations = [], []
    for side in counts:
        centre = (special.digamma(side + 0.5) - special.digamma((side + 0.5).sum(1))[:, None]).mean(0)
        chosen = np.where(same, one, _dealt(rng, len(side), n))
        drawn = np.maximum(rng.gamma(side[chosen] + 0.5), 1e-12)
        log = np.log(drawn / drawn.sum(1, keepdims=True)) + SD_TOTAL_REAL * rng.normal(size=(n, 1))
        base.append(np.exp(centre) / np.exp(centre).sum())
        deviations.append(log - centre)
    return names, np.stack(base), np.stack(deviations)


def _dealt(rng, among, n):
    """``n`` of ``among`` in any order, each again only after all the others.

    In any order: arms that are dealt one after the other would each get all donors, and differ less than by chance.
    """
    rounds = [rng.permutation(among) for _ in range(-(-n // among))]
    return rng.permutation(np.concatenate(rounds)[:n])


DONORS = {"dirichlet": dirichlet, "lognormal": lognormal, "real": real}
