"""Droplets of one sample: cells, dying cells, doublets, ambient RNA, empty droplets."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.core.matrix import totals
from compartments.simulate.settings import Settings
from compartments.simulate.sources import Factors, Source

RED_CELL = {"HBB": 0.5, "HBA2": 0.3, "HBA1": 0.2}


def draw_soup(rng: np.random.Generator, profile: npt.NDArray[np.float64], n: int, soup_umi: float) -> sparse.csr_array:
    """Ambient counts of ``n`` droplets, n x genes CSR: Poisson around a log-normal capture, genes from ``profile``."""
    umi = rng.poisson(rng.lognormal(np.log(soup_umi), 0.25, n))
    cumulative = np.cumsum(profile)
    genes = np.searchsorted(cumulative, rng.random(umi.sum()) * cumulative[-1], side="right")
    droplets = np.repeat(np.arange(n), umi)
    counts = sparse.coo_array((np.ones(len(genes), np.int32), (droplets, genes)), shape=(n, len(profile)))
    return counts.tocsr()


def add_red_cells(profile: npt.NDArray[np.float64], genes: pd.Index, share: float) -> npt.NDArray[np.float64]:
    """``profile`` with haemoglobin making up ``share`` more of it."""
    red = genes.map(RED_CELL).to_numpy(float, na_value=0.0)
    if red.sum() == 0:
        return profile
    return (1 - share) * profile + share * red / red.sum()


def draw_barcodes(rng: np.random.Generator, n: int) -> npt.NDArray[np.str_]:
    """``n`` different barcodes of 16 bases with suffix ``-1``, sorted."""
    codes = rng.integers(0, 4**16, int(n * 1.01) + 100, dtype=np.uint64)
    codes = rng.permutation(np.unique(codes))[:n]
    digits = (codes[:, None] >> np.arange(30, -2, -2, dtype=np.uint64)) & np.uint64(3)
    text = np.frombuffer(b"ACGT", np.uint8)[digits.astype(int)].view("S16").ravel()
    return np.sort(np.char.add(text.astype(str), "-1"))


@dataclass(frozen=True)
class Sample:
    """Droplets of one sample with their truth.

    Attributes
    ----------
    barcodes : array of str, all droplets, sorted
    counts : CSR, droplets x genes
        What the machine sees.
    cells : DataFrame
        Truth of the cell-containing droplets: ``barcode, lineage, doublet, partner_lineage, dying``, in barcode order.
    native, ambient : CSR, cells x genes
        Their sum is the counts of these droplets.
    soup : array over genes
        Profile of the ambient RNA.
    """

    barcodes: npt.NDArray[np.str_]
    counts: sparse.csr_array
    cells: pd.DataFrame
    native: sparse.csr_array
    ambient: sparse.csr_array
    soup: npt.NDArray[np.float64]


def draw_sample(
    rng: np.random.Generator,
    settings: Settings,
    source: Source,
    proportions: pd.Series,
    n_cells: int,
    noise: Factors,
    effect: Factors,
    ceiling: Factors,
    red_cell_soup: float,
) -> Sample:
    """One sample: cells, dying cells, doublets, soup, empty droplets.

    Parameters
    ----------
    proportions : Series over lineages
    noise, effect, ceiling : arrays, lineages x genes
        See :class:`compartments.simulate.people.Noise` and :func:`compartments.simulate.effects.condition_factors`.

    Returns
    -------
    Sample
    """
    lineages = list(proportions.index)
    p = proportions.to_numpy() / proportions.sum()
    n_doublets = round(settings.doublet_rate * n_cells / 1000 * n_cells)
    drawn = rng.choice(len(lineages), n_cells + n_doublets, p=p)
    order = np.argsort(drawn, kind="stable")
    rows = {lineage: i for i, lineage in enumerate(source.lineages)}
    blocks = []
    for index, n in zip(*np.unique(drawn, return_counts=True), strict=True):
        row = rows[lineages[index]]
        blocks.append(
            source.draw(rng, lineages[index], int(n), noise[row], effect[row], ceiling[row], settings.mean_umi)
        )
    cells = sparse.vstack(blocks, format="csr")[np.argsort(order, kind="stable")]
    names = np.array(lineages)[drawn]

    dying = rng.random(n_cells) < settings.dying
    native = _let_die(rng, cells[:n_cells], dying, source.genes.str.startswith("MT-"))
    doublet = np.zeros(n_cells, bool)
    partner = np.full(n_cells, "", dtype=object)
    if n_doublets:
        hosts = np.sort(rng.choice(np.flatnonzero(~dying), n_doublets, replace=False))
        doublet[hosts], partner[hosts] = True, names[n_cells:]
        joins = sparse.csr_array((np.ones(n_doublets, np.int32), (hosts, np.arange(n_doublets))), (n_cells, n_doublets))
        native = (native + joins @ cells[n_cells:]).tocsr()

    soup = totals(cells, axis=0).astype(float)
    soup = add_red_cells(soup / soup.sum(), source.genes, red_cell_soup)
    ambient = draw_soup(rng, soup, n_cells, settings.soup_umi)
    empty = draw_soup(rng, soup, settings.empties, settings.soup_umi)
    barcodes = draw_barcodes(rng, n_cells + settings.empties)
    position = rng.permutation(len(barcodes))  # droplet i gets the barcode position[i]
    stacked = sparse.vstack([native + ambient, empty], format="csr")[np.argsort(position)]
    at = np.argsort(position[:n_cells])
    truth = pd.DataFrame(
        {
            "barcode": barcodes[position[:n_cells]],
            "lineage": names[:n_cells],
            "doublet": doublet,
            "partner_lineage": partner,
            "dying": dying,
        }
    )
    return Sample(barcodes, stacked, truth.iloc[at].reset_index(drop=True), native[at], ambient[at], soup)


def _let_die(
    rng: np.random.Generator,
    cells: sparse.csr_array,
    dying: npt.NDArray[np.bool_],
    mitochondrial: npt.NDArray[np.bool_],
) -> sparse.csr_array:
    """Dying cells lose cytoplasmic RNA until 15-35 % of what is left is mitochondrial."""
    cells = cells.tocsr()
    target = rng.uniform(0.15, 0.35, cells.shape[0])
    total = totals(cells)
    mt = totals(cells[:, np.flatnonzero(mitochondrial)])
    keep = np.where(dying, np.clip(mt * (1 - target) / (target * np.maximum(total - mt, 1)), 0, 1), 1.0)
    # real cells without mitochondrial genes in the table only lose RNA
    keep = np.where(dying & (mt == 0), 0.25, keep)
    chance = np.repeat(keep, np.diff(cells.indptr))
    chance[mitochondrial[cells.indices]] = 1.0
    cells.data = rng.binomial(cells.data, chance).astype(np.int32)
    cells.eliminate_zeros()
    return cells
