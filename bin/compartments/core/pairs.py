"""Ligand-receptor pairs: LIANA's resources, a user's table, named groups of pairs."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.core.errors import UserError
from compartments.core.sheets import read_sheet
from compartments.core.species import HUMAN, MOUSE, called_in, of_mice, one_to_one


def read_resource(name: str, species: str = HUMAN) -> pd.DataFrame:
    """Ligand-receptor pairs: a resource packaged with LIANA, or a user's table.

    Parameters
    ----------
    name : str
        Name of a LIANA resource (``consensus``, ``cellphonedb`` ...), or a TSV or CSV file with columns ``ligand`` and
        ``receptor``, gene symbols, subunits of complexes joined by ``_``.
    species : str
        Of the counts. Of mice ``consensus`` is LIANA's ``mouseconsensus``; other tables of human genes go by single
        counterparts, without the pairs that have none.

    Returns
    -------
    DataFrame
        ``ligand, receptor``, without duplicates, in the order of the source.

    Raises
    ------
    UserError
        No such resource or file, missing columns, no pair.
    """
    path = Path(name)
    if path.suffix.lower() in (".tsv", ".csv", ".txt") or path.exists():
        return _of_species(_choose(_read_table(path), ["ligand", "receptor"], path), species)
    packaged = _packaged()
    table = pd.read_csv(packaged, usecols=["source_genesymbol", "target_genesymbol", "resource"])
    known = sorted(table["resource"].unique())
    name = "mouseconsensus" if species == MOUSE and name.lower() == "consensus" else name
    if name.lower() not in known:
        close = difflib.get_close_matches(name.lower(), known, 1, 0.5)
        hint = f"did you mean '{close[0]}'?" if close else f"it is one of {', '.join(known)}, or a .tsv file"
        raise UserError(f"--lr_resource '{name}' is no resource of LIANA and no file; {hint}")
    table = table.loc[table["resource"] == name.lower(), ["source_genesymbol", "target_genesymbol"]]
    table = table.set_axis(["ligand", "receptor"], axis=1).dropna()
    return _of_species(table, HUMAN if name.lower().startswith("mouse") else species)


def _of_species(table: pd.DataFrame, species: str) -> pd.DataFrame:
    """Pairs, each once, by the names of a species; without those that it lacks."""
    if species == MOUSE:
        parts = {part for entity in table.to_numpy().ravel() for part in entity.split("_")}
        single = {part: part for part in parts if of_mice(part)} | one_to_one(HUMAN, parts)

        def named(entity: str) -> str | None:
            names = [single.get(part, "") for part in entity.split("_")]
            return "_".join(names) if all(names) else None

        table = table.apply(lambda column: column.map(named)).dropna()
    return table.drop_duplicates(ignore_index=True)


def _packaged() -> Path:
    """LIANA's own table of resources, found without importing LIANA."""
    spec = find_spec("liana")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("No module named 'liana'", name="liana")
    return Path(spec.origin).parent / "resource" / "omni_resource.csv"


def _read_table(path: Path) -> pd.DataFrame:
    """A user's table as text; empty fields are missing."""
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    return read_sheet(path)


def _choose(table: pd.DataFrame, columns: list[str], path: Path) -> pd.DataFrame:
    """Complete rows of the columns a table must have."""
    missing = [column for column in columns if column not in table]
    if missing:
        raise UserError(
            f"{path}: column {' and '.join(repr(c) for c in missing)} missing; it needs {', '.join(columns)} "
            f"and has {', '.join(map(str, table.columns))}"
        )
    table = table[columns].dropna()
    if table.empty:
        raise UserError(f"{path} has no row with all of {', '.join(columns)}")
    return table.reset_index(drop=True)


