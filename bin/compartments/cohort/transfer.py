"""Do labels mean the same in two compartments? Learned in one, predicted in the other, and compared by centroids."""

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.core.vocabulary import UNASSIGNED

if TYPE_CHECKING:
    from anndata import AnnData

Text = npt.NDArray[np.str_]
Flags = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.intp]

MIN_CELLS = 20
MOST_CELLS = 500  # per lineage, to learn from: the cost of learning does not grow with the cohort
LOW_F1 = 0.6
COLUMNS = ["from_compartment", "to_compartment", "lineage", "n_from", "n_to", "f1", "precision", "recall"]
COLUMNS += ["predicted_instead", "centroid_correlation", "remark"]


def transfer_in(cohort: "AnnData", reference: str, seed: int = 0) -> pd.DataFrame:
    """:func:`transfer_table` of all cells, on the variable genes by which they were embedded."""
    compartment = cohort.obs["compartment"].astype(str).to_numpy()
    names = [reference, *sorted(set(compartment) - {reference})]
    return transfer_table(cast(Any, cohort.X), cohort.obs["lineage"].astype(str).to_numpy(), compartment, names, seed)


def transfer_table(
    expression: sparse.csr_matrix, lineage: Text, compartment: Text, compartments: Sequence[str], seed: int = 0
) -> pd.DataFrame:
    """F1 of each lineage when its label is learned in one compartment and predicted in another.

    Parameters
    ----------
    expression : CSR matrix, shape (cells, genes)
        log1p-normalised, variable genes only.
    lineage, compartment : arrays of str, shape (cells,)
    compartments : list of str
        The reference first; it is compared with each other one, both ways.
    seed : int

    Returns
    -------
    DataFrame
        ``COLUMNS``: one row per direction and lineage with ``MIN_CELLS`` cells in both compartments; ``remark`` where
        F1 is below ``LOW_F1``. No row where fewer than two lineages qualify.

    Notes
    -----
    Logistic regression by stochastic gradient descent, as CellTypist trains, on the lineages that both have. Unlike a
    marker, it need not agree with the labels: they come from a model that has seen neither compartment. Centroids are
    mean expressions minus the mean over the shared lineages of their compartment, so that they differ in what tells
    lineages apart; their correlation is Pearson's over genes.
    """
    rng = np.random.default_rng(seed)
    rows: list[dict[str, object]] = []
    for other in compartments[1:]:
        pair = (compartments[0], other)
        cells = {name: compartment == name for name in pair}
        numbers = pd.DataFrame({name: pd.Series(lineage[rows]).value_counts() for name, rows in cells.items()})
        shared = sorted(set(numbers.index[(numbers >= MIN_CELLS).all(axis=1)]) - {UNASSIGNED})
        if len(shared) < 2:
            continue
        likeness = _centroid_likeness(expression, lineage, cells, shared)
        of_shared = pd.Index(lineage).isin(shared)
        for source, target in (pair, pair[::-1]):
            known, asked = (np.flatnonzero(cells[part] & of_shared) for part in (source, target))
            called = _predict(expression, lineage, _thin(known, lineage, rng), asked, seed)
            truth = lineage[asked]
            rows += [_row(source, target, name, truth, called, numbers, likeness[name]) for name in shared]
    return pd.DataFrame(rows, columns=COLUMNS)


def _thin(known: Positions, lineage: Text, rng: np.random.Generator) -> Positions:
    """At most ``MOST_CELLS`` cells of each lineage."""
    parts = [known[lineage[known] == name] for name in np.unique(lineage[known])]
    return np.sort(np.concatenate([rng.permutation(part)[:MOST_CELLS] for part in parts]))


def _predict(expression: sparse.csr_matrix, lineage: Text, known: Positions, asked: Positions, seed: int) -> Text:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import SGDClassifier

    values = expression[known].astype(float)
    # genes on one scale without centring, which would make the matrix dense
    mean = np.asarray(values.mean(axis=0)).ravel()
    spread = np.sqrt(np.maximum(np.asarray(values.multiply(values).mean(axis=0)).ravel() - mean**2, 0))
    scale = sparse.diags_array(np.divide(1, spread, out=np.zeros_like(spread), where=spread > 0))
    model = SGDClassifier(loss="log_loss", alpha=0.05, max_iter=100, class_weight="balanced", random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(values @ scale, lineage[known])
    return model.predict(expression[asked].astype(float) @ scale)


def _centroid_likeness(
    expression: sparse.csr_matrix, lineage: Text, cells: Mapping[str, Flags], shared: Sequence[str]
) -> dict[str, float]:
    centroids = []
    for rows in cells.values():
        means = [
            np.asarray(expression[np.flatnonzero(rows & (lineage == name))].mean(axis=0)).ravel() for name in shared
        ]
        centroids.append(np.array(means) - np.mean(means, axis=0))
    return {name: float(np.corrcoef(a, b)[0, 1]) for name, a, b in zip(shared, *centroids, strict=True)}


def _row(
    source: str, target: str, name: str, truth: Text, called: Text, numbers: pd.DataFrame, likeness: float
) -> dict[str, object]:
    labelled, named = truth == name, called == name
    hits = (labelled & named).sum()
    f1 = 2 * hits / (labelled.sum() + named.sum())
    elsewhere = pd.Series(called[labelled & ~named]).value_counts()
    shares = elsewhere / labelled.sum()
    words = "; ".join(f"{other} {share:.0%}" for other, share in shares.items() if share >= 0.05)
    remark = ""
    if f1 < LOW_F1:
        remark = f"labels of {name} differ between {source} and {target}: compare their markers before their numbers"
    return {
        "from_compartment": source,
        "to_compartment": target,
        "lineage": name,
        "n_from": int(numbers.loc[name, source]),
        "n_to": int(numbers.loc[name, target]),
        "f1": float(f1),
        "precision": float(hits / named.sum()) if named.any() else np.nan,
        "recall": float(hits / labelled.sum()),
        "predicted_instead": words,
        "centroid_correlation": likeness,
        "remark": remark,
    }
