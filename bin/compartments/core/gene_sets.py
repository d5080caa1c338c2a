"""Gene sets in GMT files."""

from collections.abc import Iterable
from pathlib import Path

from compartments.core.errors import UserError
from compartments.core.sheets import read_text
from compartments.core.species import HUMAN, called_in


def read_gmt(path: str | Path) -> dict[str, list[str]]:
    """Read gene sets: one line per set, tab-separated name, description, genes.

    Returns
    -------
    dict of list of str
        Set name -> genes, without repeats, in the order of the file.

    Raises
    ------
    UserError
        With the line number: not text, fewer than three fields, a name given twice; or a file without sets.
    """
    sets = {}
    lines = read_text(path).splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split("\t")]
        genes = list(dict.fromkeys(gene for gene in fields[2:] if gene))
        if not fields[0] or not genes:
            raise UserError(
                f"{path} line {number}: needs a set name, a description and at least one gene, separated by tabs; "
                f"found {len([field for field in fields if field])} field(s)"
            )
        if fields[0] in sets:
            raise UserError(f"{path} line {number}: gene set '{fields[0]}' is there twice; rename one")
        sets[fields[0]] = genes
    if not sets:
        raise UserError(f"{path} has no gene set: each line needs a name, a description and genes, separated by tabs")
    return sets


def merge_sets(paths: Iterable[str | Path], species: str = HUMAN) -> dict[str, list[str]]:
    """Sets of several GMT files, human genes named as in ``species``; a name in two files is a :class:`UserError`."""
    merged: dict[str, list[str]] = {}
    origin: dict[str, str | Path] = {}
    for path in paths:
        for name, genes in read_gmt(path).items():
            if name in merged:
                raise UserError(f"gene set '{name}' is in {origin[name]} and in {path}; rename one")
            merged[name], origin[name] = called_in(species, genes), path
    return merged
