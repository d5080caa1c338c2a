"""Gene names: those by which data, model and markers know the same gene; a model matched to the data."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.core.errors import SampleSkipped, UserError
from compartments.core.species import KNOWN, converted, species_of
from compartments.labels.lineages import map_labels
from compartments.labels.model import ENSEMBL, Model, without_version

LEAST_KEPT = 0.5  # share of a model's genes that have a counterpart in the species of the data


@dataclass(frozen=True)
class Matched:
    """A model matched to the genes of the data and to lineages.

    Attributes
    ----------
    model : Model
    names : array of str, shape (genes,)
        Of the genes of the data, as the model names them.
    overlap : float
        Share of the model's genes that the data have.
    mapped : DataFrame
        :func:`lineages.map_labels` of the model's labels.
    """

    model: Model
    names: npt.NDArray[np.object_]
    overlap: float
    mapped: pd.DataFrame


def of_species(model: Model, species: str, symbols: Iterable[str]) -> Model:
    """A model in the genes of another species: by CellTypist's ``Model.convert`` those with a single counterpart, and
    further ones whose counterpart is among the ``symbols`` of the data (:func:`species.converted`).

    Raises
    ------
    UserError
        Fewer than ``LEAST_KEPT`` of its genes are left.
    """
    own = species_of(model.genes, model.genes)
    if species == own or not {species, own} <= set(KNOWN):
        return model
    single = converted(own, model.genes, set(symbols))
    left = np.flatnonzero(pd.Index(model.genes).isin(list(single)))
    kept = len(left) / max(1, len(model.genes))
    if kept < LEAST_KEPT:
        raise UserError(
            f"model {model.name} is of {own} genes, and {len(left)} of its {len(model.genes)} ({kept:.0%}) have a "
            f"counterpart in {species} (at least {LEAST_KEPT:.0%} needed); give a model of {species} cells, or "
            "--label_reference"
        )
    names = np.array([single[gene] for gene in model.genes[left]])
    return replace(
        model, genes=names, kept=kept, coef=model.coef[:, left], mean=model.mean[left], scale=model.scale[left]
    )


def match(
    model: Model,
    symbols: npt.NDArray[np.object_],
    gene_ids: npt.NDArray[np.object_],
    lineage_map: pd.DataFrame,
    min_overlap: float,
    source: str,
) -> Matched:
    """Match a model to data; parameters and errors are those of :func:`choose_gene_names`."""
    names, overlap = choose_gene_names(symbols, gene_ids, model, min_overlap, source)
    return Matched(model, names, overlap, map_labels(model.labels, lineage_map))


def choose_gene_names(
    symbols: Sequence[str] | npt.NDArray[np.object_],
    gene_ids: Sequence[str] | npt.NDArray[np.object_],
    model: Model,
    minimum: float,
    source: str,
) -> tuple[npt.NDArray[np.object_], float]:
    """The names by which data and model share most genes: symbols or Ensembl ids (without version).

    Parameters
    ----------
    symbols, gene_ids : sequences of str, shape (genes,)
    model : Model
    minimum : float
        Least share of the model's genes.
    source : str
        Named in messages.

    Returns
    -------
    names : array of str, shape (genes,)
    overlap : float
        Share of the model's genes that the data have.

    Raises
    ------
    SampleSkipped
        If the share is below ``minimum``, with the likely cause and the fix.
    """
    ids = np.array([without_version(name) for name in gene_ids], object)
    shares = [(float(pd.Index(model.genes).isin(names).mean()), names) for names in (np.asarray(symbols, object), ids)]
    overlap, names = max(shares, key=lambda pair: pair[0])
    if overlap < minimum:
        raise SampleSkipped(
            f"{source}: holds {overlap:.0%} of the {len(model.genes)} genes of model {model.name} "
            f"(at least {minimum:.0%} needed); {_why_no_overlap(symbols, model.genes)}"
        )
    return names, overlap


def _why_no_overlap(symbols: Sequence[str] | npt.NDArray[np.object_], model_genes: npt.NDArray[np.str_]) -> str:
    """The likely cause of a low overlap, and the fix."""
    names = [str(name) for name in symbols]
    lower = {name.upper() for name in names} & {str(name).upper() for name in model_genes}
    if sum(bool(ENSEMBL.match(name)) for name in names) > len(names) / 2:
        return "the gene names are Ensembl ids: give a matrix whose features carry gene symbols too"
    if len(lower) > len(model_genes) / 2:
        return "the names agree but for upper and lower case, as between mouse and human: use a model of the species"
    return "use a model of the same species and gene names, or a matrix with all genes"


def fold_repeats(
    symbols: npt.NDArray[np.object_], gene_ids: npt.NDArray[np.object_], known: Collection[str]
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_], sparse.csr_matrix]:
    """Genes with repeated symbols put together, where the symbol is one that a model or marker asks for.

    Parameters
    ----------
    symbols, gene_ids : arrays of str, shape (genes,)
        Symbols made unique: repeats are ``NAME-1``, ``NAME-2`` ...
    known : set of str
        Names that must stay as they are.

    Returns
    -------
    symbols, gene_ids : arrays of str, shape (genes left,)
    fold : CSR matrix of int32, shape (genes, genes left)
        Counts times this are the sums.
    """
    position = {name: number for number, name in enumerate(symbols)}
    target = np.arange(len(symbols))
    for number, name in enumerate(symbols):
        base, _, repeat = str(name).rpartition("-")
        if repeat.isdigit() and name not in known and base in known and base in position:
            target[number] = position[base]
    left = np.flatnonzero(target == np.arange(len(symbols)))
    ones = np.ones(len(symbols), np.int32)
    fold = sparse.csr_matrix((ones, (np.arange(len(symbols)), np.searchsorted(left, target))))
    return symbols[left], gene_ids[left], fold
