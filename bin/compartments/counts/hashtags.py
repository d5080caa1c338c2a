"""Pools with hashtags: the sample of each cell by the counts of its tags.

Tags are called by HashSolo (Bernstein et al. 2020, Cell Systems 11:95, doi 10.1016/j.cels.2020.05.010) as scanpy has
it: log counts of each tag are a noise and a signal, and the two highest tags of a cell say whether it is of one sample,
of two, or of none. Where a tag hardly leaks, its noise is so narrow that a single stray molecule looks like a second
tag; ``LEAK`` molecules are then added at random to all tags, which gives the noise the width of counting. HashSolo
takes few cells for unstained, and gives those of a sample whose staining failed to the others; so a cell is of a sample
only if it has more of its tag than ``BEYOND`` of the cells of other samples have.
"""

import contextlib
import difflib
import io
import warnings
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.core.errors import UserError
from compartments.core.sheets import read_sheet, shown
from compartments.core.vocabulary import OF_NO_ONE
from compartments.counts.features import ENSEMBL_GENE, UNTYPED
from compartments.counts.h5ad import counts_in, describe_matrix, expression_in
from compartments.counts.source import GENE_EXPRESSION, Source, Texts
from compartments.counts.splitting import MOST, blocks
from compartments.counts.whole_study import of_pool

DOUBLET, NEGATIVE = "Doublet", "Negative"
LEAK = 3  # molecules of a tag, on average, in cells of other samples
BEYOND = 0.99
FEW = 10  # cells with most of a tag; fewer make no model of it
ROUNDS = 2
STAINED = 3  # times the counts that a tag has in other cells, of cells that are called by it
USED = 0.05  # of the cells; a tag that is the highest of so many was used
KIND = "Multiplexing Capture"


def read_tags(table: Path, pool: str = "") -> pd.DataFrame:
    """Tags of a pool and their samples, empty where cells of a tag are to be left out; the index is the file's row.

    Raises
    ------
    UserError
        A tag twice, fewer than two samples, a sample called as cells of no sample are.
    """
    rows = of_pool(read_sheet(table, ["tag", "sample"]).dropna(subset=["tag"]).fillna(""), table, pool)
    for number, tag, sample in zip(rows.index, rows["tag"], rows["sample"], strict=True):
        if (rows["tag"] == tag).sum() > 1:
            raise UserError(f"{table.name} row {number}, column tag: '{shown(tag)}' is there twice; name it once")
        if sample and sample.lower() in OF_NO_ONE:
            raise UserError(
                f"{table.name} row {number}, column sample: '{shown(sample)}' is a word for cells of no one sample; "
                "give the sample another name, or leave it empty if cells of this tag are to be left out"
            )
    if rows["sample"].nunique() < 2:
        raise UserError(f"{table.name}: {rows['sample'].nunique()} sample(s); tags tell cells of two or more apart")
    return rows


def samples_of_tags(source: Source, table: Path, seed: int, pool: str = "") -> Texts:
    """The sample of each barcode, ``Doublet`` or ``Negative``; empty for tags without a sample.

    Features of ``source`` that are tags are marked as such (in place), so that none of them counts as a gene.

    Raises
    ------
    UserError
        As :func:`read_tags`; a tag that the file lacks or that is a gene, a tag that no cell is stained with, a tag
        that was used and is not in the table.
    """
    rows = read_tags(table, pool)
    holder = _holder(source, set(rows["tag"]))
    columns = np.array([_place(holder, tag, table, number) for number, tag in rows["tag"].items()])
    others = np.setdiff1d(np.flatnonzero(_named_as_tags(holder)), columns)
    counts = _aligned(counts_of(holder, np.append(columns, others)), holder, source)
    if holder is source:
        source.feature_type = source.feature_type.copy()
        source.feature_type[columns] = KIND
    _check_unlisted(counts, len(columns), holder.symbol[others], table)
    samples = np.array(list(dict.fromkeys(rows["sample"])), dtype=object)
    of_sample = np.column_stack([counts[:, : len(columns)][:, rows["sample"] == one].sum(1) for one in samples])
    code = demultiplexed(of_sample, seed)
    for place, sample in enumerate(samples):
        called = code == place
        if sample and called.any() and not _stained(of_sample[:, place], called):
            first = rows.index[rows["sample"] == sample][0]
            own, rest = (int(np.median(of_sample[which, place])) for which in (called, ~called))
            raise UserError(
                f"{table.name} row {first}: cells of sample '{shown(sample)}' have {own} counts of its tag and other "
                f"cells {rest}: its staining failed; leave this tag out, or give --sample_table"
            )
    return np.append(samples, [DOUBLET, NEGATIVE])[code]


