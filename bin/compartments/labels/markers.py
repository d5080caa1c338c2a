"""Markers: what the expression of a few known genes says of a cell, without a model."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.core.errors import UserError
from compartments.core.matrix import totals
from compartments.core.sheets import read_sheet
from compartments.core.species import HUMAN, MOUSE, called_in, known_as
from compartments.core.vocabulary import ADULT_HAEMOGLOBIN
from compartments.labels.lineages import broad_lineages

N_CONTROLS = 25
MIN_MARKERS = 2
CD3_GENES = ["CD3D", "CD3E", "CD3G"]
NK_GENES = ["FCER1G", "TYROBP", "KLRF1"]
PDC_GENES = ["LILRA4", "CLEC4C"]
# hardly any other cell has both; TCF4, SERPINF1 and ITM2C are as common in fibroblasts and endothelium
PDC_PAIR = ["IL3RA", "PLD4"]
# lineages that models trained on blood or on other organs miss, with the broad lineages that they take them for;
# cDC1 become migratory DC, with which they share most of their programme but not CLEC9A and XCR1
KNOWN_BY_MARKERS = {
    "Macrophage": ("Mono_Mac", "cDC"),
    "Granulocyte": ("Mono_Mac", "cDC"),
    "Mast_Baso": ("Granulocyte",),
    "cDC1": ("cDC",),
    "Epithelial": ("NonImmune",),
    "Endothelial": ("NonImmune",),
    "Fibroblast": ("NonImmune",),
    "Smooth_muscle": ("NonImmune",),
}

# the same of models that are converted to another species: LILRA4, CLEC4C and IL3RA have no single counterpart in mice
LOST_BY_CONVERSION = {"pDC": ("Plasma", "cDC")}


class MarkerWeights(NamedTuple):
    """What turns expression into marker scores.

    Attributes
    ----------
    lineages : list of str
        Those with at least ``MIN_MARKERS`` positive markers among the genes.
    weight : CSC matrix, shape (genes, lineages)
        ``1/m`` at each of m markers, minus the average of ``N_CONTROLS`` control genes of nearest mean per marker.
    positive, negative : CSC bool matrices, shape (genes, lineages)
    """

    lineages: list[str]
    weight: sparse.csc_matrix
    positive: sparse.csc_matrix
    negative: sparse.csc_matrix


@dataclass(frozen=True)
class Evidence:
    """What the markers alone say about some cells; all of shape (cells,) but ``supported``.

    Attributes
    ----------
    lineage : object array
        Empty where no lineage is named.
    supported : bool DataFrame, shape (cells, broad lineages)
        Whether a lineage of the broad one can be named.
    pdc : bool array
    t_like : bool array
        More CD3 than NK transcripts.
    erythroid : bool array
        By haemoglobin: :func:`~compartments.core.own_transcripts.red_cells`.
    """

    lineage: npt.NDArray[np.object_]
    supported: pd.DataFrame
    pdc: npt.NDArray[np.bool_]
    t_like: npt.NDArray[np.bool_]
    erythroid: npt.NDArray[np.bool_]

    @classmethod
    def of_all(cls, parts: Sequence["Evidence"]) -> "Evidence":
        """Evidence of all cells from that of some at a time."""
        return cls(
            np.concatenate([part.lineage for part in parts]),
            pd.concat([part.supported for part in parts], ignore_index=True),
            *(np.concatenate([getattr(part, name) for part in parts]) for name in ("pdc", "t_like", "erythroid")),
        )


def read_markers(path: str | Path, lineage_map: pd.DataFrame, species: str = HUMAN) -> pd.DataFrame:
    """Marker table: columns ``lineage, gene, sign`` (``+`` or ``-``); lineages must be in the map.

    Human genes are as ``species`` calls them; one of several counterparts has a row for each.

    Raises
    ------
    UserError
        No row, another lineage or sign, an empty gene, a gene for and against one lineage; with the row.
    """
    table = read_sheet(path, ["lineage", "gene", "sign"])
    if table.empty:
        raise UserError(f"{path} has no row below its header; give the markers of each lineage")
    known_values: dict[str, Collection[str]] = {"sign": {"+", "-"}, "lineage": broad_lineages(lineage_map)}
    for column, known in known_values.items():
        wrong = ~table[column].isin(known)
        if wrong.any():
            value = table[column][wrong.idxmax()]
            raise UserError(
                f"{path} row {wrong.idxmax()}, column {column}: '{value}' is not one of {', '.join(sorted(known))}"
            )
    if table["gene"].isna().any():
        raise UserError(f"{path} row {table['gene'].isna().idxmax()}, column gene: empty; name the marker")
    table = table.drop_duplicates(["lineage", "gene", "sign"])  # one marker, once
    both = table.duplicated(["lineage", "gene"])
    if both.any():
        lineage, gene = table.loc[both.idxmax(), ["lineage", "gene"]]
        raise UserError(
            f"{path} row {both.idxmax()}, column sign: '{gene}' is for and against '{lineage}'; remove one of the rows"
        )
    if species != MOUSE:
        return table
    table["gene"] = [called_in(species, [gene]) for gene in table["gene"]]
    return table.explode("gene", ignore_index=True).dropna(subset="gene").drop_duplicates(ignore_index=True)


def marker_weights(
    genes: npt.NDArray[np.object_], means: npt.NDArray[np.float64], markers: pd.DataFrame
) -> MarkerWeights:
    """Weights that turn normalised expression into marker scores.

    Parameters
    ----------
    genes : array of str, shape (genes,)
    means : array, shape (genes,)
        Mean normalised expression over the sample's cells.
    markers : DataFrame
        From :func:`read_markers`.

    Notes
    -----
    Mean of markers minus matched controls, Tirosh et al. (2016) Science 352:189; controls are the nearest ranks in mean
    expression instead of a random draw from a bin, so no seed is needed.
    """
    index = pd.Index(genes)
    here = markers[markers["gene"].isin(index)]
    positive = here[here["sign"] == "+"].groupby("lineage", sort=False)["gene"].agg(list)
    positive = positive[positive.str.len() >= MIN_MARKERS]
    negative = here[here["sign"] == "-"].groupby("lineage")["gene"].agg(list)
    order = np.argsort(means, kind="stable")
    rank = np.empty(len(order), int)
    rank[order] = np.arange(len(order))
    free = order[~index.isin(markers["gene"])[order]]
    rank_free = rank[free]
    weights = np.zeros((len(genes), len(positive)))
    signs = {"+": np.zeros(weights.shape, bool), "-": np.zeros(weights.shape, bool)}
    for column, (lineage, names) in enumerate(positive.items()):
        positions = index.get_indexer(names)
        for gene in positions:
            middle = np.searchsorted(rank_free, rank[gene])
            start = max(0, min(middle - N_CONTROLS // 2, len(free) - N_CONTROLS))
            controls = free[start : start + N_CONTROLS]
            weights[gene, column] += 1 / len(positions)
            weights[controls, column] -= 1 / len(positions) / max(1, len(controls))
        signs["+"][positions, column] = True
        signs["-"][index.get_indexer(negative.get(lineage, [])), column] = True
    return MarkerWeights(list(positive.index), sparse.csc_matrix(weights), *(sparse.csc_matrix(signs[s]) for s in "+-"))


def marker_evidence(
    counts: sparse.csr_matrix,
    normalised: sparse.csr_matrix,
    symbols: npt.NDArray[np.object_],
    weights: MarkerWeights,
    broad: Mapping[str, str],
    erythroid: npt.NDArray[np.bool_],
) -> Evidence:
    """What the markers alone say about some cells.

    Parameters
    ----------
    counts, normalised : CSR matrices, shape (cells, genes)
    symbols : array of str, shape (genes,)
    weights : MarkerWeights
    broad : dict
        Of :func:`lineages.broad_lineages`.
    erythroid : bool array, shape (cells,)
        As of :class:`Evidence`.

    Notes
    -----
    A lineage can be named if at least two of its markers are seen, its score is above that of matched controls, and its
    positive markers have more transcripts than its negative ones; the best score names it. T and NK share NKG7, GNLY,
    KLRD1 and sterile CD3E transcripts, so between them CD3D/E/G are counted against FCER1G, TYROBP and KLRF1. A pDC has
    LILRA4 or CLEC4C, or both IL3RA and PLD4.
    """
    lineages, weight, positive, negative = weights
    if not lineages:
        score = np.full((counts.shape[0], 1), -np.inf)
        lineages, broad = [""], {"": ""}
    else:
        score = np.asarray((normalised @ weight).todense())
        seen = np.asarray(((counts > 0).astype(np.int32) @ positive.astype(np.int32)).todense())
        supporting = np.asarray((counts @ positive.astype(np.int32)).todense())
        against = np.asarray((counts @ negative.astype(np.int32)).todense())
        score *= seen / totals(positive, 0)
        score = np.where((seen >= MIN_MARKERS) & (score > 0) & (supporting > against), score, -np.inf)
    cd3, nk = _total(counts, symbols, CD3_GENES), _total(counts, symbols, NK_GENES)
    t_like = (cd3 >= MIN_MARKERS) & (cd3 >= nk)
    of_t = np.array([broad.get(name) == "T" for name in lineages])
    of_nk = np.array([name == "NK" for name in lineages])
    score[np.ix_(t_like, of_nk)] = -np.inf
    score[np.ix_((nk > cd3) & (score[:, of_nk] > -np.inf).any(axis=1), of_t)] = -np.inf
    of_pdc, of_plasma = (np.array([name == lineage for name in lineages]) for lineage in ("pDC", "Plasma"))
    pair = np.column_stack([_total(counts, symbols, [gene]) > 0 for gene in PDC_PAIR]).all(axis=1)
    proper = (_total(counts, symbols, PDC_GENES) > 0) | pair
    score[np.ix_(~proper, of_pdc)] = -np.inf
    # pDC make as much MZB1 and JCHAIN as plasma cells, neutrophils as much S100A8 and S100A9 as monocytes
    of_granulocyte, of_mono = (np.array([name == lineage for name in lineages]) for lineage in ("Granulocyte", "cMono"))
    for proper_name, look_alike in ((of_pdc, of_plasma), (of_granulocyte, of_mono)):
        score[np.ix_((score[:, proper_name] > -np.inf).any(axis=1), look_alike)] = -np.inf
    # haemoglobin is what red cells leave in every droplet: a few transcripts name no lineage
    score[np.ix_(~erythroid, np.array([name == "Erythroid" for name in lineages]))] = -np.inf
    members = {name: [broad[one] == name for one in lineages] for name in sorted({broad[one] for one in lineages})}
    supported = pd.DataFrame({name: (score[:, columns] > -np.inf).any(axis=1) for name, columns in members.items()})
    best = score.argmax(axis=1)
    named = np.where(score.max(axis=1) > -np.inf, np.asarray(lineages, object)[best], "")
    return Evidence(named, supported, named == "pDC", t_like, erythroid)


def haemoglobin(counts: sparse.csr_matrix, symbols: npt.NDArray[np.object_]) -> npt.NDArray[np.int64]:
    """UMIs of haemoglobin of each cell."""
    return _total(counts, symbols, ADULT_HAEMOGLOBIN)


def _total(counts: sparse.csr_matrix, symbols: npt.NDArray[np.object_], genes: Sequence[str]) -> npt.NDArray[np.int64]:
    """UMIs of some genes per cell (genes that are absent count as 0)."""
    index = pd.Index(symbols)
    return totals(counts[:, np.flatnonzero(index.isin(known_as(genes, index)))])
