"""Genes of several files as one list: joined by Ensembl id, under one name each, and which file has which.

Cell Ranger's references of different years differ by thousands of genes and names. A gene that a file does not list was
not counted there, which is not zero.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.counts.chemistry import Made, named, of_probes, unlike
from compartments.counts.names import ENSEMBL, make_unique, mostly_ensembl, unversioned
from compartments.study.mixture import chemistries, listed, mixed

SHOWN = 3  # names of genes that a sentence gives


@dataclass(frozen=True)
class United:
    """The genes of several files.

    Attributes
    ----------
    genes : DataFrame, index name
        In order of first appearance; ``gene_id`` (Ensembl id without version, or the symbol), ``other_names`` (names of
        the same id in some files, joined by ``;``).
    positions : list of int arrays
        For every file, the position of each of its genes among the united ones.
    reference : int array, shape (files,)
        Number of the file's set of genes, in order of first appearance.
    has : bool array, shape (sets, genes)
    with_ids : bool array, shape (files,)
        Whether most genes of the file have an Ensembl id.
    """

    genes: pd.DataFrame
    positions: list[npt.NDArray[np.intp]]
    reference: npt.NDArray[np.intp]
    has: npt.NDArray[np.bool_]
    with_ids: npt.NDArray[np.bool_]

    @property
    def everywhere(self) -> npt.NDArray[np.bool_]:
        """Genes that every file lists, shape (genes,)."""
        return self.has.all(0)

    @property
    def lacking_alone(self) -> npt.NDArray[np.int_]:
        """For every set, how many genes it alone lacks: shape (sets,)."""
        lacking = (~self.has).sum(0)
        return ((lacking == 1) & ~self.has).sum(1)


def unite_genes(variables: Sequence[pd.DataFrame]) -> United:
    """Genes of all files, one row each.

    Parameters
    ----------
    variables : list of DataFrame
        Index symbol, made unique; column ``gene_id``, an Ensembl id or the symbol.

    Returns
    -------
    United

    Notes
    -----
    Files that list genes by Ensembl id are joined by it, without its version; the name of a gene is the symbol that
    most files give the id, of several ids of one name the first keeps it and others get ``-1``, ``-2``. A gene without
    an id is the one whose id has its symbol in any file, if that is one id, else a gene of its own, as what one symbol
    of several ids stands for cannot be told.
    """
    lists, of_file = _distinct(variables)
    with_ids = np.array([mostly_ensembl(var["gene_id"].astype(str).to_numpy(object)) for var in lists])[of_file]
    if len(lists) == 1:
        genes = lists[0][["gene_id"]].astype(str).assign(other_names="")
        genes.index = pd.Index(genes.index.to_numpy(object))
        whole = np.arange(len(genes))
        return United(genes, [whole] * len(variables), of_file, np.ones((1, len(genes)), bool), with_ids)
    keys, names = _keyed(lists, np.bincount(of_file))
    every = list(dict.fromkeys(key for of_list in keys for key in of_list))
    chosen = [_most_frequent(names[key]) for key in every]
    unique = make_unique(chosen)
    given: dict[str, set[str]] = defaultdict(set)
    for var, of_list in zip(lists, keys, strict=True):
        for key, symbol in zip(of_list, var.index, strict=True):
            given[key].add(str(symbol))
    others = [";".join(sorted(given[key] - {name})) for key, name in zip(every, unique, strict=True)]
    ids = [
        key.split(" ")[0] if ENSEMBL.match(key.split(" ")[0]) else name for key, name in zip(every, chosen, strict=True)
    ]
    genes = pd.DataFrame({"gene_id": ids, "other_names": others}, index=pd.Index(unique))
    place = pd.Index(every)
    positions = [place.get_indexer(pd.Index(of_list)) for of_list in keys]
    has = np.zeros((len(lists), len(every)), bool)
    for row, position in zip(has, positions, strict=True):
        row[position] = True
    number, _ = pd.factorize(pd.Index([row.tobytes() for row in has]))
    sets = np.unique(number, return_index=True)[1]
    return United(genes, [positions[k] for k in of_file], number[of_file], has[sets], with_ids)


def _distinct(variables: Sequence[pd.DataFrame]) -> tuple[list[pd.DataFrame], npt.NDArray[np.intp]]:
    """Different lists of genes in order of first appearance; the number of each file's."""
    numbers: dict[Any, int] = {}
    of_table: dict[int, int] = {}  # files may share one
    lists: list[pd.DataFrame] = []
    for var in variables:
        if id(var) in of_table:
            continue
        known = (tuple(var.index), tuple(var["gene_id"].astype(str)))
        if known not in numbers:
            numbers[known] = len(lists)
            lists.append(var)
        of_table[id(var)] = numbers[known]
    return lists, np.array([of_table[id(var)] for var in variables], np.intp)


