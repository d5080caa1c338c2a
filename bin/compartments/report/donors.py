"""Values of single donors on the axis of the estimates that rest on them."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from compartments.report.results import Results
from compartments.study.study import Contrast


def of_series(donors: pd.DataFrame | None, series: str) -> pd.DataFrame | None:
    """Donors of one series of a forest."""
    return None if donors is None else donors[donors["series"] == series]


def of_composition(results: Results, contrast: Contrast, level: str, terms: Mapping[str, str]) -> pd.DataFrame | None:
    """Abundances of donors minus the mean of the reference donors, minus the scale's zero.

    Parameters
    ----------
    terms : dict
        Term -> series.

    Returns
    -------
    DataFrame or None
        As ``composition/donors.tsv`` with ``label, series, shown``; ``None`` without the file.
    """
    donors = results.table("composition/donors.tsv")
    if donors is None:
        return None
    chosen = (donors["contrast"] == contrast.contrast) & (donors["level"] == level) & donors["term"].isin(list(terms))
    rows = donors[chosen].copy()
    keys = ["lineage", "term", "compartment"]
    reference = rows[rows["condition"] == contrast.reference].groupby(keys)["log2_value"].mean()
    rows = rows.join(reference.rename("reference_mean"), on=keys)
    zeros = {
        (t["term"], t["compartment"]): t.get("zero_log2") or 0.0
        for t in results.json("composition/composition.json").get("terms", [])
        if t["contrast"] == contrast.contrast and t["level"] == level
    }
    zero = [zeros.get(key, 0.0) for key in zip(rows["term"], rows["compartment"], strict=True)]
    shift = np.where(rows["condition"] == contrast.condition, zero, 0.0)
    rows["shown"] = rows["log2_value"] - rows["reference_mean"] - shift
    return rows.assign(label=rows["lineage"], series=rows["term"].map(terms))


def of_scores(results: Results, contrast: Contrast, compartments: Sequence[str]) -> pd.DataFrame | None:
    """Migration scores over all lineages minus the mean of the reference donors: ``label, series, shown``."""
    scores = results.table("migration/scores.tsv")
    if scores is None:
        return None
    rows = scores[(scores["lineage"] == "all") & scores["compartment"].isin(compartments)]
    rows = rows[rows["condition"].isin([contrast.condition, contrast.reference])]
    keys = ["gene_set", "compartment"]
    reference = rows[rows["condition"] == contrast.reference].groupby(keys)["score"].mean().rename("reference_mean")
    rows = rows.join(reference, on=keys)
    shown = rows["score"] - rows["reference_mean"]
    return rows.assign(shown=shown, label=rows["gene_set"], series=rows["compartment"]).dropna(subset=["shown"])


def differences(
    values: pd.DataFrame, keys: Sequence[str], value: str, contrast: Contrast, between: tuple[str, str]
) -> pd.DataFrame:
    """Each donor's difference between two compartments, relative to the mean of the reference donors.

    Parameters
    ----------
    values : DataFrame
        ``donor, condition, compartment``, ``keys`` and ``value``: one row per donor, compartment and feature.
    between : tuple of str
        The first compartment minus the second.

    Returns
    -------
    DataFrame
        ``keys, donor, condition, shown``; donors with both compartments, features that a reference donor has.
    """
    compartment, base = between
    wide = values[values["condition"].isin([contrast.condition, contrast.reference])]
    wide = wide.pivot(index=[*keys, "donor", "condition"], columns="compartment", values=value)
    wide = wide.reindex(columns=[compartment, base])
    donors = (wide[compartment] - wide[base]).rename("difference").dropna().reset_index()
    mean = donors[donors["condition"] == contrast.reference].groupby(list(keys))["difference"].mean().rename("mean")
    donors = donors.join(mean, on=list(keys)).dropna(subset=["mean"])
    return donors.assign(shown=donors["difference"] - donors["mean"])


def labelled(
    rows: pd.DataFrame, donors: pd.DataFrame, label: Callable[[pd.DataFrame], pd.Series], between: tuple[str, str]
) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Estimates and donors with the ``label`` of their line in a forest, and their series."""
    series = " minus ".join(between)
    rows, donors = (table.assign(label=label(table), series=series) for table in (rows, donors))
    return rows, donors, series
