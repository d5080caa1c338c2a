"""Lineages: the map from the labels of a model to lineages and broad lineages."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from compartments.core.errors import UserError
from compartments.core.sheets import read_sheet


def read_lineage_map(path: str | Path) -> pd.DataFrame:
    """The map from model labels to lineages.

    Returns
    -------
    DataFrame, index ``celltypist_low`` (the label)
        ``celltypist_high, lineage, lineage_broad, plausible_in``: ``both``, ``csf`` (not in blood), ``tissue`` (neither
        in blood nor in cerebrospinal fluid) or ``implausible``.

    Raises
    ------
    UserError
        Missing column, a label twice, or a lineage in two broad lineages, with the row.
    """
    columns = ["celltypist_low", "lineage", "lineage_broad", "plausible_in"]
    table = read_sheet(path, columns)
    for column in columns:
        empty = table[column].isna()
        if empty.any():
            raise UserError(f"{path} row {empty.idxmax()}, column {column}: empty")
    twice = table["celltypist_low"].duplicated()
    if twice.any():
        label = table["celltypist_low"][twice.idxmax()]
        raise UserError(f"{path} row {twice.idxmax()}: label '{label}' is there twice")
    if "celltypist_high" not in table:
        table["celltypist_high"] = ""
    clash = table.groupby("lineage")["lineage_broad"].nunique()
    if (clash > 1).any():
        raise UserError(f"{path}: lineage '{clash.idxmax()}' has {clash.max()} values of lineage_broad; it needs one")
    return table.set_index("celltypist_low")


def broad_lineages(lineage_map: pd.DataFrame) -> dict[str, str]:
    """Dict lineage -> lineage_broad; a broad lineage stands for itself, so that markers may name one."""
    broad = {name: name for name in lineage_map["lineage_broad"]}
    return broad | dict(zip(lineage_map["lineage"], lineage_map["lineage_broad"], strict=True))


def map_labels(labels: Iterable[str], lineage_map: pd.DataFrame) -> pd.DataFrame:
    """Lineage, broad lineage and plausibility of model labels.

    A label is looked up in ``celltypist_low``, else taken as the name of a lineage or broad lineage, else looked up in
    ``celltypist_high`` where all its labels share a lineage (or at least a broad one).

    Returns
    -------
    DataFrame, index ``labels``
        ``lineage, lineage_broad, plausible_in``; missing where a label cannot be placed.
    """
    broad = broad_lineages(lineage_map)
    high = lineage_map.groupby("celltypist_high")
    rows: list[tuple[str | None, str | None, str | None]] = []
    labels = list(labels)
    for label in labels:
        if label in lineage_map.index:
            lineage, lineage_broad, plausible_in = lineage_map.loc[label, ["lineage", "lineage_broad", "plausible_in"]]
            rows.append((lineage, lineage_broad, plausible_in))
        elif label in broad:
            rows.append((label, broad[label], "csf" if label == "Macrophage" else "both"))
        elif label in high.groups:
            group = high.get_group(label)
            lineages, broads = group["lineage"].unique(), group["lineage_broad"].unique()
            lineage = lineages[0] if len(lineages) == 1 else broads[0]
            rows.append((lineage, broads[0], "both") if len(broads) == 1 else (None, None, None))
        else:
            rows.append((None, None, None))
    return pd.DataFrame(rows, index=pd.Index(labels), columns=["lineage", "lineage_broad", "plausible_in"])


def check_labels(name: str, mapped: pd.DataFrame) -> None:
    """Raise :class:`UserError` if the lineage map (``mapped`` of :func:`map_labels`) lacks labels of model ``name``."""
    unplaced = mapped.index[mapped["lineage"].isna()]
    if len(unplaced):
        raise UserError(
            f"model {name}: {len(unplaced)} of its labels are not in the lineage map (first: "
            f"'{unplaced[0]}'); add rows with these labels to a copy of the map and give it with --lineage_map"
        )
