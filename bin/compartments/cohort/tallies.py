"""Counts of cells and genes over the cohort: lineages, doublets, further models, ambient shares."""

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.core.errors import CountsChanged
from compartments.core.matrix import totals
from compartments.core.species import known_as
from compartments.core.vocabulary import MIN_AMBIENT_COUNTS, UNASSIGNED

if TYPE_CHECKING:
    from anndata import AnnData

PDC = "pDC"
# genes that no single cell should express together (T with B, T with monocyte, T with pDC)
EXCLUSIVE = (("CD3E", "MS4A1"), ("CD3E", "CD14"), ("CD3E", "LILRA4"))


def cell_rows(merged: "AnnData") -> pd.DataFrame:
    """One row per cell: ``cell`` and the columns of ``obs``."""
    return cast(pd.DataFrame, merged.obs).rename_axis("cell").reset_index()


def exclusive_counts(data: "AnnData") -> pd.DataFrame:
    """Counts of the genes of ``EXCLUSIVE`` that ``data`` has, one row per cell, index its name."""
    genes = known_as(dict.fromkeys(sum(EXCLUSIVE, ())), set(data.var_names))
    counts = sparse.csc_matrix(data.layers["counts"])[:, data.var_names.get_indexer(pd.Index(genes))]
    return pd.DataFrame(counts.toarray(), index=data.obs_names, columns=pd.Index(genes, dtype=object))


def doublets_by_lineage(sample: str, data: "AnnData") -> pd.DataFrame:
    """What the doublets of one sample were called before they were taken out.

    Parameters
    ----------
    sample : str
    data : AnnData
        From :func:`sample.read_annotated`.

    Returns
    -------
    DataFrame
        ``sample, lineage, n_cells, n_doublets, share``, and how many of the doublets and of the other cells express
        both genes of a pair in ``EXCLUSIVE``: ``n_doublets_two_lineages, n_others_two_lineages``.
    """
    counts = exclusive_counts(data)
    two = np.zeros(data.n_obs, bool)
    for pair in EXCLUSIVE:
        sides = [known_as([gene], counts) for gene in pair]
        if all(sides):
            two |= np.all([(counts[names] > 0).any(axis=1) for names in sides], axis=0)
    called = data.obs["predicted_doublet"].to_numpy(bool)
    cells = pd.DataFrame(
        {
            "lineage": data.obs["lineage"].astype(str).to_numpy(),
            "n_cells": 1,
            "n_doublets": called.astype(int),
            "n_doublets_two_lineages": (called & two).astype(int),
            "n_others_two_lineages": (~called & two).astype(int),
        }
    )
    table = cells.groupby("lineage").sum().reset_index()
    table.insert(0, "sample", sample)
    table.insert(4, "share", table["n_doublets"] / table["n_cells"])
    return table


def marker_lineage_level(obs: pd.DataFrame) -> npt.NDArray[np.object_]:
    """Lineages with pDC as the markers see them.

    Every cell that the pDC markers confirm is pDC, one that only the model calls pDC is unassigned, so each cell counts
    once. Cells that the user labelled stay as they are.
    """
    lineage = obs["lineage"].astype(str).to_numpy(object)
    by_user = (obs["confidence"].astype(str) == "override").to_numpy()
    confirmed = obs["marker_pdc"].to_numpy(bool)
    lineage = np.where(confirmed & ~by_user, PDC, lineage)
    return np.where((lineage == PDC) & ~confirmed & ~by_user, UNASSIGNED, lineage)