def _keyed(lists: list[pd.DataFrame], weights: npt.NDArray[np.intp]) -> tuple[list[list[str]], dict[str, Counter[str]]]:
    """What identifies each gene of each list (id or symbol), and the names of each, counted over the files."""
    names: dict[str, Counter[str]] = defaultdict(Counter)
    plain = [_without_repeats(var.index) for var in lists]
    keys: list[list[str]] = []
    for var, symbols, weight in zip(lists, plain, weights, strict=True):
        of_list: list[str] = []
        seen: Counter[str] = Counter()
        for gene_id, symbol in zip(var["gene_id"].astype(str), symbols, strict=True):
            key = unversioned(gene_id) if ENSEMBL.match(gene_id) else ""
            if key:
                seen[key] += 1
                key += f" {seen[key]}" if seen[key] > 1 else ""
                names[key][symbol] += int(weight)
            of_list.append(key)
        keys.append(of_list)
    ids_of: dict[str, list[str]] = defaultdict(list)
    for key, given in names.items():
        for name in given:
            ids_of[name].append(key)
    for of_list, var, symbols, weight in zip(keys, lists, plain, weights, strict=True):
        taken = set(of_list)
        repeated = {symbol for symbol, n in Counter(symbols).items() if n > 1}
        for number, (key, symbol, name) in enumerate(zip(of_list, symbols, var.index, strict=True)):
            if key:
                continue
            ids = ids_of.get(symbol, [])
            alone = len(ids) == 1 and symbol not in repeated and ids[0] not in taken
            of_list[number] = ids[0] if alone else f"symbol {name}"
            taken.add(of_list[number])
            names[of_list[number]][symbol if alone else str(name)] += int(weight)
    return keys, names


def _without_repeats(symbols: pd.Index) -> list[str]:
    """Symbols as the file had them, before repeats got ``-1``, ``-2`` ..."""
    before: set[str] = set()
    found = []
    for symbol in map(str, symbols):
        base, _, repeat = symbol.rpartition("-")
        found.append(base if repeat.isdigit() and base in before else symbol)
        before.add(symbol)
    return found


def _most_frequent(names: Counter[str]) -> str:
    """The name that most files give, the first of those; an Ensembl id only where no file has a symbol."""
    symbols = {name: n for name, n in names.items() if not ENSEMBL.match(name)} or dict(names)
    return max(symbols, key=lambda name: symbols[name])


def origins(united: United, samples: pd.DataFrame, made: Mapping[str, Made]) -> tuple[pd.DataFrame, list[str]]:
    """Where the counts of each sample come from, and what is said where samples differ in it.

    Parameters
    ----------
    united : United
    samples : DataFrame
        The samplesheet.
    made : mapping, sample -> Made
        In the order of the files.

    Returns
    -------
    DataFrame
        ``sample, gene_list`` (number of its set of genes), ``n_genes, n_genes_lacking`` (of other files),
        ``n_lacking_alone`` (that only files of this set lack), ``ensembl_ids, chemistry``.
    list of str
    """
    names = list(made)
    chemistry, sentences = chemistries(samples, {name: one.chemistry for name, one in made.items()})
    probes = [of_probes(united.genes.index[listed]) for listed in united.has]
    of_flex = [name for name, number in zip(names, united.reference, strict=True) if probes[number]]
    chemistry = named(chemistry, [name for name in names if made[name].nuclei], of_flex)
    n_genes = united.has.sum(1)[united.reference]
    table = pd.DataFrame(
        {
            "sample": names,
            "gene_list": united.reference + 1,
            "n_genes": n_genes,
            "n_genes_lacking": united.has.shape[1] - n_genes,
            "n_lacking_alone": united.lacking_alone[united.reference],
            "ensembl_ids": united.with_ids,
            "chemistry": chemistry.to_numpy(object),
        }
    )
    sentences += mixed(chemistry, samples, "chemistry")
    sentences += unlike({name: one.profiles for name, one in made.items()}, samples, chemistry)
    return table, [*_said_of(united, samples, names), *sentences]


