"""What the clusters of an embedding are made of, and what their cells would vote for."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.core.matrix import memberships
from compartments.core.vocabulary import UNASSIGNED

if TYPE_CHECKING:
    from anndata import AnnData

N_MARKERS = 10
PROTECTED = ("pDC", "cDC1", "Plasma", "HSPC", "Treg")
VOTE_SHARE = 0.5
HIGH_SCORES = 95


def vote(
    lineage: npt.ArrayLike, model_lineage: npt.ArrayLike, confidence: npt.ArrayLike, cluster: npt.ArrayLike
) -> npt.NDArray[np.object_]:
    """Lineages with low-confidence cells named after their neighbours.

    Parameters
    ----------
    lineage, model_lineage, confidence, cluster : sequences, shape (cells,)
        ``model_lineage`` is the model's best guess whatever its confidence; ``cluster`` a fine clustering.

    Returns
    -------
    object array, shape (cells,)
        ``lineage``, but a low-confidence cell takes the lineage that more than half of the confident cells of its
        cluster have. A guess of pDC, cDC1, Plasma, HSPC or Treg is never overruled: rare types drown in a vote.
    """
    frame = pd.DataFrame({"lineage": np.asarray(lineage, str), "cluster": np.asarray(cluster, str)}, dtype=object)
    low = np.asarray(confidence, str) == "low"
    sure = frame[~low & (frame["lineage"] != UNASSIGNED).to_numpy()]
    shares = pd.crosstab(sure["cluster"], sure["lineage"], normalize="index")
    winner = shares.idxmax(axis=1).where(shares.max(axis=1) > VOTE_SHARE)
    proposed = frame["cluster"].map(winner)
    change = low & proposed.notna().to_numpy() & ~np.isin(np.asarray(model_lineage, str), PROTECTED)
    return np.where(change, proposed.to_numpy(object), frame["lineage"].to_numpy(object))


def vote_of_cells(obs: pd.DataFrame) -> pd.Categorical:
    """:func:`vote` of an embedded cohort's cells, by their finer clusters ``overcluster``."""
    return pd.Categorical(vote(obs["lineage"], obs["model_lineage"], obs["confidence"], obs["overcluster"]))


def cluster_markers(
    expression: sparse.csr_matrix, codes: npt.NDArray[np.integer], genes: Sequence[str], n_markers: int = N_MARKERS
) -> list[list[str]]:
    """Genes that set each cluster apart from all other cells.

    Parameters
    ----------
    expression : CSR matrix, shape (cells, genes)
        log1p-normalised.
    codes : int array, shape (cells,)
    genes : sequence of str

    Returns
    -------
    list of lists of str, one per cluster
        By Welch's t of log expression, only genes seen in at least a quarter of the cluster's cells. A ranking: cells
        are no replicates, so no p-value is given.
    """
    n = np.bincount(codes).astype(float)
    members = memberships(codes, len(n))
    sums = np.asarray((members @ expression).todense(), float)
    squared = expression.copy()
    squared.data = squared.data**2
    squares = np.asarray((members @ squared).todense(), float)
    seen = np.asarray((members @ (expression > 0)).todense(), float) / n[:, None]
    rest = n.sum() - n
    mean, other = sums / n[:, None], (sums.sum(0) - sums) / np.maximum(rest, 1)[:, None]
    variance = np.maximum(squares / n[:, None] - mean**2, 0)
    variance_other = np.maximum((squares.sum(0) - squares) / np.maximum(rest, 1)[:, None] - other**2, 0)
    se = np.sqrt(variance / n[:, None] + variance_other / np.maximum(rest, 1)[:, None])
    t = np.where((seen >= 0.25) & (mean > other), (mean - other) / np.maximum(se, 1e-9), -np.inf)
    order = np.argsort(-t, axis=1, kind="stable")[:, :n_markers]
    return [[str(genes[g]) for g in row if t[code, g] > -np.inf] for code, row in enumerate(order)]


def cluster_table(cohort: "AnnData") -> pd.DataFrame:
    """What each Leiden cluster is made of, so that a user can see and overrule labels.

    Returns
    -------
    DataFrame
        ``cluster, n_cells, lineage`` (the most frequent), ``lineages, compartments`` (shares as text), ``n_donors,
        largest_donor_share, unassigned_share, marker_agreement, doublet_score, contamination`` (means),
        ``doublet_share`` (cells whose score is among the highest 5 % of their sample), ``markers, remark``.
    """
    obs = cast(pd.DataFrame, cohort.obs)
    cluster = obs["leiden"].astype(int).to_numpy()
    markers = cluster_markers(cast(sparse.csr_matrix, cohort.X), cluster, list(cohort.var_names))
    rows = []
    typical = obs["doublet_score"].groupby(cluster).mean().median()
    limits = obs.groupby("sample", observed=True)["doublet_score"].quantile(HIGH_SCORES / 100)
    suspect = obs["doublet_score"] > obs["sample"].map(limits).astype(float)
    for code, cells in obs.groupby(cluster):
        lineages, donors = _shares(cells["lineage"]), _shares(cells["donor"])
        named = cells["marker_lineage"].astype(str) != ""
        score = cells["doublet_score"].mean()
        remarks = []
        if np.isfinite(score) and score > max(2 * typical, 0.1):
            remarks.append("high doublet score")
        if donors.iloc[0] > 0.9 and obs["donor"].nunique() > 2:
            remarks.append("mostly one donor")
        if lineages.iloc[0] < 0.5:
            remarks.append("no lineage has half of it")
        rows.append(
            {
                "cluster": code,
                "n_cells": len(cells),
                "lineage": lineages.index[0],
                "lineages": _text(lineages),
                "compartments": _text(_shares(cells["compartment"])),
                "n_donors": cells["donor"].nunique(),
                "largest_donor_share": donors.iloc[0],
                "unassigned_share": (cells["lineage"].astype(str) == UNASSIGNED).mean(),
                "marker_agreement": cells.loc[named, "marker_agrees"].mean() if named.any() else np.nan,
                "doublet_score": score,
                "doublet_share": suspect[cells.index].mean(),
                "contamination": cells["contamination"].mean() if "contamination" in cells else np.nan,
                "markers": ", ".join(markers[code]),
                "remark": "; ".join(remarks),
            }
        )
    return pd.DataFrame(rows)


def _shares(values: pd.Series) -> pd.Series:
    """Shares of the values, largest first, ties by name."""
    shares = values.astype(str).value_counts(normalize=True).rename_axis("name").reset_index(name="share")
    return shares.sort_values(["share", "name"], ascending=[False, True]).set_index("name")["share"]


def _text(shares: pd.Series) -> str:
    return "; ".join(f"{name} {share:.0%}" for name, share in shares.items() if share >= 0.01)
