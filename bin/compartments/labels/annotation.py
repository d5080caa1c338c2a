"""Cell types: CellTypist labels summed to lineages, checked by markers, kept unassigned where neither is sure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.core.matrix import log_normalise, totals
from compartments.core.vocabulary import BLOOD, UNASSIGNED
from compartments.labels.genes import Matched, fold_repeats, match
from compartments.labels.lineages import broad_lineages, check_labels
from compartments.labels.markers import MarkerWeights, marker_evidence, marker_weights
from compartments.labels.model import Model, probabilities
from compartments.labels.summary import summarise

CHUNK = 2000
MIN_MARGIN = 0.2
MIN_PROBABILITY = 0.5
CSF = re.compile(r"csf|cerebrospinal", re.I)


def choose_lineage(
    probability: npt.NDArray[np.float64], mapped: pd.DataFrame
) -> tuple[npt.NDArray[np.intp], pd.DataFrame, pd.DataFrame]:
    """Label and lineage of each cell from the independent probabilities of the labels.

    Parameters
    ----------
    probability : array, shape (cells, labels)
    mapped : DataFrame, one row per label
        From :func:`lineages.map_labels`.

    Returns
    -------
    label : int array, shape (cells,)
        Position of the chosen label.
    by_lineage, by_broad : DataFrame, shape (cells, lineages), (cells, broad lineages)
        Summed probabilities, capped at 1.

    Notes
    -----
    The best label wins by a margin of at least ``MIN_MARGIN``. Below it, subtypes may have split the vote: the broad
    lineage of the largest sum wins, within it the lineage of the largest sum, within it the best label.
    """
    lineages, lineage_of = np.unique(mapped["lineage"].to_numpy(str), return_inverse=True)
    broads, broad_of = np.unique(mapped["lineage_broad"].to_numpy(str), return_inverse=True)
    by_lineage = probability @ np.eye(len(lineages))[lineage_of]
    by_broad = probability @ np.eye(len(broads))[broad_of]
    label = probability.argmax(axis=1)
    if probability.shape[1] > 1:
        top = -np.partition(-probability, 1, axis=1)[:, :2]
        close = top[:, 0] - top[:, 1] < MIN_MARGIN
        label[close] = _best_within(
            probability[close], by_lineage[close], by_broad[close].argmax(1), lineage_of, broad_of
        )
    return (
        label,
        pd.DataFrame(np.minimum(by_lineage, 1), columns=lineages),
        pd.DataFrame(np.minimum(by_broad, 1), columns=broads),
    )


def _best_within(
    probability: npt.NDArray[np.float64],
    by_lineage: npt.NDArray[np.float64],
    broad: npt.NDArray[np.intp],
    lineage_of: npt.NDArray[np.intp],
    broad_of: npt.NDArray[np.intp],
) -> npt.NDArray[np.intp]:
    """Best label of the best lineage inside a given broad lineage (positions)."""
    inside = broad_of == broad[:, None]
    score = np.where(inside, by_lineage[:, lineage_of], -1)
    best = score >= score.max(axis=1, keepdims=True)
    return np.where(best & inside, probability, -1).argmax(axis=1)


def annotate(
    counts: sparse.csr_matrix,
    symbols: Sequence[str],
    gene_ids: Sequence[str],
    models: Sequence[Model],
    lineage_map: pd.DataFrame,
    markers: pd.DataFrame,
    compartment: str,
    min_overlap: float = 0.5,
    source: str = "counts",
) -> tuple[pd.DataFrame, dict[str, object]]:
    """Label every cell of one sample.

    Parameters
    ----------
    counts : CSR matrix, shape (cells, genes), integer
        Ambient-corrected counts.
    symbols, gene_ids : sequences of str, shape (genes,)
    models : list of Model
        The first decides; the others are reported beside it.
    lineage_map, markers : DataFrame
        From :func:`lineages.read_lineage_map`, :func:`markers.read_markers`.
    compartment : str
    min_overlap : float
        Least share of a model's genes that the data must have.
    source : str
        Named in messages.

    Returns
    -------
    labels : DataFrame, one row per cell
        ``celltypist_label, lineage, lineage_broad, probability, confidence, marker_lineage, marker_agrees,
        marker_pdc, probability_broad, model_lineage, display_label``, and ``label:<model>``, ``lineage:<model>`` for
        every further model.
    summary : dict
        Of :func:`summary.summarise`.

    Raises
    ------
    SampleSkipped
        Too few shared genes.
    UserError
        Labels of the first model that the map does not place.
    """
    known = set(markers["gene"]).union(*(model.genes for model in models))
    names, ids, fold = fold_repeats(np.asarray(symbols, object), np.asarray(gene_ids, object), known)
    matched = [match(model, names, ids, lineage_map, min_overlap, source) for model in models]
    check_labels(models[0].name, matched[0].mapped)
    n_cells = counts.shape[0]
    chunks = [slice(start, min(start + CHUNK, n_cells)) for start in range(0, n_cells, CHUNK)]
    means = np.zeros(len(names))
    for rows in chunks:
        means += totals(log_normalise(counts[rows] @ fold), 0)
    weights = marker_weights(names, means / max(1, n_cells), markers)
    parts = [_annotate_chunk(counts[rows] @ fold, names, matched, lineage_map, weights) for rows in chunks]
    labels = pd.concat(parts, ignore_index=True)
    _settle_macrophages(labels, compartment, broad_lineages(lineage_map))
    summary = summarise(labels, matched, compartment) | {"n_genes_summed": fold.shape[0] - fold.shape[1]}
    return labels.drop(columns=["plausible_in", "rule"]), summary


def _annotate_chunk(
    counts: sparse.csr_matrix,
    symbols: npt.NDArray[np.object_],
    matched: Sequence[Matched],
    lineage_map: pd.DataFrame,
    weights: MarkerWeights,
) -> pd.DataFrame:
    """Labels of some cells; columns as :func:`annotate`, and ``rule``, ``plausible_in`` for the summary."""
    normalised = log_normalise(counts)
    first = matched[0]
    broad = broad_lineages(lineage_map)
    probability = probabilities(first.model, normalised, first.names)
    chosen, by_lineage, by_broad = choose_lineage(probability, first.mapped)
    evidence = marker_evidence(counts, normalised, symbols, weights, broad)
    rule = np.full(len(chosen), "", object)
    t_like = evidence.t_like & (first.mapped["lineage"].to_numpy()[chosen] == "NK")
    if t_like.any() and (first.mapped["lineage_broad"] == "T").any():
        chosen[t_like] = _best_t(probability[t_like], by_lineage[t_like], first.mapped)
        rule[t_like] = "cd3"

    frame = _columns_of_model(first, probability, chosen, by_lineage, by_broad)
    frame["marker_lineage"] = evidence.lineage
    frame["marker_pdc"] = evidence.pdc
    if "Erythroid" in set(lineage_map["lineage"]):
        red = evidence.erythroid
        frame.loc[red, ["lineage", "display_label"]] = "Erythroid"
        frame.loc[red, "lineage_broad"] = broad["Erythroid"]
        frame.loc[red, "plausible_in"] = "both"
        frame.loc[red, ["probability", "probability_broad"]] = 1.0
        rule[red] = "erythroid"
    frame["rule"] = rule
    frame["marker_agrees"] = (pd.Series(evidence.lineage).map(broad) == frame["lineage_broad"]).to_numpy()
    supported = evidence.supported.reindex(columns=list(by_broad.columns), fill_value=False)
    frame["confidence"] = np.select(
        [frame["probability_broad"] >= MIN_PROBABILITY, _at(supported, frame["lineage_broad"])],
        ["high", "marker"],
        "low",
    )
    low = frame["confidence"] == "low"
    frame.loc[low, ["lineage", "lineage_broad", "display_label"]] = UNASSIGNED
    for other in matched[1:]:
        best = probabilities(other.model, normalised, other.names).argmax(axis=1)
        stem = other.model.name.removesuffix(".pkl")
        frame[f"label:{stem}"] = other.model.labels[best]
        frame[f"lineage:{stem}"] = other.mapped["lineage_broad"].to_numpy(object)[best]
    return frame


def _best_t(
    probability: npt.NDArray[np.float64], by_lineage: pd.DataFrame, mapped: pd.DataFrame
) -> npt.NDArray[np.intp]:
    """Best label among those of T cells, of cells whose transcripts say that they are some."""
    lineage_of = by_lineage.columns.get_indexer(mapped["lineage"])
    is_t = (mapped["lineage_broad"] == "T").to_numpy().astype(int)
    return _best_within(probability, by_lineage.to_numpy(), np.ones(len(probability), int), lineage_of, is_t)


def _columns_of_model(
    matched: Matched,
    probability: npt.NDArray[np.float64],
    chosen: npt.NDArray[np.intp],
    by_lineage: pd.DataFrame,
    by_broad: pd.DataFrame,
) -> pd.DataFrame:
    """What the deciding model says of some cells, given the position of the label chosen for each."""
    mapped, labels = matched.mapped, matched.model.labels
    frame = pd.DataFrame(
        {
            "celltypist_label": labels[probability.argmax(axis=1)],
            "lineage": mapped["lineage"].to_numpy(object)[chosen],
            "lineage_broad": mapped["lineage_broad"].to_numpy(object)[chosen],
            "display_label": labels[chosen].astype(object),
            "plausible_in": mapped["plausible_in"].to_numpy(object)[chosen],
        }
    )
    frame["model_lineage"] = frame["lineage"]
    frame["probability"] = _at(by_lineage, frame["lineage"])
    frame["probability_broad"] = _at(by_broad, frame["lineage_broad"])
    return frame


def _at(table: pd.DataFrame, names: pd.Series) -> npt.NDArray[Any]:
    """Value of each row in the column of its name; names that are no column take the last one."""
    return table.to_numpy()[np.arange(len(table)), table.columns.get_indexer(names)]


def _settle_macrophages(labels: pd.DataFrame, compartment: str, broad: Mapping[str, str]) -> None:
    """Macrophages outside blood, in place.

    Models trained on other tissues have no label for the macrophages of cerebrospinal fluid and spread them over
    monocytes, DC and macrophages of other organs, at times with confidence. Where the markers name Macrophage, a cell
    that the model is unsure of, or calls a monocyte or DC, is one; DC whose own markers weigh more stay DC.
    In cerebrospinal fluid they are shown under their own name; the lineage stays, so that compartments can be compared.
    """
    if "Macrophage" in broad and not BLOOD.search(compartment):
        open_to_markers = (labels["confidence"] != "high") | labels["lineage_broad"].isin(["Mono_Mac", "cDC"])
        named = (labels["marker_lineage"] == "Macrophage") & (labels["lineage"] != "Macrophage")
        macrophage = open_to_markers & named
        labels.loc[macrophage, ["lineage", "display_label"]] = "Macrophage"
        labels.loc[macrophage, "lineage_broad"] = broad["Macrophage"]
        labels.loc[macrophage, "confidence"] = "marker"
        labels.loc[macrophage, "marker_agrees"] = True
        labels.loc[macrophage, "rule"] = "macrophage"
    if CSF.search(compartment):
        labels.loc[labels["lineage"] == "Macrophage", "display_label"] = "CSF macrophage-like"
