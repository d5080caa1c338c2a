"""Pseudobulks and cells of studies whose donors are not alike: what expression, gene sets, edges and hubs rest on.

Nothing of what is measured is used to draw: shares of genes from sorted profiles, donors and samples that deviate by
normal logs gene by gene, gamma-Poisson cells, ambient counts in the mix of the sample. Under a null the arms' mean logs
agree; they differ in what the setting names and in nothing else.
"""

import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import anndata
import numpy as np
import pandas as pd
from scipy import sparse

from benchmarks.unequal import ABSENT_SHARE, OUTLIER, SPREAD, depths
from compartments.simulate.presets import DROPLET_BASE
from compartments.simulate.sources import SIZE, ProfileSource
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet

ROOT = Path(__file__).resolve().parents[1]
LINEAGES = ("CD4_T", "CD8_T", "NK", "cMono", "cDC2", "pDC")
ABSENT = "cDC2"  # the lineage that some donors lack
COMPARTMENTS = ("CSF", "blood")

DEPTH_OF = {"cells few": "shallow", "cells random": "random"}  # of benchmarks.unequal.depths
READS = {"reads halved": 0.5, "reads x .8": 0.8}  # of the treated CSF
DIFFERS = ("equal", *DEPTH_OF, "spread", "absent lineage", "covariate", "outlier", *READS)
DIFFERS += ("ambient removed", "ambient left")

SD_CELLS = (0.35, 0.3)  # ln, abundance of a lineage: donor, sample
SD_GENE = (0.3, 0.2)  # ln, of a typical gene: donor, sample
SD_PROGRAMME = 0.2  # ln, activity of the genes of a programme: donor, sample
SD_DEPTH, SD_SIZE = 0.15, 0.45  # ln, UMIs: between samples, between cells
UMIS = 2500  # of a T cell
SLOPE = 0.3  # ln per standard deviation of the covariate, of half of the genes, in CSF; of a programme half as much
AMBIENT, AMBIENT_OF_ARM, REMOVED = 0.01, 0.1, 0.8  # share of counts: anywhere, in the treated CSF; share removed
MOST_CELLS = 60  # drawn one by one, of a lineage in a sample


@dataclass(frozen=True)
class Setting:
    """What a study is like.

    Attributes
    ----------
    table : str
        What is measured on it: ``edges``, ``hubs``, ``sets`` or ``expression``.
    arms : pair of int
        Donors treated and untreated, each with CSF and blood.
    differs : str
        One of ``DIFFERS``.
    truth : str
        ``null`` or ``changed``.
    """

    table: str
    arms: tuple[int, int]
    differs: str = "equal"
    truth: str = "null"

    model = "profiles"  # whose data are always there

    @property
    def size(self):
        """As ``2v4``."""
        return f"{self.arms[0]}v{self.arms[1]}"

    @property
    def name(self):
        """For rows of the scoreboard."""
        return f"{self.table} {self.size}, {self.truth}, {self.differs}"

    def rng(self, seed, number):
        """Random numbers of one study."""
        return np.random.default_rng([seed, zlib.crc32(self.name.encode()), number])


