"""Which samples were made in the same way, by their counts alone: no word may say it, or one word of two ways.

Every cell has much mRNA of the ribosomal proteins, in nearly the same proportions. What a chemistry catches of each of
them depends on its primers and fragments: in T, B or NK cells of two donors the proportions differ by 0.11 to 0.15 log2
if both were made with 3' v2, by 0.32 to 0.37 between 3' v2 and v3, 0.33 to 0.39 between v3 and 5', 0.6 to 0.8 between
v2 and 5' (10x's own PBMC). A day with interferon makes up to 0.24 (Kang et al. 2018).
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from compartments.core.species import RIBOSOMAL_PROTEIN, UNTRANSLATED, known_as
from compartments.counts.source import Texts
from compartments.study.mixture import mixed

Profiles = dict[str, dict[str, int]]  # class of cells -> ribosomal protein gene -> UMIs

ELSEWHERE = {"RPL3L", "RPL10L", "RPL39L", "RPS4Y1", "RPL22L1", "RPS27L"}  # of some tissues, or of one sex
# lymphocytes that markers alone tell, which most compartments have: genes of which they have some, and none
CLASSES = {
    "T": (("CD3D", "CD3E"), ("LYZ", "CD79A", "MS4A1")),
    "B": (("CD79A", "MS4A1"), ("LYZ", "CD3D", "CD3E")),
    "NK": (("NKG7", "GNLY"), ("LYZ", "CD3D", "CD3E", "CD79A")),
}
MIN_UMIS = 20_000  # of ribosomal proteins, in a class of a sample
MIN_GENES, MIN_COUNT = 20, 50  # genes that are compared, and UMIs of each in the smaller of two samples
ALIKE, APART = 0.2, 0.28  # log2: within and between ways
NUCLEI_RIBOSOMAL, NUCLEI_MALAT1 = 0.05, 0.02  # share of the UMIs below and above which a sample is of nuclei
WHOLE = 10_000  # genes; a shorter list is a panel, or cut to genes with counts
NOUN = "chemistry (by their counts)"


class Made(NamedTuple):
    """What a sample's file and counts say of how it was made.

    ``chemistry`` is as the file states it; ``nuclei`` as of :func:`of_nuclei`.
    """

    chemistry: str = ""
    profiles: Profiles = {}
    nuclei: bool = False


def profiles_of(matrix: sp.csr_matrix, symbols: Texts) -> Profiles:
    """Ribosomal proteins of the cells of a sample, by class of cells.

    Parameters
    ----------
    matrix : csr_matrix, shape (cells, genes)
        Counts.
    symbols : array of str, shape (genes,)
    """
    names = pd.Index(symbols)

    def umis(genes: Sequence[str]) -> npt.NDArray[np.float64]:
        return np.asarray(matrix[:, np.flatnonzero(names.isin(known_as(genes, names)))].sum(1)).ravel()

    members = {name: (umis(some) > 1) & (umis(none) == 0) for name, (some, none) in CLASSES.items()}
    return sums_of(matrix, symbols, members)


def sums_of(matrix: sp.csr_matrix, symbols: Texts, members: Mapping[str, npt.NDArray[np.bool_]]) -> Profiles:
    """The same of the rows of each class; without those that have too few."""
    genes = [n for n, name in enumerate(symbols) if RIBOSOMAL_PROTEIN.match(name) and name.upper() not in ELSEWHERE]
    of_genes, found = matrix[:, genes], {}
    for name, rows in members.items():
        sums = pd.Series(np.asarray(of_genes[np.flatnonzero(rows)].sum(0)).ravel(), [symbols[n] for n in genes])
        if sums.sum() >= MIN_UMIS:
            found[name] = {str(gene): int(n) for gene, n in sums.groupby(level=0).sum().items()}
    return found


def of_nuclei(umis: npt.NDArray[np.int64], symbols: Texts) -> bool:
    """Whether the UMIs of all genes of a sample are those of nuclei: much MALAT1, few mRNAs of ribosomal proteins."""
    names, total = pd.Index(symbols), max(int(umis.sum()), 1)
    ribosomal = names.str.match(RIBOSOMAL_PROTEIN.pattern)
    few = ribosomal.sum() >= MIN_GENES and umis[ribosomal].sum() < NUCLEI_RIBOSOMAL * total
    return bool(few and umis[names.isin(known_as(["MALAT1"], names))].sum() > NUCLEI_MALAT1 * total)


def distance(first: Mapping[str, int], second: Mapping[str, int]) -> float:
    """How far two profiles are apart: robust SD of the log2 ratio over genes, without the noise of counting.

    Not a number where too few genes have counts in both.
    """
    genes = [gene for gene in first if min(first[gene], second.get(gene, 0)) >= MIN_COUNT]
    if len(genes) < MIN_GENES:
        return float("nan")
    x, y = (np.array([profile[gene] for gene in genes], float) for profile in (first, second))
    ratio = np.log2(x / y)
    noise = np.median(1 / x + 1 / y) / np.log(2) ** 2
    spread = (1.4826 * np.median(np.abs(ratio - np.median(ratio)))) ** 2
    return float(np.sqrt(max(spread - noise, 0)))


def ways_of(profiles: Mapping[str, Profiles], donors: Mapping[str, str]) -> dict[str, int]:
    """Numbers of the ways in which samples were made, from 1; none where they are not clearly several.

    Two samples are as far apart as the class in which they are nearest. A way is a set of samples, each near another
    one of them, and all far from the rest. One donor's samples may be apart from all others for the donor's sake: that
    only counts beside others that are alike.

    Parameters
    ----------
    profiles, donors : mappings by sample
    """
    from scipy.sparse.csgraph import connected_components  # not for every sample that is read

    names = [name for name, of_sample in profiles.items() if of_sample]
    between = np.full((len(names), len(names)), np.nan)
    for (i, first), (j, second) in combinations(enumerate(names), 2):
        shared = [kind for kind in profiles[first] if kind in profiles[second]]
        found = [distance(profiles[first][kind], profiles[second][kind]) for kind in shared]
        between[i, j] = between[j, i] = min((one for one in found if one == one), default=np.nan)
    known = np.isfinite(between).any(1)  # others share no class with any
    names, between = [name for name, one in zip(names, known, strict=True) if one], between[np.ix_(known, known)]
    n_ways, way = connected_components(sp.csr_matrix(between <= ALIKE))
    others = between[(way[:, None] != way) & np.isfinite(between)]
    donors_of = [len({donors[name] for name, one in zip(names, way, strict=True) if one == k}) for k in range(n_ways)]
    if n_ways < 2 or max(donors_of) < 2 or not (others > APART).all():
        return {}
    return {name: int(one) + 1 for name, one in zip(names, way, strict=True)}


def of_probes(symbols: Sequence[str] | pd.Index) -> bool:
    """Whether a file lists as many genes as a transcriptome and none that is not translated, as probes of Flex do."""
    return len(symbols) >= WHOLE and not any(UNTRANSLATED.match(str(name)) for name in symbols)


def named(chemistry: pd.Series, nuclei: Collection[str], probes: Collection[str]) -> pd.Series:
    """Names of chemistries, sample -> name, with what the counts and lists of genes say where no word does.

    Parameters
    ----------
    chemistry : Series, sample -> name, or empty
    nuclei, probes : collections of str
        Samples that are of nuclei by their counts, and of Flex by their genes.
    """
    told = pd.Series(
        {
            name: f"nuclei {one}".strip()
            if name in nuclei and "nuclei" not in one
            else one or "Flex" * (name in probes)
            for name, one in chemistry.items()
        },
        dtype=object,
    )
    changed = told[told != chemistry]
    others = " ".join({"nuclei": "whole cells", "Flex": "not Flex"}[name.split()[0]] for name in changed[:1])
    return told.where(told != "", others)


def unlike(profiles: Mapping[str, Profiles], samples: pd.DataFrame, known: pd.Series) -> list[str]:
    """What is said of samples made in several ways that no word tells apart.

    Parameters
    ----------
    profiles : mapping, sample -> Profiles
    samples : DataFrame
        The samplesheet.
    known : Series, sample -> name of its chemistry
        Empty where it is not known.
    """
    ways = pd.Series(ways_of(profiles, samples.set_index("sample")["donor"]), dtype=object)
    words = known.reindex(ways.index).fillna("")
    if not len(ways) or ((words != "").all() and ways.groupby(words).nunique().max() == 1):
        return []
    first, *along = mixed(ways.map("kind {}".format), samples, NOUN)
    why = "mRNAs of the ribosomal proteins are caught in other proportions in like cells; say which it is in a column"
    return [f"{first}: {why} 'chemistry'", *along]