def read_groups(path: str | Path, resource: pd.DataFrame, species: str = HUMAN) -> dict[str, npt.NDArray[np.bool_]]:
    """Named groups of pairs (pathways), as members of ``resource``.

    Parameters
    ----------
    path : path
        TSV or CSV with either ``group, ligand, receptor`` (pairs, complexes with ``_``), or ``group, role, gene`` with
        role ``ligand`` or ``receptor``: then a pair belongs if a subunit of its ligand is listed as ligand and a
        subunit of its receptor as receptor.
    resource : DataFrame
        From :func:`read_resource`.
    species : str
        Of the resource's genes, which human ones of the table are called by.

    Returns
    -------
    dict of str to bool array, shape (pairs,)

    Raises
    ------
    UserError
        Missing columns, unknown role.
    """
    path = Path(path)
    table = _read_table(path)
    groups = {}
    if "gene" not in table:
        table = _choose(table, ["group", "ligand", "receptor"], path)
        keys = pd.MultiIndex.from_frame(resource[["ligand", "receptor"]])
        for group, rows in table.groupby("group", sort=False):
            pairs = _of_species(rows[["ligand", "receptor"]], species)
            groups[group] = keys.isin(pd.MultiIndex.from_frame(pairs))
        return groups
    table = _choose(table, ["group", "role", "gene"], path)
    wrong = table.loc[~table["role"].isin(("ligand", "receptor")), "role"]
    if len(wrong):
        raise UserError(f"{path}, column role: '{wrong.iloc[0]}'; it is ligand or receptor")
    for group, rows in table.groupby("group", sort=False):
        inside = np.ones(len(resource), bool)
        for role in ("ligand", "receptor"):
            genes = set(called_in(species, rows.loc[rows["role"] == role, "gene"]))
            inside &= [not genes.isdisjoint(entity.split("_")) for entity in resource[role]]
        groups[group] = inside
    return groups


@dataclass(frozen=True)
class Pairs:
    """Pairs of a resource whose subunits are all among some genes.

    Attributes
    ----------
    table : DataFrame
        ``ligand, receptor`` with the row numbers of the resource as index.
    ligand, receptor : int array, shape (pairs, most subunits)
        Positions of the subunits in the genes; complexes shorter than the longest repeat their first subunit.
    unknown : set of str
        Symbols of the resource that are not among the genes.
    """

    table: pd.DataFrame
    ligand: np.ndarray
    receptor: np.ndarray
    unknown: set

    @classmethod
    def of(cls, resource: pd.DataFrame, genes: pd.Index) -> "Pairs":
        """Pairs of ``resource`` that ``genes`` (Index of symbols) allow."""
        entities = pd.unique(resource[["ligand", "receptor"]].to_numpy().ravel())
        parts = [entity.split("_") for entity in entities]
        at = genes.get_indexer([symbol for part in parts for symbol in part])
        subunits = dict(zip(entities, np.split(at, np.cumsum([len(part) for part in parts])[:-1]), strict=True))
        unknown = {
            symbol
            for entity, found in subunits.items()
            for symbol, position in zip(entity.split("_"), found, strict=True)
            if position < 0
        }
        known = {entity for entity, found in subunits.items() if (found >= 0).all()}
        table = resource[resource["ligand"].isin(known) & resource["receptor"].isin(known)]
        return cls(table, _padded(table["ligand"], subunits), _padded(table["receptor"], subunits), unknown)


def check_genes(resource: pd.DataFrame, genes: pd.Index, name: str, counts: str) -> tuple[list[str], int]:
    """Symbols of a resource that are not among the genes of the counts.

    Parameters
    ----------
    resource : DataFrame
    genes : Index
    name, counts : str
        Of the resource and of the file, for the message.

    Returns
    -------
    unknown : list of str
    n_symbols : int

    Raises
    ------
    UserError
        If no symbol is known.
    """
    symbols = {gene for entity in resource[["ligand", "receptor"]].to_numpy().ravel() for gene in entity.split("_")}
    unknown = sorted(symbols.difference(genes))
    if len(unknown) == len(symbols):
        raise UserError(
            f"--lr_resource {name}: none of its {len(symbols)} genes (for example '{unknown[0]}') is in {counts} "
            f"(for example '{genes[0]}'): use symbols of the same species as the counts"
        )
    return unknown, len(symbols)


def _padded(entities: Iterable[str], subunits: dict[str, npt.NDArray[np.intp]]) -> npt.NDArray[np.intp]:
    rows = [subunits[entity] for entity in entities]
    width = max(map(len, rows), default=1)
    return np.array([[*row, *[row[0]] * (width - len(row))] for row in rows], int).reshape(len(rows), width)
