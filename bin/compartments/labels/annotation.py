"""Cell types: CellTypist labels summed to lineages, checked by markers, kept unassigned where neither is sure."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from scipy.special import logsumexp, softmax

from compartments.core.matrix import log_normalise, totals
from compartments.core.own_transcripts import red_cells
from compartments.core.vocabulary import UNASSIGNED, kind_of_compartment
from compartments.labels.genes import Matched, fold_repeats, match
from compartments.labels.lineages import STATE, broad_lineages, check_labels
from compartments.labels.markers import (
    KNOWN_BY_MARKERS,
    LOST_BY_CONVERSION,
    Evidence,
    haemoglobin,
    marker_evidence,
    marker_weights,
)
from compartments.labels.model import Model, decision_scores
from compartments.labels.neighbours import Surroundings, borrow_lineages, is_protected, neighbours_prior
from compartments.labels.summary import summarise

CHUNK = 2000
LABELS_THAT_COUNT = 3
NO_LABEL = -5.0  # log odds of a cell that the model has no label for: below them none of its labels is meant
MIN_PROBABILITY = 0.5
NK_NAMES = ("NK", "NK_ILC")  # the latter of a model that has one label for NK cells and ILC
SURE = 0.8  # a broad lineage of so much is not asked for again, unless markers contradict it


def choose_lineage(
    decision: npt.NDArray[np.float64], mapped: pd.DataFrame, prior: npt.NDArray[np.float64] | float = 0.0
) -> tuple[npt.NDArray[np.intp], pd.DataFrame, pd.DataFrame]:
    """Label and lineage of each cell from the decision scores of the labels.

    Parameters
    ----------
    decision : array, shape (cells, labels)
        Log odds of each label, from :func:`model.decision_scores`.
    mapped : DataFrame, one row per label
        From :func:`lineages.map_labels`. Labels without a lineage, which say a state, take no part.
    prior : array, shape (cells, broad lineages + 1), or 0
        Log of what is believed without the model, broad lineages sorted, none last (:mod:`neighbours`).

    Returns
    -------
    label : int array, shape (cells,)
        Position of the chosen label: the best of the best lineage of the best broad lineage.
    by_lineage, by_broad : DataFrame, shape (cells, lineages), (cells, broad lineages)
        Probabilities; those of a broad lineage's lineages sum to its own, all to 1 less that of none (``NO_LABEL``).

    Notes
    -----
    CellTypist's sigmoids saturate: off its reference many labels sit at 1, and a sum of them is won by the lineage that
    has most labels. Log odds do not saturate. A (broad) lineage has the log of the summed odds of its
    ``LABELS_THAT_COUNT`` best labels, so that subtypes which split the vote keep it and further labels add nothing;
    probabilities are the softmax of these, which the labelled sets of the scoreboard show to be nearly calibrated.
    """
    placed = np.flatnonzero(mapped["lineage"].notna())
    decision, mapped = decision[:, placed], mapped.iloc[placed]
    lineages, lineage_of = np.unique(mapped["lineage"].to_numpy(str), return_inverse=True)
    broads, broad_of = np.unique(mapped["lineage_broad"].to_numpy(str), return_inverse=True)
    of_lineage = _log_odds(decision, lineage_of)
    of_broad = np.column_stack([_log_odds(decision, broad_of), np.full(len(decision), NO_LABEL)]) + prior
    parent = broad_of[np.unique(lineage_of, return_index=True)[1]]
    broad = of_broad[:, :-1].argmax(axis=1)
    lineage = np.where(parent == broad[:, None], of_lineage, -np.inf).argmax(axis=1)
    label = np.where(lineage_of == lineage[:, None], decision, -np.inf).argmax(axis=1)
    by_broad, by_lineage = softmax(of_broad, axis=1)[:, :-1], np.empty_like(of_lineage)
    for number in range(len(broads)):
        inside = parent == number
        by_lineage[:, inside] = softmax(of_lineage[:, inside], axis=1) * by_broad[:, [number]]
    return placed[label], pd.DataFrame(by_lineage, columns=lineages), pd.DataFrame(by_broad, columns=broads)


def _log_odds(decision: npt.NDArray[np.float64], group: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """Log of the summed odds of the best labels of each group (numbered from 0), shape (cells, groups)."""
    parts = []
    for number in range(group.max() + 1):
        own = decision[:, group == number]
        if own.shape[1] > LABELS_THAT_COUNT:
            own = np.partition(own, -LABELS_THAT_COUNT, axis=1)[:, -LABELS_THAT_COUNT:]
        parts.append(logsumexp(own, axis=1))
    return np.column_stack(parts)


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
        marker_pdc, probability_broad, model_lineage, display_label``, and ``label:<model>``, ``lineage:<model>``,
        ``lineage_broad:<model>`` for every further model.
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
    means, decisions, of_blood = np.zeros(len(names)), [], []
    for rows in chunks:
        folded = counts[rows] @ fold
        normalised = log_normalise(folded)
        of_blood.append(haemoglobin(folded, names))
        means += totals(normalised, 0)
        decisions.append(decision_scores(matched[0].model, normalised, matched[0].names))
    decision, broad = np.vstack(decisions), broad_lineages(lineage_map)
    weights = marker_weights(names, means / max(1, n_cells), markers)
    red = red_cells(np.concatenate(of_blood), totals(counts))
    evidence, others = [], []
    for rows in chunks:
        folded = counts[rows] @ fold
        normalised = log_normalise(folded)
        evidence.append(marker_evidence(folded, normalised, names, weights, broad, red[rows]))
        others.append(_further_labels(normalised, matched[1:]))
    around = Surroundings(counts)
    labels = _named_cells(decision, matched[0], Evidence.of_all(evidence), broad, around)
    labels = pd.concat([labels, pd.concat(others, ignore_index=True)], axis=1)
    by_markers = KNOWN_BY_MARKERS | (LOST_BY_CONVERSION if matched[0].model.kept < 1 else {})
    _settle_by_markers(labels, compartment, broad, set(matched[0].mapped["lineage_broad"]), by_markers)
    borrow_lineages(labels, around)
    summary = summarise(labels, matched, compartment) | {"n_genes_summed": fold.shape[0] - fold.shape[1]}
    return labels.drop(columns=["plausible_in", "rule", "supported"]), summary


def _named_cells(
    decision: npt.NDArray[np.float64],
    first: Matched,
    evidence: Evidence,
    broad: Mapping[str, str],
    around: Surroundings,
) -> pd.DataFrame:
    """Labels of all cells by the first model; columns as :func:`annotate`, and ``rule, supported, plausible_in``."""
    alone, _, by_broad = choose_lineage(decision, first.mapped)
    guess = first.mapped.iloc[alone].reset_index(drop=True)
    probability = _at(by_broad, guess["lineage_broad"])
    named = (probability >= MIN_PROBABILITY) | (evidence.lineage == guess["lineage"].to_numpy())
    marked = pd.Series(evidence.lineage).map(broad)
    supported = evidence.supported.reindex(columns=list(by_broad.columns), fill_value=False)
    contradicted = marked.notna() & (marked != guess["lineage_broad"]) & ~_at(supported, guess["lineage_broad"])
    states = _with_none(by_broad)
    settled = ((probability >= SURE) & ~contradicted) | (states[:, -1] >= SURE)
    settled |= named & is_protected(guess["lineage"], first.model.labels[decision.argmax(axis=1)])
    vote = by_broad.columns.get_indexer(marked)
    prior = neighbours_prior(np.log(states), settled.to_numpy(), vote, around, first.overlap)
    chosen, by_lineage, by_broad = choose_lineage(decision, first.mapped, prior)
    rule = np.full(len(chosen), "", object)
    t_like = evidence.t_like & first.mapped["lineage"].isin(NK_NAMES).to_numpy()[chosen]
    if t_like.any() and (first.mapped["lineage_broad"] == "T").any():
        chosen[t_like] = _best_t(decision[t_like], by_lineage[t_like], first.mapped)
        rule[t_like] = "cd3"

    frame = _columns_of_model(first, decision, chosen, by_lineage, by_broad)
    asked = (frame["lineage_broad"] != guess["lineage_broad"]) | (probability < MIN_PROBABILITY)
    frame["marker_lineage"] = evidence.lineage
    frame["marker_pdc"] = evidence.pdc
    if "Erythroid" in broad:
        red = evidence.erythroid
        frame.loc[red, ["lineage", "display_label"]] = "Erythroid"
        frame.loc[red, "lineage_broad"] = broad["Erythroid"]
        frame.loc[red, "plausible_in"] = "both"
        frame.loc[red, ["probability", "probability_broad"]] = 1.0
        rule[red] = "erythroid"
        asked &= ~red
    frame["rule"] = rule
    frame["marker_agrees"] = (marked == frame["lineage_broad"]).to_numpy()
    frame["supported"] = _at(supported, frame["lineage_broad"])
    likely = frame["probability_broad"] >= MIN_PROBABILITY
    frame["confidence"] = np.select(
        [likely & ~asked, frame["supported"], frame["probability_broad"] >= SURE],
        ["high", "marker", "neighbours"],
        "low",
    )
    low = frame["confidence"] == "low"
    frame.loc[low, ["lineage", "lineage_broad", "display_label"]] = UNASSIGNED
    return frame


def _with_none(by_broad: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Probabilities of the broad lineages and, last, of none of them."""
    values = by_broad.to_numpy()
    return np.column_stack([values, np.maximum(1 - values.sum(axis=1), 0)]).clip(np.finfo(float).tiny)


