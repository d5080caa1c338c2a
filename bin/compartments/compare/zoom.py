"""Subclusters of one lineage over the cohort, and their shares of it compared between donors as composition is."""

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from scipy import sparse

from compartments.cohort.embedding import RESERVED, Settings, batches_of, cells_to_embed, embed
from compartments.cohort.on_disk import rows_of
from compartments.cohort.variable import variable_genes
from compartments.compare import composition
from compartments.compare.zero import PROPORTIONS
from compartments.core.left_out import LeftOut
from compartments.study.columns import apart
from compartments.study.study import Study

if TYPE_CHECKING:
    from anndata import AnnData

MIN_CELLS = 50  # of a lineage in the cohort
N_MARKERS = 10
CELLS = ["sample", "barcode", "lineage", "subcluster", "umap_1", "umap_2"]


@dataclass(frozen=True)
class Zoomed:
    """One lineage.

    Attributes
    ----------
    cells : DataFrame
        ``CELLS``, a row per cell.
    clusters : DataFrame
        ``lineage, subcluster, n_cells, n_samples, n_donors, largest_donor_share, markers``.
    counts : DataFrame
        ``sample, lineage, subcluster, n_cells``, zeros included, of all samples of the study.
    effects, donors : DataFrame
        As of :class:`compartments.compare.composition.Composition`; ``lineage`` is the lineage, ``subcluster`` what is
        compared.
    """

    cells: pd.DataFrame
    clusters: pd.DataFrame
    counts: pd.DataFrame
    effects: pd.DataFrame
    donors: pd.DataFrame


def zoom(path: str, lineage: str, study: Study, settings: Settings, left_out: LeftOut) -> Zoomed | None:
    """Look into a lineage.

    Parameters
    ----------
    path : str
        ``cohort.h5ad``.
    lineage : str
    study : Study
        Of the samples as the samplesheet has them.
    settings : Settings
        Of the embedding, with the resolution of the clusters.
    left_out : LeftOut
        Gets the lineage where it has fewer than 50 cells or a single cluster, and what composition leaves out.

    Returns
    -------
    Zoomed, or None where nothing can be compared

    Raises
    ------
    UserError
        As :func:`compartments.cohort.embedding.batches_of`.

    Notes
    -----
    Variable genes of the lineage's own cells, PCA, Harmony, a graph of neighbours and Leiden, as of the whole cohort,
    conditions unseen; but Harmony takes all cells for one group. The many groups that it would choose are each of one
    donor where cells of a lineage are alike, and then it corrects nothing.
    """
    cells = read_lineage(path, lineage)
    if cells.n_obs < MIN_CELLS:
        left_out.add(f"not_testable: {cells.n_obs} cells in the cohort, --zoom needs {MIN_CELLS}", lineage=lineage)
        return None
    part = embedded(cells, settings)
    clusters = cast(pd.DataFrame, part.obs)["leiden"].astype(int)
    sizes = clusters.value_counts().rename_axis("cluster").reset_index().sort_values(["count", "cluster"])
    number = clusters.map(dict(zip(sizes["cluster"][::-1], range(len(sizes)), strict=True)))
    if len(sizes) == 1:
        reason = f"not_testable: one cluster at --zoom_resolution {settings.resolution:g}, nothing to compare"
        left_out.add(reason, lineage=lineage)
        return None
    names = pd.Series([f"{lineage}_{n + 1}" for n in number], part.obs_names)
    obs = cast(pd.DataFrame, cells.obs).assign(lineage=lineage, subcluster=names)
    obs[["umap_1", "umap_2"]] = cast(Any, part.obsm)["X_umap"]
    table = pd.crosstab(obs["sample"].astype(str), obs["subcluster"])
    table = table.reindex(study.samples["sample"], fill_value=0)
    long = table.rename_axis("sample").reset_index().melt("sample", var_name="subcluster", value_name="n_cells")
    counts = long.assign(lineage=lineage)
    effects, donors = compare_shares(counts, study, lineage, settings.seed, left_out, cells.uns["captured"])
    return Zoomed(obs[CELLS].reset_index(drop=True), cluster_rows(cells, names, lineage), counts, effects, donors)


def read_lineage(path: str, lineage: str) -> "AnnData":
    """Cells of a lineage, shape (cells, genes that every file lists), ``X`` log-normalised; read sample by sample.

    ``uns["captured"]`` has the cells of each sample, of all lineages.
    """
    import anndata
    import h5py
    from anndata.io import read_elem, sparse_dataset

    with h5py.File(path) as file:
        obs, var = (cast(pd.DataFrame, read_elem(file[name])) for name in ("obs", "var"))
        of_lineage = (obs["lineage"].astype(str) == lineage).to_numpy()
        listed = var["everywhere"].to_numpy(bool)
        stored = sparse_dataset(cast(Any, file)["X"])
        parts = [
            sparse.csr_matrix(stored[rows])[of_lineage[rows]][:, listed]
            for _sample, rows in rows_of(obs["sample"])
            if of_lineage[rows].any()
        ]
    values = sparse.vstack(parts, format="csr") if parts else sparse.csr_matrix((0, int(listed.sum())))
    captured = {"captured": obs["sample"].astype(str).value_counts()}
    return anndata.AnnData(sparse.csr_matrix(values), obs[of_lineage].copy(), var[listed][[]].copy(), captured)


