"""Of which species the genes of files are: a file, or a cohort, of several is refused, and one of any other."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from compartments.core.errors import UserError
from compartments.core.species import HUMAN, KNOWN, MOUSE, mixed_species, species_of
from compartments.counts.source import Source, Texts

AUTO = "auto"  # of --species: as the genes say


def told_species(source: Source, symbols: Texts, gene_ids: Texts) -> str:
    """The species of a file's genes.

    Raises
    ------
    UserError
        Genes of several species, or of one that is neither human nor mouse.
    """
    few = ", ".join(map(str, symbols[:3]))
    if several := mixed_species(symbols, gene_ids):
        raise UserError(
            f"{source.path}: genes of {' and '.join(several)} in one file ({few} ...), and nothing says which cells "
            "are whose; give the counts of one species, or a file that names the genome of each gene and --genome"
        )
    species = species_of(symbols, gene_ids)
    if species not in KNOWN:
        raise UserError(
            f"{source.path}: {species} genes ({few} ...), those of human or mouse are expected; map them to human "
            "orthologues or leave the sample out"
        )
    return species


def check_asked(source: Source, asked: str) -> None:
    """Raise :class:`UserError` where ``--species`` names another species than the genes."""
    if asked not in (AUTO, source.species):
        few = ", ".join(map(str, source.symbol[source.keep][:3]))
        raise UserError(
            f"{source.path}: {source.species} genes ({few} ...), but --species is {asked}; leave it out, or the sample"
        )


def other_species(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Files of another species than most: a line on each.

    Parameters
    ----------
    found : sequence of mappings
        ``sample, row, column, species`` of all files of counts, those that tell cells and those beside them.
    """
    told = [file for file in found if file.get("species")]
    numbers = Counter(file["species"] for file in told)
    if len(numbers) < 2:
        return
    most = min(numbers, key=lambda name: (-numbers[name], name))
    for file in sorted(told, key=lambda file: (file["row"], file["column"])):
        if file["species"] != most:
            yield (
                f"row {file['row']}, column {file['column']}: sample '{file['sample']}' has {file['species']} "
                f"genes, and {numbers[most]} of {len(told)} files have {most} ones; analyse each species by itself"
            )


def said_of(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is said of a cohort that is not human: how lists of human genes are used."""
    if {cells.get("species", HUMAN) for cells in found} != {MOUSE}:
        return []
    how = "markers, gene sets and human models are used by Ensembl's orthologues, as CellTypist ships them"
    return [f"mouse genes: {how}; pairs of ligands and receptors are those of LIANA's mouse resource"]
