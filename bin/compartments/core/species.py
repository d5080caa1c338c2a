"""Of which species genes are, and what a human gene is called in mice: every list of human genes goes through here.

Counterparts are those of Ensembl 105 in the table that CellTypist ships and converts its models by; where it has none,
the mouse gene of the same name; for a few genes that cells are told by, what fills their place in mice.
"""

import csv
import re
from collections import Counter
from collections.abc import Collection, Container, Iterable
from functools import cache
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

HUMAN, MOUSE = "human", "mouse"
KNOWN = (HUMAN, MOUSE)
# Ensembl's prefixes of other species that cells are counted of
OF_PREFIX = {
    "ENSG": HUMAN, "ENSMUSG": MOUSE, "ENSRNOG": "rat", "ENSDARG": "zebrafish", "ENSSSCG": "pig",
    "ENSMMUG": "rhesus macaque", "ENSMFAG": "cynomolgus macaque", "ENSCJAG": "marmoset", "ENSOCUG": "rabbit",
    "ENSGALG": "chicken", "ENSCAFG": "dog", "ENSBTAG": "cow", "FBGN": "fruit fly", "WBGENE": "worm",
}  # fmt: skip
ENSEMBL = re.compile(r"(?:DEPRECATED_)?(ENS[A-Z]*G|FBgn|WBGene)\d{6,}")
TITLE = re.compile(r"[A-Z][a-z][a-z0-9]")  # Cd3e, as mice and rats have it
CAPITALS = re.compile(r"[A-Z]{2,}[A-Z0-9]*(-[A-Z0-9]+)*$")  # CD3E; no AC124606.1 or 1110002E22Rik, which mice have
OF_RATS = re.compile(r"RT1-")
TITLED = re.compile(r"Mt-[Nn]d")  # as rats have it, and mice after str.capitalize() or str_to_title()
NOT_OF_RATS = re.compile(r"(H2|Hla)-")  # what rats have in RT1: genes of mice, and human ones in small letters
MIXED = 0.1  # share of the genes from which another species is no accident of names
MOST_COUNTERPARTS = 4  # more are a family of genes, of which none is meant
PREDICTED = re.compile(r"Gm\d+|.+Rik$")  # names of what is not known as a gene of its own

# Names by a pattern, in both species.
OF_MITOCHONDRIA = re.compile(r"MT-|mt-")
RIBOSOMAL = re.compile(r"RP[SL]\d|Rp[sl]\d")
# names of ribosomal proteins without pseudogenes
RIBOSOMAL_PROTEIN = re.compile(r"(RP(L\d+A?|LP[012]|S\d+[AX]?|SA|L36AL?)|Rp(l\d+a?|lp[012]|s\d+[ax]?|sa|l36al?))$")
# genes that most cells have much of; their pseudogenes end in other letters
EVERYWHERE = re.compile(
    r"((?i:RP[LS]\d+[AX]?|RPLP[012]|MT-\w+|MALAT1|B2M|ACTB|TMSB4X|TMSB10|EEF1A1|TPT1|FTH1)|FTL|Ftl1)$"
)
UNTRANSLATED = re.compile(r"((?i:MALAT1|NEAT1|XIST)|LINC\d+|.+-AS\d|Gm\d+|.+Rik)$")
ANTIBODY = r"^(?:IG(?:H[ADEGM]\d?$|H[VDJ]|K[CVJ]|L[CVJ])|JCHAIN$|Ig(?:h[adegm]\d?[abc]?$|h[vdj]|k[cvj]|l[cvj])|Jchain$)"
IG_SEGMENT = re.compile(r"IG[HKL][VDJ](\d|I|\()|Ig[hkl][vdj]\d")
TR_SEGMENT = re.compile(r"TR[ABDG][VDJ]\d|Tr[abdg][vdj]\d|Tcrg-[VJ]\d")
RED_CELL_PLATELET = re.compile(r"HB[AB]\d*|PPBP|Hb[ab]-\w+|Ppbp")

# What the table lacks, or has as another gene than the one that is asked for.
IN_MOUSE: dict[str, tuple[str, ...]] = {
    "HBA1": ("Hba-a1",), "HBA2": ("Hba-a2",), "HBB": ("Hbb-bs", "Hbb-bt", "Hbb-b1", "Hbb-b2"),
    "HBG1": ("Hbb-y",), "HBG2": ("Hbb-bh1",), "HBZ": ("Hba-x",), "HBD": (), "HBM": (),
    "XIST": ("Xist",), "ZFY": ("Zfy1", "Zfy2"), "EIF1AY": ("Eif2s3y",), "RPS4Y1": (),
    "LYZ": ("Lyz2", "Lyz1"), "CD8B": ("Cd8b1",), "TRAC": ("Trac",), "TRBC1": ("Trbc1",), "TRBC2": ("Trbc2",),
    "TRDC": ("Trdc",), "TRGC1": ("Tcrg-C1",), "TRGC2": ("Tcrg-C2",), "TRAV1-2": ("Trav1",), "KLRB1": ("Klrb1c",),
    "LILRA4": ("Siglech",), "CLEC4C": ("Siglech",), "CCL21": ("Ccl21a", "Ccl21b"), "FTL": ("Ftl1",),
    "FCGR3A": ("Fcgr4",), "FCGR3B": (), "CMTM2": ("Cmtm2a",), "TNFRSF10C": (),
}  # fmt: skip


