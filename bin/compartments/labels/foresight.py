"""What is known of labels before any cell is read: names that a study asks for, genes that the samples' files list."""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from compartments.core.errors import SampleSkipped, UserError
from compartments.core.species import species_of
from compartments.labels.genes import choose_gene_names, of_species
from compartments.labels.model import Model

Listed = Mapping[str, Sequence[str]]  # symbol and gene_id of the genes of a file


def check_lineages(asked: Iterable[str], known: Collection[str], parameter: str) -> None:
    """Raise :class:`UserError` for a lineage that a parameter names and the lineage map lacks."""
    for name in asked:
        if name not in known:
            raise UserError(
                f"--{parameter} '{name}' is no lineage of the lineage map; "
                + (_close(name, known) or f"it has {', '.join(sorted(known))}")
            )


def models_of_samples(
    listed: Mapping[str, Listed], models: Mapping[str, Sequence[Model]]
) -> tuple[dict[str, list[Model]], list[str]]:
    """Models in the genes of the species of each sample, and a sentence on each that is converted.

    Parameters
    ----------
    listed : dict
        Sample -> ``symbol`` and ``gene_id`` of its file's genes.
    models : dict
        Sample -> models that its cells are given to.

    Raises
    ------
    UserError
        Too few genes of a model have a counterpart.
    """
    lists = {id(genes): genes for genes in listed.values()}  # files of one reference share their list
    species_in = {key: species_of(genes["symbol"], genes["gene_id"]) for key, genes in lists.items()}
    converted: dict[tuple[str, int], Model] = {}
    notes: list[str] = []
    found = {sample: list(of_sample) for sample, of_sample in models.items()}
    for sample, genes in listed.items():
        species = species_in[id(genes)]
        for place, model in enumerate(found[sample]):
            key = model.sha256, id(genes)
            if key not in converted:
                converted[key] = of_species(model, species, genes["symbol"])
                if (kept := converted[key].kept) < 1:
                    note = (
                        f"model {model.name} is of another species: {kept:.0%} of its {len(model.genes)} genes have "
                        f"a counterpart in {species} and are used"
                    )
                    notes += [note] if note not in notes else []
            found[sample][place] = converted[key]
    return found, notes


def check_overlap(listed: Mapping[str, Listed], models: Mapping[str, Sequence[Model]], minimum: float) -> list[str]:
    """Whether models know the genes of the samples.

    Parameters
    ----------
    listed : dict
        Sample -> ``symbol`` and ``gene_id`` of its file's genes.
    models : dict
        Sample -> models that its cells are given to.
    minimum : float
        Least share of a model's genes.

    Returns
    -------
    list of str
        A sentence per sample that no step will label, with the reason.

    Raises
    ------
    UserError
        If that is every sample.
    """
    lacking = {}
    for sample, genes in listed.items():
        symbols, ids = (np.asarray(genes[name], object) for name in ("symbol", "gene_id"))
        try:
            for model in models[sample]:
                choose_gene_names(symbols, ids, model, minimum, f"sample '{sample}'")
        except SampleSkipped as reason:
            lacking[sample] = str(reason)
    if lacking and len(lacking) == len(listed):
        raise UserError(f"no sample can be labelled: {next(iter(lacking.values()))}")
    return [f"{reason}: it will be left out" for reason in lacking.values()]


def check_target(listed: Mapping[str, Listed], gene: str) -> list[str]:
    """Whether the samples' files list a gene: a sentence on those that do not; :class:`UserError` if none does."""
    lacking = [sample for sample, genes in listed.items() if gene not in genes["symbol"]]
    if not lacking:
        return []
    if len(lacking) < len(listed):
        return [f"--target_gene {gene} is not among the genes of {', '.join(lacking)}"]
    named = {i: s for genes in listed.values() for i, s in zip(genes["gene_id"], genes["symbol"], strict=True)}
    symbols = {symbol for genes in listed.values() for symbol in genes["symbol"]}
    hint = f"did you mean '{named[gene]}'?" if gene in named else _close(gene, symbols)
    hint = hint or "give a gene symbol as the files have it"
    raise UserError(f"--target_gene '{gene}' is not among the genes of any sample; {hint}")


def _close(name: str, known: Collection[str]) -> str:
    """The name that was meant, as a question; empty if none is near."""
    alike = sorted(one for one in known if _plain(one) == _plain(name))
    close = alike or difflib.get_close_matches(name, known, 1, 0.7)
    return f"did you mean '{close[0]}'?" if close else ""


def _plain(name: str) -> str:
    """A name without case, separators and the word cells."""
    return re.sub("[-_. ]+|cells?$", "", name.lower())
