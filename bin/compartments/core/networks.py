"""Networks of regulators and their targets, and gene sets as networks in which every gene weighs the same."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from compartments.core.errors import UserError
from compartments.core.sheets import read_sheet
from compartments.core.species import HUMAN, called_in

COLUMNS = ["source", "target", "weight"]
PATHWAY, REGULATOR = "pathway", "regulator"
SIDES = {"LIGANDS_OF_PAIRS": "ligand", "RECEPTORS_OF_PAIRS": "receptor"}


def read_network(path: str | Path) -> pd.DataFrame:
    """Read a network: a table with columns ``source, target, weight``; a positive weight means activation.

    Returns
    -------
    DataFrame
        ``source, target`` as text, ``weight`` as number, in the order of the file.

    Raises
    ------
    UserError
        As :func:`compartments.core.sheets.read_sheet`; no row, a weight that is no number other than zero, a pair that
        is there twice.
    """
    path = Path(path)
    table = read_sheet(path, COLUMNS)
    table = table[COLUMNS].dropna()
    if table.empty:
        raise UserError(f"{path} has no row with all of {', '.join(COLUMNS)}")
    weight = pd.to_numeric(table["weight"], errors="coerce").astype(float)
    wrong = table[~np.isfinite(weight) | (weight == 0)]
    if len(wrong):
        source, target, text = wrong.iloc[0]
        place = f"{path} row {wrong.index[0]}"
        raise UserError(f"{place}: the weight of {source} on {target} is '{text}'; give a number other than 0")
    twice = table[table.duplicated(["source", "target"])]
    if len(twice):
        source, target, _ = twice.iloc[0]
        raise UserError(f"{path} row {twice.index[0]}: {source} and {target} are there twice; leave one row")
    return table.assign(weight=weight).reset_index(drop=True)


def merge_networks(paths: Iterable[str | Path], species: str = HUMAN) -> pd.DataFrame:
    """Networks of several files as one of :data:`REGULATOR` s, human genes named as in ``species``.

    Returns
    -------
    DataFrame
        ``kind, source, target, weight``; a human gene's several counterparts weigh what it does.

    Raises
    ------
    UserError
        As :func:`read_network`; a source in two files.
    """
    tables: dict[str | Path, pd.DataFrame] = {}
    for path in paths:
        table = read_network(path)
        for other, known in tables.items():
            if both := sorted(set(known["source"]) & set(table["source"])):
                raise UserError(f"source '{both[0]}' is in {other} and in {path}; rename one")
        tables[path] = table
    if not tables:
        return pd.DataFrame(columns=["kind", *COLUMNS])
    merged = pd.concat(tables.values(), ignore_index=True)
    names = {gene: called_in(species, [gene]) for gene in merged["target"].unique()}
    merged = merged.assign(target=merged["target"].map(names)).explode("target").dropna()
    merged = merged.drop_duplicates(["source", "target"], ignore_index=True)
    return merged.assign(kind=REGULATOR)[["kind", *COLUMNS]]


def network_of_sets(sets: Mapping[str, list[str]]) -> pd.DataFrame:
    """Gene sets as a network of :data:`PATHWAY` s, every weight 1; columns as of :func:`merge_networks`."""
    rows = [(PATHWAY, name, gene, 1.0) for name, genes in sets.items() for gene in genes]
    return pd.DataFrame(rows, columns=["kind", *COLUMNS])


def sides_of(resource: pd.DataFrame) -> dict[str, list[str]]:
    """Genes of the ligands and of the receptors of :func:`compartments.core.pairs.read_resource`, a set each."""
    return {
        name: sorted({gene for entity in resource[column] for gene in entity.split("_")})
        for name, column in SIDES.items()
    }