class Drawn(NamedTuple):
    """One study; samples are CSF and blood of the first donor, of the second, and so on, treated donors first.

    Attributes
    ----------
    setting : Setting
    age : array, shape (donors,)
    cells : int array, shape (samples, lineages)
    genes : Index of str
    rate : array, shape (samples, lineages, genes)
        Share of a cell's UMIs.
    umis : array, shape (samples, lineages)
        Mean UMIs of a cell.
    spread_of_cells : array, shape (genes,)
        Gamma variance between cells.
    soup : array, shape (samples, genes)
        Mix of the sample's lineages, as shares of all its UMIs.
    """

    setting: Setting
    age: np.ndarray
    cells: np.ndarray
    genes: pd.Index
    rate: np.ndarray
    umis: np.ndarray
    spread_of_cells: np.ndarray
    soup: np.ndarray

    @property
    def treated(self):
        """Which samples are of treated donors."""
        return np.repeat(np.arange(len(self.age)) < self.setting.arms[0], 2)

    @property
    def samples(self):
        """``sample, donor, compartment, condition`` of the samples, and ``age`` where it is given to the analysis."""
        donors = np.repeat([f"D{i + 1:02d}" for i in range(len(self.age))], 2)
        compartments = np.tile(COMPARTMENTS, len(self.age))
        table = pd.DataFrame({"sample": [f"{d}_{c}" for d, c in zip(donors, compartments, strict=True)]})
        table["donor"], table["compartment"] = donors, compartments
        table["condition"] = np.where(self.treated, "treated", "untreated")
        if self.setting.differs == "covariate":
            table["age"] = np.repeat(np.round(50 + 10 * self.age, 2), 2)
        return table

    def study(self):
        """The study that the analysis is given."""
        sheet = parse_samplesheet(self.samples.assign(filtered="none.h5ad").to_csv(index=False))
        return make_study(sheet, covariates=["age"] if self.setting.differs == "covariate" else [])

    def ambient_share(self):
        """Share of the counts of each sample that is ambient, and share of that which was removed."""
        csf = self.samples["compartment"].eq("CSF").to_numpy()
        high = self.setting.differs.startswith("ambient") & self.treated & csf
        return np.where(high, AMBIENT_OF_ARM, AMBIENT), 0.0 if self.setting.differs == "ambient left" else REMOVED

    def enough(self, term, n_cells=10):
        """Lineages that half of the donors of each arm, and two, have: ``n_cells`` in each sample of a term."""
        there = (self.cells >= n_cells).reshape(-1, 2, len(LINEAGES))
        there = there.all(1) if term == "interaction" else there[:, COMPARTMENTS.index(term.removeprefix("within:"))]
        arms = np.split(there, [self.setting.arms[0]])
        return np.logical_and.reduce([(arm.sum(0) >= 2) & (arm.mean(0) >= 0.5) for arm in arms])


@cache
def profiles():
    """Genes, and shares of them in the lineages, shape (lineages, genes)."""
    source = ProfileSource(ROOT / "assets" / "profiles.tsv.gz", 3000)
    return source.genes, source.shares[list(LINEAGES)].to_numpy().T


def draw(setting, seed, number, genes, programme=(), effect=None):
    """Draw one study of a setting.

    Parameters
    ----------
    setting : Setting
    seed, number : int
        The same two give the same study, whatever else was drawn.
    genes : array of str
        Of :func:`profiles`.
    programme : sequence of str
        Genes that share an activity.
    effect : array, shape (lineages, genes), optional
        log2 change in the treated CSF.

    Returns
    -------
    Drawn
    """
    rng, differs, n = setting.rng(seed, number), setting.differs, sum(setting.arms)
    known, shares = profiles()
    genes = pd.Index(genes)
    share = shares[:, known.get_indexer(genes)]
    treated = np.arange(n) < setting.arms[0]
    factor = np.where(treated & (differs == "spread"), SPREAD, 1.0)
    if differs == "outlier":
        factor[rng.integers(n)] = OUTLIER
    age = rng.normal(size=n) + treated * (differs == "covariate")
    abundance, cells = _cells(rng, setting, treated)
    log = _deviations(rng, SD_GENE, factor, share.shape) * np.sqrt(rng.chisquare(10, len(genes)) / 10)
    inside = genes.isin(programme)
    log += _deviations(rng, (SD_PROGRAMME, SD_PROGRAMME), factor, (len(LINEAGES), 1)) * inside
    log[0] += rng.normal(0, 0.3, share.shape) * (rng.random(len(genes)) < 0.3)  # of compartments, in both arms
    if differs == "covariate":
        slope = rng.normal(0, SLOPE, share.shape) * (rng.random(len(genes)) < 0.5) + SLOPE / 2 * inside
        log[0] += age[:, None, None] * slope
    if effect is not None:
        log[0, treated] += np.log(2) * effect
    rate = (share * np.exp(log)).swapaxes(0, 1).reshape(2 * n, *share.shape)
    depth = np.exp(rng.normal(0, SD_DEPTH, (n, 2)))
    depth[treated, 0] *= READS.get(differs, 1.0)
    umis = UMIS * depth.reshape(-1, 1) * [SIZE.get(lineage, 1.0) for lineage in LINEAGES]
    weight = abundance * umis
    soup = np.einsum("sl,slg->sg", weight / weight.sum(1, keepdims=True), rate)
    return Drawn(setting, age, cells, genes, rate, umis, 0.4 * np.exp(rng.normal(0, 0.7, len(genes))), soup)