def _further_labels(normalised: sparse.csr_matrix, others: Sequence[Matched]) -> pd.DataFrame:
    """Best label and its lineages by every further model."""
    frame = pd.DataFrame(index=range(normalised.shape[0]))
    for other in others:
        decision = decision_scores(other.model, normalised, other.names)
        stem = other.model.name.removesuffix(".pkl")
        frame[f"label:{stem}"] = other.model.labels[decision.argmax(axis=1)]
        decision[:, (other.mapped["plausible_in"] == STATE).to_numpy()] = -np.inf
        best = decision.argmax(axis=1)
        for level in ("lineage", "lineage_broad"):
            frame[f"{level}:{stem}"] = other.mapped[level].to_numpy(object)[best]
    return frame


def _best_t(decision: npt.NDArray[np.float64], by_lineage: pd.DataFrame, mapped: pd.DataFrame) -> npt.NDArray[np.intp]:
    """Best label of the best lineage among T cells, of cells whose transcripts say that they are some."""
    score = by_lineage.to_numpy()[:, by_lineage.columns.get_indexer(mapped["lineage"])]
    score = np.where(mapped["lineage_broad"] == "T", score, -1)
    return np.where(score == score.max(axis=1, keepdims=True), decision, -np.inf).argmax(axis=1)