def lineage_counts(obs: pd.DataFrame) -> pd.DataFrame:
    """Cells per sample and lineage, zeros included.

    Returns
    -------
    DataFrame
        ``sample, level, lineage, n_cells``; at every level the cells of a sample add up to all its cells.
    """
    sample = obs["sample"].astype(str).to_numpy()
    levels = {
        "lineage": obs["lineage"].astype(str).to_numpy(object),
        "lineage_broad": obs["lineage_broad"].astype(str).to_numpy(object),
        "lineage_marker": marker_lineage_level(obs),
    }
    # a lineage that only one of the two pDC definitions leaves without cells still has its row of zeros
    known = sorted({*levels["lineage"], *levels["lineage_marker"]})
    parts = []
    for level, lineage in levels.items():
        columns = sorted(set(lineage)) if level == "lineage_broad" else known
        table = pd.crosstab(sample, lineage).reindex(columns=columns, fill_value=0).loc[list(dict.fromkeys(sample))]
        if table.to_numpy().sum() != len(obs):
            raise CountsChanged("cells were lost in counting")
        long = table.rename_axis("sample").reset_index().melt("sample", var_name="lineage", value_name="n_cells")
        long.insert(1, "level", level)
        long["sample"] = pd.Categorical(long["sample"], categories=list(dict.fromkeys(sample)))
        parts.append(long.sort_values(["sample", "lineage"], kind="stable").astype({"sample": str}))
    return pd.concat(parts, ignore_index=True)


def compare_models(obs: pd.DataFrame) -> pd.DataFrame:
    """What further models call the cells, beside the labels that stand.

    Parameters
    ----------
    obs : DataFrame
        Of :func:`merging.merge`; ``label:<model>``, ``lineage:<model>``, ``lineage_broad:<model>`` of further models.

    Returns
    -------
    DataFrame
        ``model, level (lineage | lineage_broad | label), compartment, name, other_name, n_cells, share (of the cells of
        name in the compartment), agrees``; ``other_name`` is empty where the lineage map lacks the model's label,
        ``agrees`` at level ``label``. No row with one model.
    """
    parts = []
    for column in obs:
        kind, _, model = column.partition(":")
        standing = "celltypist_label" if kind == "label" else kind
        if not model or kind not in ("label", "lineage", "lineage_broad"):
            continue
        frame = (
            obs[["compartment", standing, column]].astype(str).set_axis(["compartment", "name", "other_name"], axis=1)
        )
        table = frame.value_counts(sort=False).rename("n_cells").reset_index()
        table = table.sort_values(["compartment", "name", "n_cells", "other_name"], ascending=[True, True, False, True])
        table["share"] = table["n_cells"] / table.groupby(["compartment", "name"])["n_cells"].transform("sum")
        table["agrees"] = (table["name"] == table["other_name"]).astype(object) if kind != "label" else ""
        table.insert(0, "level", kind)
        table.insert(0, "model", model)
        parts.append(table)
    columns = ["model", "level", "compartment", "name", "other_name", "n_cells", "share", "agrees"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def ambient_shares(bulk: "AnnData") -> pd.DataFrame:
    """How much of each gene's counts was ambient, by condition, compartment and lineage.

    These are the sums by which expression and interactions leave out genes that soup may explain.

    Parameters
    ----------
    bulk : AnnData
        From :func:`merging.make_pseudobulk`.

    Returns
    -------
    DataFrame
        ``condition, compartment, lineage, gene, counts, ambient_counts, share``: genes of at least
        ``MIN_AMBIENT_COUNTS`` raw counts of which some were ambient, the largest share of a group first.
    """
    obs, layers = cast(pd.DataFrame, bulk.obs), cast(dict[str, Any], bulk.layers)
    groups = obs.groupby(["condition", "compartment", "lineage"], sort=False, observed=True).indices
    parts = []
    for (condition, compartment, lineage), rows in groups.items():
        counts, ambient = (totals(layers[name][rows], 0) for name in ("counts", "ambient"))
        shown = np.flatnonzero((counts >= MIN_AMBIENT_COUNTS) & (ambient > 0))
        part = pd.DataFrame({"gene": bulk.var_names[shown], "counts": counts[shown].astype(int)})
        part["ambient_counts"] = ambient[shown].astype(int)
        part["share"] = part["ambient_counts"] / part["counts"]
        part.insert(0, "lineage", lineage)
        part.insert(0, "compartment", compartment)
        part.insert(0, "condition", condition)
        parts.append(part.sort_values("share", ascending=False, kind="stable"))
    return pd.concat(parts, ignore_index=True)
