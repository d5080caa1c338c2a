"""Does the model know the tissue of a sample? Judged by what it was trained on, before anything is compared."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from compartments.core.files import read_json
from compartments.core.matrix import log_normalise, totals
from compartments.core.vocabulary import UNASSIGNED
from compartments.labels.catalogue import suggestion
from compartments.labels.genes import choose_gene_names
from compartments.labels.lineages import broad_lineages, map_labels
from compartments.labels.model import Model
from compartments.labels.summary import CELLS_TO_JUDGE

# Blood, cerebrospinal fluid and purified lineages are .2 to .54 from CellTypist's three immune models, a tumour .68 and
# more, tumour epithelium and stroma 1.2 and more (docs/how/methods.md).
TOO_FAR = 0.6
CHUNK = 2000
MANY_STRANGERS = 0.2
MANY_UNASSIGNED = 0.3
FEW_AGREE = 0.5
COMPARABLE_OVERLAP = 0.5  # with fewer of the genes the sums that expression is relative to are not the model's
NON_IMMUNE = "NonImmune"


def reference_distance(
    counts: sparse.csr_matrix, symbols: Sequence[str], gene_ids: Sequence[str], model: Model
) -> float | None:
    """How far the mean cell of a sample is from the mean cell that the model was trained on.

    Parameters
    ----------
    counts : CSR matrix, shape (cells, genes), integer
    symbols, gene_ids : sequences of str, shape (genes,)
    model : Model
        Its scaler has the mean and the standard deviation of each gene over the cells of its reference.

    Returns
    -------
    float or None
        Root mean square over the shared genes of the difference in standard deviations of the reference, less what a
        mean over so few cells is off by chance; None of few cells, too few genes of the model, or one of another
        species.
    """
    n_cells = counts.shape[0]
    names, overlap = choose_gene_names(symbols, gene_ids, model, 0.0, "counts")
    if model.kept < 1 or overlap < COMPARABLE_OVERLAP or n_cells < CELLS_TO_JUDGE:
        return None
    column = {gene: i for i, gene in enumerate(model.genes)}
    shared = np.array([i for i, name in enumerate(names) if name in column], int)
    feature = np.array([column[names[i]] for i in shared], int)
    sums, squares = np.zeros(len(shared)), np.zeros(len(shared))
    for start in range(0, n_cells, CHUNK):
        values = log_normalise(counts[start : start + CHUNK])[:, shared]
        sums += totals(values, 0)
        squares += totals(values.power(2), 0)
    means = sums / n_cells
    noise = (squares / n_cells - means**2) / (n_cells - 1)
    z2 = ((means - model.mean[feature]) ** 2 - noise) / model.scale[feature] ** 2
    return round(float(np.sqrt(max(z2.mean(), 0))), 4)


def judge_fit(
    labels: pd.DataFrame,
    summary: Mapping[str, Any],
    distance: float | None,
    model: Model,
    lineage_map: pd.DataFrame,
    catalogue: pd.DataFrame,
    compartment: str,
) -> dict[str, object]:
    """Whether a sample is of a tissue that the model knows.

    Parameters
    ----------
    labels, summary
        From :func:`annotation.annotate`.
    distance : float or None
        From :func:`reference_distance`.
    model : Model
    lineage_map : DataFrame
    catalogue : DataFrame
        From :func:`catalogue.read_catalogue`.
    compartment : str

    Returns
    -------
    dict
        ``model_distance``, ``n_unknown_to_model`` (cells whose markers name what the model has no label for),
        ``model_fit`` (``yes``, ``doubtful``, or None of few cells) and ``model_doubt`` (the reasons, with models that
        would fit; empty if there are none).
    """
    strange = _strangers(labels["marker_lineage"], model, lineage_map, catalogue)
    numbers: dict[str, object] = {"model_distance": distance, "n_unknown_to_model": len(strange)}
    if len(labels) < CELLS_TO_JUDGE:
        return numbers | {"model_fit": None, "model_doubt": ""}
    n_open = int((labels["lineage"] == UNASSIGNED).sum())
    most = ", ".join(f"{name} {n}" for name, n in strange.value_counts().head(3).items())
    agreement, named = summary["marker_agreement"], summary["n_marker_named"]
    signs = {
        f"its mean cell is {distance or 0:.2f} SD from the model's reference (up to {TOO_FAR:g} is usual)": (
            distance is not None and distance > TOO_FAR
        ),
        f"{len(strange)} of {len(labels)} cells have markers of what the model does not know ({most})": (
            len(strange) > MANY_STRANGERS * len(labels)
        ),
        f"{n_open} of {len(labels)} cells are unassigned": n_open > MANY_UNASSIGNED * len(labels),
        f"markers agree with {agreement or 0:.0%} of the {named} labels that they speak of": (
            named >= CELLS_TO_JUDGE and agreement < FEW_AGREE
        ),
    }
    reasons = [reason for reason, holds in signs.items() if holds]
    if not reasons:
        return numbers | {"model_fit": "yes", "model_doubt": ""}
    fits = suggestion(catalogue, compartment, model.name.removesuffix(".pkl"))
    doubt = f"{model.name} may not know this tissue: {'; '.join(reasons)}; {fits}"
    return numbers | {"model_fit": "doubtful", "model_doubt": doubt}


def doubts_of(paths: Iterable[str | Path]) -> dict[str, str]:
    """Sample -> why its model may not fit, of ``<s>.labels.json`` files; only those that have a reason."""
    summaries = [read_json(path) for path in paths]
    return {one["sample"]: one["model_doubt"] for one in summaries if one.get("model_doubt")}


def _strangers(named: pd.Series, model: Model, lineage_map: pd.DataFrame, catalogue: pd.DataFrame) -> "pd.Series[str]":
    """What markers name, of the cells for which that is no lineage of the model; an immune model knows no tissue."""
    mapped = map_labels(model.labels, lineage_map)
    broad = broad_lineages(lineage_map)
    known = set(mapped["lineage_broad"].dropna())
    name = model.name.removesuffix(".pkl")
    if name in catalogue.index and catalogue.at[name, "other"] in ("few", "no"):
        known -= {NON_IMMUNE}
    of_cells = named[named != ""]
    return of_cells[~of_cells.map(broad).isin(known)]