def _deviations(rng, sd, factor, shape):
    """Of donors, the same in both compartments, and of their samples: shape (2, donors, *shape)."""
    n = len(factor)
    found = sd[0] * rng.normal(size=(n, *shape)) + sd[1] * rng.normal(size=(2, n, *shape))
    return found * factor[:, None, None]


def _cells(rng, setting, treated):
    """Share of the sample, and cells captured, both of shape (samples, lineages)."""
    base = DROPLET_BASE.loc[list(LINEAGES), list(COMPARTMENTS)].to_numpy().T
    log = np.log(base)[:, None] + _deviations(rng, SD_CELLS, np.ones(len(treated)), (1, len(LINEAGES)))[:, :, 0]
    abundance = np.exp(log)
    others = (1 - base.sum(1))[:, None, None]
    share = abundance / (abundance.sum(-1, keepdims=True) + others)
    if setting.differs == "absent lineage":
        share[:, rng.random(len(treated)) < ABSENT_SHARE, LINEAGES.index(ABSENT)] = 0
    captured = depths(rng, DEPTH_OF.get(setting.differs, "equal"), treated)
    share, captured = (x.swapaxes(0, 1).reshape(2 * len(treated), -1) for x in (share, captured))
    return share, rng.poisson(share * captured)


def pseudobulk(drawn, rng, lineages):
    """``pseudobulk.h5ad`` of some lineages, as the cohort step writes it, all samples with a cell."""
    rows, at = np.nonzero(drawn.cells[:, [LINEAGES.index(lineage) for lineage in lineages]])
    k = np.array([LINEAGES.index(lineages[i]) for i in at])
    n = drawn.cells[rows, k][:, None]
    size = drawn.umis[rows, k][:, None] * np.exp(rng.normal(0, SD_SIZE / np.sqrt(n)))
    mean, shape = n * size * drawn.rate[rows, k], n / drawn.spread_of_cells
    native = rng.poisson(mean * rng.gamma(shape, 1 / shape))
    share, removed = drawn.ambient_share()
    ambient = (share / (1 - share))[rows, None] * n * size * drawn.soup[rows]
    came = rng.poisson(ambient)
    left = rng.binomial(came, 1 - removed)
    silent = (1 + (drawn.spread_of_cells + SD_SIZE**2) * (mean + ambient * (1 - removed)) / n) ** (
        -1 / (drawn.spread_of_cells + SD_SIZE**2)
    )
    expressing = np.minimum(rng.binomial(n, 1 - silent), native + left)
    layers = {"counts": native + came, "corrected": native + left, "n_expressing": expressing, "ambient": came - left}
    obs = drawn.samples.iloc[rows][["sample", "donor", "compartment", "condition"]].reset_index(drop=True)
    obs = obs.assign(lineage=np.array(LINEAGES, object)[k], n_cells=n[:, 0]).astype({"sample": object})
    obs["ambient_method"] = "soupem" if removed else "none"
    obs.index = obs["sample"] + ":" + obs["lineage"]
    sums = {name: sparse.csr_array(layer.astype(np.float32)) for name, layer in layers.items()}
    return anndata.AnnData(obs=obs, var=pd.DataFrame(index=list(drawn.genes)), layers=sums)


def cells_of(drawn, rng, sample):
    """Corrected counts of at most ``MOST_CELLS`` cells per lineage of a sample, and their lineages.

    Returns
    -------
    counts : array, shape (cells, genes + 1), the last column for all other genes
    lineages : array of str
    """
    share, removed = drawn.ambient_share()
    part = share[sample] / (1 - share[sample]) * (1 - removed)
    counts, names = [], []
    for k, lineage in enumerate(LINEAGES):
        n = min(int(drawn.cells[sample, k]), MOST_CELLS)
        size = drawn.umis[sample, k] * rng.lognormal(0, SD_SIZE, (n, 1))
        variance = drawn.spread_of_cells
        own = drawn.rate[sample, k] * rng.gamma(1 / variance, variance, (n, len(variance)))
        rate = own + part * drawn.soup[sample]
        rest = np.full((n, 1), max(1 + part - rate.mean(0).sum(), 0.05)) if n else np.zeros((0, 1))
        counts.append(rng.poisson(size * np.hstack([rate, rest])))
        names += [lineage] * n
    return np.vstack(counts), np.array(names, object)
