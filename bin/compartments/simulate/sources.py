"""Where cells come from: sorted expression profiles, or real labelled cells."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.core.errors import UserError
from compartments.simulate.presets import DROPLET_BASE

Factors = npt.NDArray[np.float64]  # per gene, or lineages x genes

# RNA content relative to a T cell
SIZE = {
    "NK": 0.8,
    "cMono": 1.4,
    "ncMono": 1.5,
    "Macrophage": 2.0,
    "cDC1": 2.0,
    "cDC2": 2.2,
    "pDC": 1.8,
    "Plasma": 2.5,
    "T_cycling": 1.8,
    "Mast_Baso": 0.7,
    "Granulocyte": 0.6,
    "Platelet_MK": 0.4,
    "Erythroid": 0.8,
    "HSPC": 1.8,
}
CAPTURE_SEED, CAPTURE_SD = 3517, 0.7  # the 3' chemistry: the same for every cohort and every reference
CELL_SD = 0.45
GAMMA_SHAPE = 4.0
MT_SD = 0.25
CHUNK = 512


class Source(Protocol):
    """What cells can be drawn from.

    Attributes
    ----------
    genes : Index of symbols
    gene_ids, lineages : list of str
    base : DataFrame, lineages x compartments
        Shares of the lineages where the user gives none.
    """

    genes: pd.Index
    gene_ids: list[str]
    lineages: list[str]
    base: pd.DataFrame

    def typical(self, mean_umi: float) -> pd.DataFrame:
        """Expected counts per cell, lineages x genes."""

    def draw(
        self,
        rng: np.random.Generator,
        lineage: str,
        n: int,
        noise: Factors,
        effect: Factors,
        ceiling: Factors,
        mean_umi: float,
    ) -> sparse.csr_array:
        """``n`` cells of ``lineage``, n x genes; ``noise``, ``effect`` and its ``ceiling`` are factors per gene."""


class ProfileSource:
    """Cells drawn from a table of sorted expression profiles.

    Parameters
    ----------
    path : str or Path
        TSV with ``gene, core`` and a column of transcripts per million per lineage; genes in order of importance.
    n_genes : int
        How many of them are used; core genes always are.
    """

    base = DROPLET_BASE

    def __init__(self, path: str | Path, n_genes: int) -> None:
        table = pd.read_csv(path, sep="\t", index_col="gene", keep_default_na=False, na_values=[""])
        capture = np.random.default_rng(CAPTURE_SEED).lognormal(0, CAPTURE_SD, len(table))
        n_core = int(table["core"].sum())
        if not n_core <= n_genes <= len(table):
            raise UserError(f"--genes {n_genes}: give a number from {n_core} (the core genes) to {len(table)}")
        values = table.drop(columns="core").mul(capture, axis=0).iloc[:n_genes]
        self.genes = values.index
        self.gene_ids = [f"SIMG{i:011d}" for i in range(1, len(values) + 1)]
        self.shares = values / values.sum()
        self.lineages = list(values.columns)
        self._mitochondrial = self.genes.str.startswith("MT-")

    def typical(self, mean_umi: float) -> pd.DataFrame:
        """Expected counts per cell, lineages x genes."""
        sizes = np.array([SIZE.get(lineage, 1.0) for lineage in self.lineages])
        return self.shares.T.mul(mean_umi * sizes, axis=0)

    def draw(
        self,
        rng: np.random.Generator,
        lineage: str,
        n: int,
        noise: Factors,
        effect: Factors,
        ceiling: Factors,
        mean_umi: float,
    ) -> sparse.csr_array:
        """``n`` cells of ``lineage``: Poisson-gamma counts around profile x ``noise`` x ``effect``, n x genes CSR.

        ``noise`` and ``effect`` are factors per gene; ``ceiling`` is not needed here (see :class:`PoolSource`).
        """
        shares = self.shares[lineage].to_numpy() * noise * effect
        expressed = np.flatnonzero(shares)
        shares = shares[expressed] / shares.sum()
        mitochondrial = self._mitochondrial[expressed]
        parts = []
        for start in range(0, n, CHUNK):
            m = min(CHUNK, n - start)
            umi = rng.lognormal(np.log(mean_umi * SIZE.get(lineage, 1.0)), CELL_SD, (m, 1))
            rate = umi * shares * rng.gamma(GAMMA_SHAPE, 1 / GAMMA_SHAPE, (m, len(shares)))
            rate[:, mitochondrial] *= rng.lognormal(0, MT_SD, (m, 1))
            counts = sparse.coo_array(rng.poisson(rate))
            parts.append(
                sparse.csr_array(
                    (counts.data.astype(np.int32), (counts.row, expressed[counts.col])), shape=(m, len(self.genes))
                )
            )
        return sparse.vstack(parts, format="csr")


class PoolSource:
    """Cells resampled and thinned from real labelled cells, so that noise within a lineage is real.

    Thinning can only lower counts: a gene that is raised 2^e in one group keeps all its counts there and 2^-e of them
    in all others; noise between donors is applied relative to its 95th percentile.

    Parameters
    ----------
    counts : sparse, cells x genes, integers
    labels : sequence of str
        Lineage of each cell.
    genes, gene_ids : sequences of str
    """

    def __init__(
        self,
        counts: Any,
        labels: Sequence[str] | pd.Series,
        genes: Sequence[str] | pd.Index,
        gene_ids: Sequence[str] | pd.Index,
    ) -> None:
        self.counts = sparse.csr_array(counts).astype(np.int32)
        self.genes, self.gene_ids = pd.Index(genes), list(gene_ids)
        names = np.asarray(labels, dtype=str)
        self.rows = {name: np.flatnonzero(names == name) for name in dict.fromkeys(sorted(names))}
        self.lineages = list(self.rows)
        shares = pd.Series({name: len(rows) for name, rows in self.rows.items()}, dtype=float)
        self.base = pd.DataFrame({"CSF": shares, "blood": shares})

    def typical(self, mean_umi: float) -> pd.DataFrame:
        """Mean counts per cell, lineages x genes; ``mean_umi`` is not used, real cells have their own depth."""
        means = [np.asarray(self.counts[rows].mean(axis=0)).ravel() for rows in self.rows.values()]
        return pd.DataFrame(np.array(means), index=self.lineages, columns=self.genes)

    def draw(
        self,
        rng: np.random.Generator,
        lineage: str,
        n: int,
        noise: Factors,
        effect: Factors,
        ceiling: Factors,
        mean_umi: float,
    ) -> sparse.csr_array:
        """``n`` cells of ``lineage``, without replacement where there are enough, thinned binomially; n x genes CSR."""
        rows = self.rows[lineage]
        cells = self.counts[rng.choice(rows, n, replace=n > len(rows))].copy()
        keep = np.clip(noise / np.quantile(noise, 0.95), 0, 1) * effect / ceiling
        cells.data = rng.binomial(cells.data, keep[cells.indices]).astype(np.int32)
        cells.eliminate_zeros()
        return cells


def read_pool(path: str | Path, column: str) -> PoolSource:
    """The :class:`PoolSource` of an h5ad with counts in ``layers['counts']`` or X and lineages in ``obs[column]``.

    Raises
    ------
    UserError
        Unreadable file, unknown column, counts that are not whole numbers.
    """
    import anndata

    try:
        adata = anndata.read_h5ad(path)
    except (OSError, KeyError) as error:
        raise UserError(f"{path}: cannot be read as h5ad ({error})") from None
    if column not in adata.obs:
        raise UserError(f"{path}: obs has no column '{column}'; it has {', '.join(adata.obs.columns)}")
    counts = sparse.csr_array(adata.layers.get("counts", adata.X))
    if (counts.data < 0).any() or (counts.data != np.rint(counts.data)).any():
        raise UserError(f"{path}: counts are not whole numbers; put raw counts in layers['counts'] or X")
    labelled = adata.obs[column].notna().to_numpy()
    ids = next((adata.var[name] for name in ("gene_id", "gene_ids") if name in adata.var), adata.var_names)
    return PoolSource(counts[labelled], adata.obs[column].astype(str)[labelled], adata.var_names, ids)
