"""Lineages: the map from the labels of a model to lineages and broad lineages."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from compartments.core.errors import UserError
from compartments.core.sheets import read_sheet
from compartments.core.vocabulary import POOLS, UNKNOWN

PLAUSIBLE = ("both", "csf", "tissue", "implausible", "state")  # where cells of a label can be
STATE = "state"  # in column plausible_in: the label says what a cell does, as Cycling cells, and has no lineage


def read_lineage_map(path: str | Path) -> pd.DataFrame:
    """The map from model labels to lineages.

    Returns
    -------
    DataFrame, index ``celltypist_low`` (the label)
        ``celltypist_high, lineage, lineage_broad, plausible_in``: ``both``, ``csf`` (not in blood), ``tissue`` (neither
        in blood nor in cerebrospinal fluid), ``implausible``, or ``state``: then there is no lineage.

    Raises
    ------
    UserError
        Missing column, another word in ``plausible_in``, a label twice, or a lineage in two broad lineages; with the
        row.
    """
    columns = ["celltypist_low", "lineage", "lineage_broad", "plausible_in"]
    table = read_sheet(path, columns)
    for column in columns:
        empty = table[column].isna() & ((table["plausible_in"] != STATE) | (column == "celltypist_low"))
        if empty.any():
            raise UserError(f"{path} row {empty.idxmax()}, column {column}: empty")
    wrong = ~table["plausible_in"].isin(PLAUSIBLE)
    if wrong.any():
        value = table["plausible_in"][wrong.idxmax()]
        raise UserError(
            f"{path} row {wrong.idxmax()}, column plausible_in: '{value}' is not one of {', '.join(PLAUSIBLE)}"
        )
    twice = table["celltypist_low"].duplicated()
    if twice.any():
        label = table["celltypist_low"][twice.idxmax()]
        raise UserError(f"{path} row {twice.idxmax()}: label '{label}' is there twice")
    if "celltypist_high" not in table:
        table["celltypist_high"] = ""
    table.loc[table["plausible_in"] == STATE, ["lineage", "lineage_broad"]] = None
    clash = table.groupby("lineage")["lineage_broad"].nunique()
    if (clash > 1).any():
        raise UserError(f"{path}: lineage '{clash.idxmax()}' has {clash.max()} values of lineage_broad; it needs one")
    _check_lineages(path, table)
    return table.set_index("celltypist_low")


def _check_lineages(path: str | Path, table: pd.DataFrame) -> None:
    """Raise :class:`UserError` for a lineage that is a word for none, or another but for upper and lower case: files
    and folders are named by lineages."""
    seen: dict[str, str] = {}
    for column in ("lineage", "lineage_broad"):
        for row, name in table[column].dropna().items():
            if name.lower() in (*POOLS, *UNKNOWN):
                raise UserError(
                    f"{path} row {row}, column {column}: '{name}' is a word for no lineage; give another name"
                )
            if (other := seen.setdefault(name.lower(), name)) != name:
                raise UserError(
                    f"{path} row {row}, column {column}: '{name}' is '{other}' of another row but for upper and lower "
                    "case; write both alike, or give one another name"
                )


def broad_lineages(lineage_map: pd.DataFrame) -> dict[str, str]:
    """Dict lineage -> lineage_broad; a broad lineage stands for itself, so that markers may name one."""
    placed = lineage_map.dropna(subset="lineage")
    broad = {name: name for name in placed["lineage_broad"]}
    return broad | dict(zip(placed["lineage"], placed["lineage_broad"], strict=True))


def states(lineage_map: pd.DataFrame) -> set[str]:
    """Labels that say what a cell does, and no lineage."""
    return {str(label) for label in lineage_map.index[lineage_map["plausible_in"] == STATE]}


def double_meanings(lineage_map: pd.DataFrame) -> dict[str, set[str]]:
    """Labels that name cells of one lineage, and in ``celltypist_high`` all cells of a kind with several, as ILC does
    with NK cells among them; to the other labels and lineages of the kind, beside which they mean the former."""
    known = {*lineage_map.index, *broad_lineages(lineage_map)}
    return {
        name: {*kind.index, *kind["lineage"]} - {name}
        for name, kind in lineage_map.groupby("celltypist_high")
        if name in known and kind["lineage_broad"].nunique() == 1 and kind["lineage"].nunique() > 1
    }


def map_labels(labels: Iterable[str], lineage_map: pd.DataFrame) -> pd.DataFrame:
    """Lineage, broad lineage and plausibility of model labels.

    A label is looked up in ``celltypist_low``, else taken as the name of a lineage or broad lineage, else looked up in
    ``celltypist_high`` where all its labels share a lineage (or at least a broad one). One that is both, as ILC
    (:func:`double_meanings`), means all of the latter if ``labels`` has none of the others that are of this kind: then
    NK cells are called so, too. So ``labels`` are all that a model or a study has, not those of one sample.

    Returns
    -------
    DataFrame, index ``labels``
        ``lineage, lineage_broad, plausible_in``; missing where a label cannot be placed, the first two for a ``state``.
    """
    broad, double = broad_lineages(lineage_map), double_meanings(lineage_map)
    high = {name: own for name, own in lineage_map.groupby("celltypist_high") if name}
    labels = list(labels)
    rows: list[tuple[str | None, str | None, str | None]] = []
    for label in labels:
        kinds = high.get(label, lineage_map[:0])
        one_broad, alike = kinds["lineage_broad"].nunique() == 1, kinds["lineage"].nunique() == 1
        known = label in lineage_map.index or label in broad
        if one_broad and (not known or (label in double and double[label].isdisjoint(labels))):
            lineage, lineage_broad = kinds.iloc[0][["lineage", "lineage_broad"]]
            rows.append((lineage if alike else lineage_broad, lineage_broad, "both"))
        elif label in lineage_map.index:
            lineage, lineage_broad, plausible_in = lineage_map.loc[label, ["lineage", "lineage_broad", "plausible_in"]]
            rows.append((lineage, lineage_broad, plausible_in))
        elif label in broad:
            rows.append((label, broad[label], "csf" if label == "Macrophage" else "both"))
        else:
            rows.append((None, None, None))
    return pd.DataFrame(rows, index=pd.Index(labels), columns=["lineage", "lineage_broad", "plausible_in"])


def unplaced_labels(mapped: pd.DataFrame) -> list[str]:
    """Labels that the lineage map lacks, of ``mapped`` of :func:`map_labels`; states need no lineage."""
    return list(mapped.index[mapped["lineage"].isna() & (mapped["plausible_in"] != STATE)])


def check_labels(name: str, mapped: pd.DataFrame) -> None:
    """Raise :class:`UserError` if the lineage map (``mapped`` of :func:`map_labels`) lacks labels of model ``name``, or
    has a lineage for none of them."""
    unplaced = unplaced_labels(mapped)
    if not unplaced and mapped["lineage"].isna().all():
        raise UserError(f"model {name}: all its labels are states by the lineage map; one of them needs a lineage")
    if unplaced:
        raise UserError(
            f"model {name}: {len(unplaced)} of its labels are not in the lineage map (first: "
            f"'{unplaced[0]}'); add rows with these labels to a copy of the map and give it with --lineage_map"
        )
