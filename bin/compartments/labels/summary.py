"""What the labels of one sample amount to, and what to look at."""

import re
from collections.abc import Mapping, Sequence

import pandas as pd

from compartments.core.vocabulary import UNASSIGNED, kind_of_compartment
from compartments.labels.genes import Matched

WARN_OVERLAP = 0.8
PDC_DISAGREEMENT = 0.2
# a lineage of so many cells whose markers say something is judged by them
CELLS_TO_JUDGE = 20


def summarise(labels: pd.DataFrame, matched: Sequence[Matched], compartment: str) -> dict[str, object]:
    """Flat counts and shares of one sample's labels.

    Parameters
    ----------
    labels : DataFrame, one row per cell
        From :func:`annotation.annotate`, with ``rule`` and ``plausible_in``.
    matched : list of Matched
        The models, the deciding one first.
    compartment : str

    Returns
    -------
    dict
        As ``samples/*/*.labels.json``, without sample and overrides.
    """
    elsewhere = {"implausible"} | {"blood": {"csf", "tissue"}, "CSF": {"tissue"}, "tissue": set()}[
        kind_of_compartment(compartment)
    ]
    implausible = labels["plausible_in"].isin(elsewhere)
    counted = labels.loc[implausible, "celltypist_label"].value_counts()
    numbers, doubts = _of_labels(labels)
    summary: dict[str, object] = {"n_cells": len(labels)}
    for number, one in enumerate(matched, start=1):
        summary |= _of_model("model" if number == 1 else f"model_{number}", one, labels, first=number == 1)
    warnings = [
        f"only {one.overlap:.0%} of the genes of {one.model.name} are in the data"
        for one in matched
        if one.overlap < WARN_OVERLAP
    ]
    warnings += [
        f"{one.model.name} is of another species: {one.model.kept:.0%} of its genes have a counterpart in this one"
        for one in matched
        if one.model.kept < 1
    ]
    return summary | {
        "n_erythroid_rule": int((labels["rule"] == "erythroid").sum()),
        "n_nk_to_t_by_cd3": int((labels["rule"] == "cd3").sum()),
        "n_macrophage_by_markers": int((labels["rule"] == "Macrophage").sum()),
        "n_other_by_markers": int((~labels["rule"].isin(["", "erythroid", "cd3", "Macrophage"])).sum()),
        "n_implausible": int(implausible.sum()),
        "implausible_labels": "; ".join(f"{label}: {n}" for label, n in sorted(counted.items())),
        **numbers,
        "warnings": "; ".join([*warnings, *doubts]),
    }


def summarise_again(summary: Mapping[str, object], before: pd.DataFrame, labels: pd.DataFrame) -> dict[str, object]:
    """The summary of a sample whose labels are others now, set by the user: what is said of labels is of those that
    stand. What is said of the model, and whether it fits, stays.

    Parameters
    ----------
    summary : dict
        Of :func:`summarise`, of the labels ``before``.
    before, labels : DataFrame, one row per cell
        As of :func:`annotation.annotate`, or of its file.
    """
    _, old = _of_labels(before)
    numbers, doubts = _of_labels(labels)
    kept = [one for one in str(summary["warnings"]).split("; ") if one and one not in old]
    further = [key for key in summary if re.fullmatch(r"model_\d+", key)]
    agreement = {f"{key}_broad_agreement": _broad_agreement(labels, str(summary[key])) for key in further}
    return {**summary, **numbers, **agreement, "warnings": "; ".join([*kept, *doubts])}


def _of_labels(labels: pd.DataFrame) -> tuple[dict[str, object], list[str]]:
    """Numbers of the labels that stand, and sentences on what their markers deny."""
    is_pdc, marker_pdc = labels["lineage"] == "pDC", labels["marker_pdc"].astype(str) == "True"
    n_pdc, n_marker, both = (int(cells.sum()) for cells in (is_pdc, marker_pdc, is_pdc & marker_pdc))
    either = n_pdc + n_marker - both
    doubts = _conflicts(labels)
    if either and 1 - both / either > PDC_DISAGREEMENT:
        doubts.insert(0, f"pDC: {n_pdc} by their labels, {n_marker} by markers, {both} by both")
    named = labels["marker_lineage"].fillna("") != ""
    confidence = (("high", "high"), ("marker", "marker"), ("neighbours", "neighbour"), ("low", "low"))
    return {
        **{f"n_{name}_confidence": int((labels["confidence"] == value).sum()) for value, name in confidence},
        "n_csf_macrophage_like": int((labels["display_label"] == "CSF macrophage-like").sum()),
        "n_pdc": n_pdc,
        "n_pdc_marker": n_marker,
        "n_pdc_both": both,
        "n_marker_named": int(named.sum()),
        "marker_agreement": round(float(labels.loc[named, "marker_agrees"].mean()), 4) if named.any() else None,
    }, doubts


def _of_model(key: str, matched: Matched, labels: pd.DataFrame, first: bool) -> dict[str, object]:
    """What is said of one model; of a further one also how often it agrees with the labels that stand."""
    model = matched.model
    summary: dict[str, object] = {
        key: model.name,
        f"{key}_version": model.description["version"] or None,
        f"{key}_date": model.description["date"] or None,
        f"{key}_source": model.description["source"] or None,
        f"{key}_sha256": model.sha256,
        f"{key}_labels": len(model.labels),
        f"{key}_genes": len(model.genes),
        f"{key}_gene_overlap": round(matched.overlap, 4),
    }
    if model.kept < 1:
        summary[f"{key}_genes_kept"] = round(model.kept, 4)
    if not first:
        summary[f"{key}_broad_agreement"] = _broad_agreement(labels, model.name)
    return summary


def _broad_agreement(labels: pd.DataFrame, model: str) -> float | None:
    """Share of the cells with a lineage that a further model gives the same broad one."""
    other = labels[f"lineage_broad:{model.removesuffix('.pkl')}"]
    usable = other.notna() & (labels["lineage_broad"] != UNASSIGNED)
    return round(float((other == labels["lineage_broad"])[usable].mean()), 4) if usable.any() else None


def contradicting(agrees: pd.Series) -> int:
    """How many cells that markers name have another label than theirs, if most of enough cells do; else 0.

    Parameters
    ----------
    agrees : Series of bool
        ``marker_agrees`` of the cells that markers name.
    """
    disagree = len(agrees) - int(agrees.sum())
    return disagree if len(agrees) >= CELLS_TO_JUDGE and disagree > len(agrees) / 2 else 0


def _conflicts(labels: pd.DataFrame) -> list[str]:
    """Lineages whose cells' own markers mostly name another one, with cells, and the likely name."""
    named = labels[(labels["marker_lineage"].fillna("") != "") & (labels["lineage"] != UNASSIGNED)]
    found = []
    for lineage, cells in named.groupby("lineage", sort=True):
        if n := contradicting(cells["marker_agrees"]):
            others = cells.loc[~cells["marker_agrees"].astype(bool), "marker_lineage"].value_counts()
            likely = others.index[others == others.iloc[0]].min()
            found.append(
                f"{lineage}: the markers of {n} of {len(cells)} cells name another lineage, "
                f"most often {likely} ({others.iloc[0]})"
            )
    return found