def _columns_of_model(
    matched: Matched,
    decision: npt.NDArray[np.float64],
    chosen: npt.NDArray[np.intp],
    by_lineage: pd.DataFrame,
    by_broad: pd.DataFrame,
) -> pd.DataFrame:
    """What the deciding model says of some cells, given the position of the label chosen for each."""
    mapped, labels = matched.mapped, matched.model.labels
    frame = pd.DataFrame(
        {
            "celltypist_label": labels[decision.argmax(axis=1)],
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


def _settle_by_markers(
    labels: pd.DataFrame,
    compartment: str,
    broad: Mapping[str, str],
    known: Collection[str],
    by_markers: Mapping[str, Collection[str]],
) -> None:
    """Lineages that models have no label for, or a wrong one, in place: ``by_markers`` (lineage -> broad ones that it
    is taken for), and broad ones that are not among ``known``, those of the model's labels.

    Models trained on other tissues have no label for the macrophages of cerebrospinal fluid and spread them over
    monocytes, DC and macrophages of other organs; neutrophils of blood and the stroma of a tumour become whatever is
    nearest, and so does all that a model of few types lacks. Where the markers name such a lineage, a cell that the
    model is unsure of, whose lineage has no marker on its side, or that got a lineage known to be mistaken for it, has
    it. Macrophages are looked for outside blood only. In cerebrospinal fluid they are shown under their own name; the
    lineage stays, so that compartments can be compared.
    """
    doubtful = (labels["confidence"] != "high") | ~labels["supported"]
    unknown = sorted(name for name in set(labels["marker_lineage"]) - {""} if broad[name] not in known)
    for lineage, mistaken in (dict.fromkeys(unknown, ()) | dict(by_markers)).items():
        if lineage not in broad or (lineage == "Macrophage" and kind_of_compartment(compartment) == "blood"):
            continue
        named = (labels["marker_lineage"] == lineage) & (labels["lineage"] != lineage)
        cells = named & (doubtful | labels["lineage_broad"].isin(mistaken))
        labels.loc[cells, ["lineage", "display_label"]] = lineage
        labels.loc[cells, "lineage_broad"] = broad[lineage]
        labels.loc[cells, "confidence"] = "marker"
        labels.loc[cells, "marker_agrees"] = True
        labels.loc[cells, "rule"] = lineage
    if kind_of_compartment(compartment) == "CSF":
        labels.loc[labels["lineage"] == "Macrophage", "display_label"] = "CSF macrophage-like"