def embedded(cells: "AnnData", settings: Settings) -> "AnnData":
    """Cells with variable genes of their own, embedded and clustered."""
    obs = cast(pd.DataFrame, cells.obs)
    settings = replace(settings, groups=1)
    if settings.key != "none":
        settings = replace(settings, key=apart([settings.key], RESERVED.__contains__).get(settings.key, settings.key))
    per_10k = sparse.csr_matrix(cells.X, dtype=float)
    per_10k.data = np.expm1(per_10k.data)
    samples = list(rows_of(obs["sample"]))
    sums, squares = (
        np.column_stack([np.asarray(values[rows].sum(0)).ravel() for _name, rows in samples])
        for values in (per_10k, per_10k.power(2))
    )
    n_cells = np.array([rows.stop - rows.start for _name, rows in samples])
    batch = batches_of(obs, settings.key).to_numpy(object)[[rows.start for _name, rows in samples]]
    chosen = variable_genes(sums, squares, n_cells, batch).set_axis(cells.var_names)
    # one that no cell of the lineage has says nothing
    chosen["highly_variable"] &= sums.sum(1) > 0
    part = cells_to_embed(sparse.csr_matrix(cells.X), cells.var_names, obs, chosen)
    embed(part, settings)
    return part


def cluster_rows(cells: "AnnData", names: pd.Series, lineage: str) -> pd.DataFrame:
    """What each subcluster is made of, and the genes with the highest mean log value above the other cells."""
    obs, values = cast(pd.DataFrame, cells.obs), sparse.csr_matrix(cells.X)
    total = np.asarray(values.sum(0)).ravel()
    rows = []
    for name, own in obs.groupby(names, sort=True):
        inside = (names == name).to_numpy()
        sums = np.asarray(values[inside].sum(0)).ravel()
        above = sums / inside.sum() - (total - sums) / (~inside).sum()
        order = np.argsort(-above, kind="stable")[:N_MARKERS]
        rows.append(
            {
                "lineage": lineage,
                "subcluster": name,
                "n_cells": len(own),
                "n_samples": own["sample"].nunique(),
                "n_donors": own["donor"].nunique(),
                "largest_donor_share": own["donor"].astype(str).value_counts(normalize=True).iloc[0],
                "markers": ", ".join(cells.var_names[order[above[order] > 0]]),
            }
        )
    return pd.DataFrame(rows).sort_values("n_cells", ascending=False, kind="stable", ignore_index=True)


def compare_shares(
    counts: pd.DataFrame,
    study: Study,
    lineage: str,
    seed: int,
    left_out: LeftOut,
    captured: "pd.Series[int] | None" = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Shares of subclusters within their lineage, compared as compositions on the scale of proportions.

    Parameters
    ----------
    counts : DataFrame
        ``sample, subcluster, n_cells``.
    study : Study
    lineage : str
    seed : int
    left_out : LeftOut
    captured : Series, sample -> cells, optional
        Of all lineages, for sorted fractions.

    Returns
    -------
    effects, donors : DataFrame
        Of :func:`compartments.compare.composition.compare`, ``lineage`` named and ``subcluster`` in its old place.
    """
    names = list(counts["subcluster"].unique())
    named = {
        level: {one: names if lineage in known else [] for one, known in by_compartment.items()}
        for level, by_compartment in study.named.items()
        if level == "lineage"
    }
    shares = study.samples.drop(columns="cells_per_ul", errors="ignore")
    asked = replace(study, samples=shares, named=named, primary_lineages=[])
    table = counts[["sample", "subcluster", "n_cells"]].rename(columns={"subcluster": "lineage"})
    table = table.assign(level="lineage")
    found = composition.compare(asked, table, seed=seed, relative_reference=PROPORTIONS, captured=captured)
    for row in found.left_out.rows:
        about = f"subcluster {row['lineage']}: " if row["lineage"] else ""
        # it takes them for lineages of a level
        reason = re.sub("^lineage[,:] ", "", row["reason"]).replace("two lineages", "two subclusters")
        left_out.add(about + reason, sample=row["sample"], lineage=lineage, contrast=row["contrast"])
    tables = [found.effects, found.donors]
    effects, donors = (
        one.rename(columns={"lineage": "subcluster"}).drop(columns="level").assign(lineage=lineage) for one in tables
    )
    return effects, donors