def _said_of(united: United, samples: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """What is said of files that list different genes; nothing if all list the same."""
    everywhere = united.everywhere
    lacking = int((~everywhere).sum())
    sentences = []
    if lacking:
        kinds = pd.Series([f"list {k} of {n:,} genes" for k, n in enumerate(united.has.sum(1), start=1)])
        of_samples = pd.Series(kinds.iloc[united.reference].to_numpy(), list(names))
        first, *more = mixed(of_samples, samples, "the genes that their files list") or [""]
        example = ", ".join(united.genes.index[~everywhere][:SHOWN])
        sentences.append(
            f"{first}: {lacking:,} of {len(everywhere):,} genes ({example} ...) are not in every file and are compared "
            "only where all samples have them, as a gene that a file lacks was not counted, which is not zero"
        )
        sentences += [sentence.replace("the genes that their files list", "the list of genes") for sentence in more]
        alone = united.lacking_alone
        if len(united.has) > 2 and alone.max() > lacking / 2:
            whose = [name for name, k in zip(names, united.reference, strict=True) if k == alone.argmax()]
            sentences.append(f"{alone.max():,} of these genes are lacking in {listed(whose)} alone")
    if len(united.has) == len(names) > 2:
        sentences.append(
            "every file lists genes of its own: if they were cut to genes with counts, give files with all genes of "
            "the reference, so that zeros count as zeros"
        )
    renamed = united.genes[united.genes["other_names"] != ""]
    if len(renamed):
        example = "; ".join(f"{name}, {other}" for name, other in renamed["other_names"].iloc[:SHOWN].items())
        sentences.append(f"genes that files name otherwise, joined by Ensembl id: {len(renamed):,} ({example})")
    if lacking and not united.with_ids.all():
        bare = [name for name, known in zip(names, united.with_ids, strict=True) if not known]
        sentences.append(
            f"no Ensembl ids in {listed(bare)}: genes are joined by symbol, and one that has another symbol there "
            "counts as another gene"
        )
    return sentences


def genes_table(united: United, names: Sequence[str]) -> pd.DataFrame:
    """Genes that some files lack or name otherwise.

    Parameters
    ----------
    united : United
    names : sequence of str
        Samples of the files.

    Returns
    -------
    DataFrame
        ``gene, gene_id, other_names, n_samples_without, samples_without`` (joined by ``;``).
    """
    shown = np.flatnonzero(~united.everywhere | (united.genes["other_names"] != "").to_numpy())
    of_set = [
        [name for name, k in zip(names, united.reference, strict=True) if k == number]
        for number in range(len(united.has))
    ]
    order = {name: number for number, name in enumerate(names)}
    patterns, which = np.unique(united.has[:, shown], axis=1, return_inverse=True)
    without = [
        sorted((name for k in np.flatnonzero(~pattern) for name in of_set[k]), key=order.__getitem__)
        for pattern in patterns.T
    ]
    table = united.genes.iloc[shown].rename_axis("gene").reset_index()
    table["n_samples_without"] = [len(without[k]) for k in which.ravel()]
    table["samples_without"] = [";".join(without[k]) for k in which.ravel()]
    return table


def cohort_names(
    table: pd.DataFrame, symbols: Sequence[str] | pd.Index, gene_ids: Sequence[str] | pd.Series
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.bool_]]:
    """One file's genes by their names in the cohort, and which of them every file lists.

    Parameters
    ----------
    table : DataFrame
        Of :func:`genes_table`.
    symbols, gene_ids : sequences of str, shape (genes of the file,)

    Returns
    -------
    names : array of str, kept : bool array
        Shape (genes of the file,).
    """
    of_id: dict[str, list[tuple[str, int]]] = defaultdict(list)
    of_name: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for row in table.fillna({"other_names": ""}).itertuples():
        of_id[str(row.gene_id)].append((str(row.gene), int(row.n_samples_without)))
        for name in {row.gene, *str(row.other_names).split(";")}:
            of_name[str(name)].append((str(row.gene), int(row.n_samples_without)))
    names, kept = np.array(symbols, object), np.ones(len(symbols), bool)
    for number, (symbol, gene_id) in enumerate(zip(symbols, gene_ids, strict=True)):
        found = of_id.get(unversioned(gene_id), []) if ENSEMBL.match(gene_id) else of_name.get(symbol, [])
        kept[number] = len(found) < 2 and not any(n for _, n in found)
        names[number] = found[0][0] if len(found) == 1 else symbol
    return names, kept
