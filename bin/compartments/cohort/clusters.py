"""What the clusters of an embedding are made of."""

from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from compartments.core.vocabulary import UNASSIGNED
from compartments.labels.summary import contradicting

if TYPE_CHECKING:
    from anndata import AnnData

N_MARKERS = 10
HIGH_SCORES = 95


def cluster_table(cohort: "AnnData", markers: pd.DataFrame) -> pd.DataFrame:
    """What each Leiden cluster is made of, so that a user can see and overrule labels.

    Parameters
    ----------
    cohort : AnnData
        Embedded.
    markers : DataFrame
        Of :func:`marker_genes.marker_table`, of the clusters.

    Returns
    -------
    DataFrame
        ``cluster, n_cells, lineage`` (the most frequent), ``lineages, compartments`` (shares as text), ``n_donors,
        largest_donor_share, unassigned_share, marker_agreement, doublet_score, contamination`` (means),
        ``doublet_share`` (cells whose score is among the highest 5 % of their sample), ``markers, n_contradicted`` (0
        unless the markers of most cells name another lineage), ``likely_lineage`` (that one), ``remark``.
    """
    obs = cast(pd.DataFrame, cohort.obs)
    cluster = obs["leiden"].astype(int).to_numpy()
    first = markers[markers["rank"] <= N_MARKERS].groupby("name")["gene"].agg(", ".join)
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
        likely = ""
        if n := contradicting(cells.loc[named, "marker_agrees"]):
            likely = _shares(cells.loc[named & ~cells["marker_agrees"].astype(bool), "marker_lineage"]).index[0]
            remarks.append(f"markers of {n} of {named.sum()} cells name another, mostly {likely}")
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
                "markers": first.get(str(code), ""),
                "n_contradicted": n,
                "likely_lineage": likely,
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
