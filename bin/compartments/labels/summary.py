"""What the labels of one sample amount to, and what to look at."""

from collections.abc import Sequence

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
    n_pdc, n_marker = int((labels["lineage"] == "pDC").sum()), int(labels["marker_pdc"].sum())
    both = int(((labels["lineage"] == "pDC") & labels["marker_pdc"]).sum())
    either = n_pdc + n_marker - both
    disagreement = 1 - both / either if either else 0.0
    named = labels["marker_lineage"] != ""
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
    if disagreement > PDC_DISAGREEMENT:
        warnings.append(f"pDC: {n_pdc} by the model, {n_marker} by markers, {both} by both")
    warnings += _conflicts(labels)
    for value, name in (("high", "high"), ("marker", "marker"), ("neighbours", "neighbour"), ("low", "low")):
        summary[f"n_{name}_confidence"] = int((labels["confidence"] == value).sum())
    return summary | {
        "n_erythroid_rule": int((labels["rule"] == "erythroid").sum()),
        "n_nk_to_t_by_cd3": int((labels["rule"] == "cd3").sum()),
        "n_macrophage_by_markers": int((labels["rule"] == "Macrophage").sum()),
        "n_other_by_markers": int((~labels["rule"].isin(["", "erythroid", "cd3", "Macrophage"])).sum()),
        "n_implausible": int(implausible.sum()),
        "implausible_labels": "; ".join(f"{label}: {n}" for label, n in sorted(counted.items())),
        "n_csf_macrophage_like": int((labels["display_label"] == "CSF macrophage-like").sum()),
        "n_pdc": n_pdc,
        "n_pdc_marker": n_marker,
        "n_pdc_both": both,
        "n_marker_named": int(named.sum()),
        "marker_agreement": round(float(labels.loc[named, "marker_agrees"].mean()), 4) if named.any() else None,
        "warnings": "; ".join(warnings),
    }


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
        other = labels[f"lineage_broad:{model.name.removesuffix('.pkl')}"]
        usable = other.notna() & (labels["lineage_broad"] != UNASSIGNED)
        same = float((other == labels["lineage_broad"])[usable].mean()) if usable.any() else None
        summary[f"{key}_broad_agreement"] = None if same is None else round(same, 4)
    return summary


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
    named = labels[(labels["marker_lineage"] != "") & (labels["lineage"] != UNASSIGNED)]
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