def demultiplexed(counts: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.intp]:
    """Sample of each cell by HashSolo at its defaults; those with no more of their tag than leaks are of none.

    Parameters
    ----------
    counts : ndarray of int, shape (n_cells, n_samples)
        Molecules of the tags of each sample.
    seed : int
        Of the molecules that are added where tags hardly leak.

    Returns
    -------
    ndarray of int, shape (n_cells,)
        Column of ``counts``; ``n_samples`` of a doublet, ``n_samples + 1`` of a cell without a tag.

    Raises
    ------
    UserError
        Too few cells or counts for a model of them.
    """
    n, highest = counts.shape[1], counts.argmax(1)
    noise = [counts[highest != place, place] for place in range(n)]
    leaks = all(len(one) and np.median(one) for one in noise)
    with_leak = counts if leaks else counts + np.random.default_rng(seed).poisson(LEAK, counts.shape)
    stained = np.ones(len(counts), bool)
    code = np.full(len(counts), n + 1)
    for _ in range(ROUNDS):  # again without unstained cells, which the model of the tags is not of
        code[stained] = called_by_hashsolo(with_leak[stained])
        for place in range(n):
            others = counts[(code < n) & (code != place), place]
            leaked = np.quantile(others, BEYOND) if len(others) else 0
            code[(code == place) & (counts[:, place] <= leaked)] = n + 1
        stained = code < n + 1
    return code