def species_of(symbols: Collection[Any], gene_ids: Collection[Any] = ()) -> str:
    """Name of the species whose genes these are, as far as names tell: by Ensembl ids, else by how symbols are written.

    Parameters
    ----------
    symbols, gene_ids : collections of str, shape (genes,)

    Returns
    -------
    str
        ``human``, ``mouse``, another species, or ``unknown`` of ids that are not listed here.
    """
    shares = _shares(symbols, gene_ids)
    return max(shares, key=lambda name: shares[name]) if shares else HUMAN


def mixed_species(symbols: Collection[Any], gene_ids: Collection[Any] = ()) -> list[str]:
    """Names of the species of some genes where they are of several, the most frequent first; else an empty list."""
    shares = _shares(symbols, gene_ids)
    found = sorted((name for name, share in shares.items() if share >= MIXED), key=lambda name: -shares[name])
    return found if len(found) > 1 else []


def _shares(symbols: Collection[Any], gene_ids: Collection[Any]) -> dict[str, float]:
    prefixes = [found[1].upper() for name in gene_ids if (found := ENSEMBL.match(str(name)))]
    if len(prefixes) > len(gene_ids) / 2:
        numbers = Counter(OF_PREFIX.get(prefix, "unknown") for prefix in prefixes)
        return {name: n / len(prefixes) for name, n in numbers.items()}
    if not len(symbols):
        return {}
    title, capitals = (sum(bool(form.match(str(one))) for one in symbols) / len(symbols) for form in (TITLE, CAPITALS))
    rats, titled, others = (any(map(form.match, map(str, symbols))) for form in (OF_RATS, TITLED, NOT_OF_RATS))
    rats |= titled and not others
    return {HUMAN: capitals, "rat" if rats else MOUSE: title}


@cache
def _pairs() -> list[tuple[str, str]]:
    """Human genes and their counterparts in mice, without importing CellTypist."""
    spec = find_spec("celltypist")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("No module named 'celltypist'", name="celltypist")
    path = Path(spec.origin).parent / "data" / "samples" / "Ensembl105_Human2Mouse_Genes.csv"
    with path.open(newline="") as lines:
        return list(dict.fromkeys((row[0], row[1]) for row in csv.reader(lines) if len(row) == 2 and all(row)))


@cache
def _by_human() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for human, mouse in _pairs():
        found[human] = (*found.get(human, ()), mouse)
    return found


def one_to_one(source: str, genes: Iterable[str]) -> dict[str, str]:
    """Genes of the ``source`` species that have one counterpart in the other, and are its only one among them.

    The rule of CellTypist's ``Model.convert``.
    """
    wanted = set(genes)
    pairs = [pair if source == HUMAN else pair[::-1] for pair in _pairs()]
    pairs = [pair for pair in pairs if pair[0] in wanted]
    own = Counter(first for first, _second in pairs)
    pairs = [pair for pair in pairs if own[pair[0]] == 1]
    other = Counter(second for _first, second in pairs)
    return {first: second for first, second in pairs if other[second] == 1}


def converted(source: str, genes: Iterable[str], symbols: Container[str]) -> dict[str, str]:
    """Genes of a model of the ``source`` species -> their names in data of the other, as far as both have them.

    Those of :func:`one_to_one`; a human gene for which the table has none, or one that the data do not list (S100A9 is
    Gm5849 there), goes by its first counterpart among the ``symbols`` of the data.
    """
    wanted = list(genes)
    found = one_to_one(source, wanted)
    if source == HUMAN:
        taken = {name for name in found.values() if name in symbols}
        for gene in wanted:
            name = next((one for one in counterparts(gene) if one in symbols and one not in taken), None)
            if name and found.get(gene) not in taken:
                found[gene] = name
                taken.add(name)
    return found


def of_mice(gene: str) -> bool:
    """Whether a name is written as mice have it: Cd3e, or one of the few in capitals, such as H2-K1 and C3."""
    return gene != gene.upper() or mouse_names().get(gene) == gene


def counterparts(gene: str) -> tuple[str, ...]:
    """What a human gene is called in mice; the name itself where it is no human gene's, and none where mice lack it."""
    if gene in IN_MOUSE:
        return IN_MOUSE[gene]
    if of_mice(gene):
        return (gene,)
    found = tuple(name for name in _by_human().get(gene, ()) if not PREDICTED.match(name))
    same = gene.capitalize()
    if same in found or not found:
        return (same,)
    return found if len(found) <= MOST_COUNTERPARTS else ()


@cache
def mouse_names() -> dict[str, str]:
    """Names of genes of mice in capitals -> as they are written."""
    return {mouse.upper(): mouse for _human, mouse in _pairs()}


def called_in(species: str, genes: Iterable[str]) -> list[str]:
    """Human genes as a species calls them, each once; those that are named as in the species already stay."""
    if species != MOUSE:
        return list(genes)
    return list(dict.fromkeys(chain.from_iterable(counterparts(gene) for gene in genes)))


def known_as(genes: Iterable[str], symbols: Container[str]) -> list[str]:
    """Names that some human genes have among the ``symbols`` of the data; without those that are not there."""
    found = [[gene] if gene in symbols else [one for one in counterparts(gene) if one in symbols] for gene in genes]
    return list(dict.fromkeys(chain.from_iterable(found)))