def called_by_hashsolo(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """As :func:`demultiplexed`, by HashSolo alone; a sample whose tag ``FEW`` cells have most of is not looked for."""
    from anndata import AnnData
    from scanpy.external.pp import hashsolo

    n = counts.shape[1]
    of_tag = np.bincount(counts.argmax(1), minlength=n)
    known = np.flatnonzero(of_tag >= FEW)
    names = [str(place) for place in known]
    cells = AnnData(obs=pd.DataFrame(counts[:, known], index=list(map(str, range(len(counts)))), columns=names))
    if len(known) > 1:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            # of two samples the lower is noise; HashSolo's own default would leave none
            hashsolo(cells, names, number_of_noise_barcodes=max(1, len(known) - 2))
    if len(known) < 2 or cells.obs["singlet_hypothesis_probability"].isna().any():
        raise UserError(
            f"counts of hashtags of {len(counts)} cells do not tell samples apart: at least two need {FEW} cells with "
            "most of their tag; have the tags called by another program and give --sample_table"
        )
    kind = cells.obs["most_likely_hypothesis"].to_numpy().astype(int)  # 0 none, 1 one sample, 2 two
    highest = known[counts[:, known].argmax(1)]
    return np.choose(kind, [np.full(len(counts), n + 1), highest, np.full(len(counts), n)])


def counts_of(source: Source, columns: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
    """Counts of some features of a file, shape (n_barcodes, n_columns), a part of the file at a time."""
    found = np.zeros((len(source.barcodes), len(columns)), np.int64)
    with h5py.File(source.path, "r") as file:
        for start, part in blocks(source, file[source.node], MOST):
            if source.by_barcode:
                found[start : start + part.shape[0]] = part[:, columns].toarray()
            else:
                here = (columns >= start) & (columns < start + part.shape[1])
                found[:, here] = part[:, columns[here] - start].toarray()
    return found


def _holder(source: Source, tags: set[str]) -> Source:
    """The source itself, or of an h5mu the modality that has most of the tags."""
    there = [source]
    with h5py.File(source.path, "r") as file:
        for group in file["mod"].values() if "mod" in file else ():
            if group.name != expression_in(source.path, file).name:
                chosen = counts_in(source.path, group)[0]
                found = describe_matrix(source.path, group, chosen)
                found.node = f"{group.name}/{chosen}"
                there.append(found)
    return max(there, key=lambda one: len(tags & {*one.symbol, *one.gene_id}))


def _place(source: Source, tag: str, table: Path, number: int) -> int:
    """Position of a tag among the features, by name or id."""
    named = (source.symbol == tag) | (source.gene_id == tag)
    found = np.flatnonzero(named & ~_genes(source))
    where = f"{table.name} row {number}, column tag: '{shown(tag)}'"
    if len(found) == 1:
        return int(found[0])
    if len(found):
        raise UserError(f"{where} names {len(found)} features of {source.path.name}; give the id of the one meant")
    if named.any():
        raise UserError(f"{where} is a gene in {source.path.name}; name the features that count hashtags")
    likely = source.symbol[_named_as_tags(source)]
    likely = likely if len(likely) else source.symbol[~_genes(source)] if _genes(source).any() else likely
    close = difflib.get_close_matches(tag, list(map(str, likely)), 1, 0.6)
    has = f"it has {', '.join(map(shown, likely[:20]))}{' ...' if len(likely) > 20 else ''}"
    said = f"is it '{close[0]}'? {has}" if close else has if len(likely) else "it has no hashtags or antibodies at all"
    raise UserError(f"{where} is no feature of {source.path.name}; {said}")


def _genes(source: Source) -> npt.NDArray[np.bool_]:
    ids = np.array([bool(ENSEMBL_GENE.match(one)) for one in source.gene_id], dtype=bool)
    return (source.feature_type == GENE_EXPRESSION) | ids


def _named_as_tags(source: Source) -> npt.NDArray[np.bool_]:
    """Features whose names are those of hashtags, in the way of the makers."""
    pattern = UNTYPED["Tag, by name"]
    pairs = zip(source.symbol, source.gene_id, strict=True)
    named = np.array([bool(pattern.search(name) or pattern.search(one)) for name, one in pairs], dtype=bool)
    return named & ~_genes(source)


def _aligned(counts: npt.NDArray[np.int64], holder: Source, source: Source) -> npt.NDArray[np.int64]:
    """Counts in the order of the barcodes of ``source``; none of those that the modality of the tags lacks."""
    if holder is source:
        return counts
    place = {barcode: number for number, barcode in enumerate(holder.barcodes)}
    rows = np.array([place.get(barcode, -1) for barcode in source.barcodes])
    if (rows < 0).all():
        raise UserError(f"{source.path}: no barcode of {holder.node} is one of {source.node}; name cells alike in both")
    return np.where(rows[:, None] < 0, 0, counts[rows])


def _check_unlisted(counts: npt.NDArray[np.int64], n_listed: int, names: Texts, table: Path) -> None:
    """Refuse hashtags that stain cells and that the table does not have: their cells would be given to others."""
    highest = np.where(counts.sum(1) > 0, counts.argmax(1), -1)
    for place, name in enumerate(names, n_listed):
        called = highest == place
        if called.mean() > USED and _stained(counts[:, place], called):
            raise UserError(
                f"{table.name}: '{shown(name)}' is the highest tag of {called.mean():.0%} of the cells and is not in "
                "the table; add it, without a sample if its cells are to be left out"
            )


def _stained(counts: npt.NDArray[np.int64], called: npt.NDArray[np.bool_]) -> bool:
    """Whether cells called by a tag have far more of it than the others."""
    return bool(called.all() or np.median(counts[called]) + 1 >= STAINED * (np.median(counts[~called]) + 1))
