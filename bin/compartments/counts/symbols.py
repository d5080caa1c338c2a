"""Symbols of genes as they should be written: mended where that is sure, else told."""

import re
from pathlib import Path

import numpy as np

from compartments.core.errors import UserError
from compartments.core.species import MOUSE, TITLE, counterparts, mouse_names
from compartments.counts.opening import open_text
from compartments.counts.source import Source, Texts

# the 13 genes of mitochondrial proteins: Ensembl id, HGNC's symbol, the name that RefSeq gives it
MITOCHONDRIAL = {
    "ENSG00000198888": ("MT-ND1", "ND1"), "ENSG00000198763": ("MT-ND2", "ND2"), "ENSG00000198804": ("MT-CO1", "COX1"),
    "ENSG00000198712": ("MT-CO2", "COX2"), "ENSG00000228253": ("MT-ATP8", "ATP8"),
    "ENSG00000198899": ("MT-ATP6", "ATP6"), "ENSG00000198938": ("MT-CO3", "COX3"), "ENSG00000198840": ("MT-ND3", "ND3"),
    "ENSG00000212907": ("MT-ND4L", "ND4L"), "ENSG00000198886": ("MT-ND4", "ND4"), "ENSG00000198786": ("MT-ND5", "ND5"),
    "ENSG00000198695": ("MT-ND6", "ND6"), "ENSG00000198727": ("MT-CYB", "CYTB"),
}  # fmt: skip
BARE = {name: symbol for symbol, refseq in MITOCHONDRIAL.values() for name in (refseq, symbol.removeprefix("MT-"))}
MIN_BARE = 4  # of these names in one file, which are no other genes'
OF_MT = re.compile(r"^MT[-._: ]?")
RNA = re.compile(r"RNR[12]|T[A-Z][12]?")  # further genes of the mitochondria, after MT-
MIN_MANGLED = 3
NAMED = re.compile(r'(gene_id|gene_name) "([^"]+)"')  # of a line of a GTF
MANGLED = re.compile(r"^(?:MT|HLA|mt|H2)(?P<mark>[._:])[A-Z]")
ACCESSION = re.compile(r"^[A-Z]{1,2}\d{5,8}\.\d+$|^ENS[A-Z]*[GTP]\d+|^hsa[.-]")
CLONE = re.compile(r"^(RP\d+|CT[A-D]|KB|LL\w+|GS1|XX\w+|AC|FP)\.(\w+)\.(\d+)$")
UNDERSCORED = re.compile(r"_(?:s?n?RNA|rRNA|SRP|alpha|snoRNA)|^U\d+_")
MONTHS = "jan|feb|mar|mrz|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez|dic"
DATE = re.compile(
    rf"^\d{{1,2}}[-. ]+(?:{MONTHS})$|^(?:{MONTHS})[- ]\d{{1,4}}$|^\d{{4}}-\d\d-\d\d|^\d\d?/\d\d?/\d{{4}}", re.I
)


def names_of_genes(gtf: str | Path) -> dict[str, str]:
    """Ids without version -> names, of the genes and transcripts of a GTF, plain or packed.

    Raises
    ------
    UserError
        It names no gene.
    """
    found: dict[str, str] = {}
    with open_text(Path(gtf)) as lines:
        for line in lines:
            if line.split("\t", 3)[2:3] in (["gene"], ["transcript"]) and (pair := NAMED.findall(line)):
                told = dict(pair)
                if len(told) == 2:
                    found[told["gene_id"].split(".")[0]] = told["gene_name"]
    if not found:
        raise UserError(f"--gtf '{Path(gtf).name}' has no genes with gene_id and gene_name")
    return found


def name_genes(source: Source, gtf: str | Path) -> None:
    """Symbols of genes that go by their ids, from a GTF (in place); a note says of how many."""
    named = names_of_genes(gtf)
    plain = [one.split(".")[0] for one in source.gene_id]
    source.symbol = np.array([named.get(one, one) for one in plain], dtype=object)
    known = sum(one in named for one in plain)
    source.notes.append(f"{known:,} of {len(plain):,} features are named by --gtf")


def mend_symbols(source: Source) -> None:
    """Symbols in capitals, with the hyphens and the ``MT-`` that programs took away (in place); notes say so.

    Raises
    ------
    UserError
        If symbols are in lower case and no Ensembl id says that they are of human genes.
    """
    _capitals(source)
    _hyphens(source)
    _mitochondria(source)
    kept = source.symbol[source.keep]
    dates = [name for name in kept if DATE.match(name)]
    if dates:
        source.warnings.append(
            f"{len(dates)} symbols are dates ({', '.join(dates[:3])}), as Excel makes of MARCH1 or SEPT2: these genes "
            "are not found by name; export the symbols anew"
        )
    if not _of_mt(source, kept):
        source.warnings.append(
            "no mitochondrial genes by name (MT-...): the limit of mitochondrial counts (--max_mt, --nmads_mt) does "
            "nothing here"
        )


def _capitals(source: Source) -> None:
    kept = source.symbol[source.keep]
    if source.species == MOUSE:
        known = mouse_names()
        if sum(bool(TITLE.match(name)) for name in kept) <= len(kept) / 2:
            names = [known.get(name.upper(), name.capitalize()) for name in source.symbol]
            source.symbol = np.array(names, dtype=object)
            source.notes.append("gene symbols were not written as of mice, whose ids they have: read as Cd3e")
        else:  # H2-k1, of str.capitalize(); but CD19 beside Cd19 is a transgene
            there = set(source.symbol)
            written = [known.get(name.upper(), name) for name in source.symbol]
            pairs = zip(source.symbol, written, strict=True)  # Mt-cyb and its like: see _mitochondria
            names = [name if new in there or name.startswith("Mt-") else new for name, new in pairs]
            if changed := [(old, new) for old, new in zip(source.symbol, names, strict=True) if old != new]:
                source.symbol = np.array(names, dtype=object)
                source.notes.append(f"{len(changed)} symbols of mice are read as {changed[0][1]} of {changed[0][0]}")
        return
    lower = [name for name in kept if name[:1].isalpha() and name == name.lower()]
    if len(lower) <= len(kept) / 2:
        return
    human = sum(g.startswith("ENSG") for g in source.gene_id[source.keep])
    if human <= len(kept) / 2:
        raise UserError(
            f"{source.path}: gene symbols in lower case ({', '.join(lower[:3])} ...), as of zebrafish or changed by a "
            "program; human gene symbols are in capitals (CD3E), those of mice begin with one (Cd3e): export them "
            "as they were"
        )
    orf = re.compile(r"^(C(?:\d+|X|Y))ORF(\d+)")
    source.symbol = np.array([orf.sub(r"\1orf\2", name.upper()) for name in source.symbol], dtype=object)
    source.notes.append("gene symbols were in lower case: read in capitals")


def _hyphens(source: Source) -> None:
    """Hyphens where R or another program put dots or underscores: told from MT and HLA."""
    kept = source.symbol[source.keep]
    marks = [found["mark"] for name in kept if (found := MANGLED.match(name))]
    if len(marks) < MIN_MANGLED or sum("-" in name for name in kept) > 0.001 * len(kept):
        return
    mark = max(sorted(set(marks)), key=marks.count)
    source.symbol = np.array([_hyphened(name, mark) for name in source.symbol], dtype=object)
    source.notes.append(f"gene symbols had '{mark}' for '-' (MT{mark}CO1): read with hyphens")


def _hyphened(name: str, mark: str) -> str:
    if ACCESSION.match(name) or UNDERSCORED.search(name):
        return name
    if mark == "." and (clone := CLONE.match(name)):
        return f"{clone[1]}-{clone[2]}.{clone[3]}"
    return name.replace(mark, "-")


def _mitochondria(source: Source) -> None:
    """``MT-`` before the mitochondrial genes, told from their Ensembl ids, else from several of their bare names."""
    known = np.array([MITOCHONDRIAL.get(g, ("", ""))[0] for g in source.gene_id], dtype=object)
    if not (known != "").any() and not _of_mt(source, source.symbol):
        bare = np.array([_of_mitochondria(name.upper()) for name in source.symbol], dtype=object)
        known = bare if len(set(bare[source.keep]) - {""}) >= MIN_BARE else known
    if source.species == MOUSE:
        known = np.array([_in_mice(name) for name in known], dtype=object)
    changed = (known != "") & (known != source.symbol)
    if changed.any():
        few = ", ".join(source.symbol[changed][:3])
        source.symbol = np.where(changed, known, source.symbol)
        source.notes.append(f"{int(changed.sum())} mitochondrial genes without MT- ({few}): named as HGNC does")


def _of_mt(source: Source, symbols: Texts) -> bool:
    """Whether any gene is named as a mitochondrial one of its species."""
    prefix = "mt-" if source.species == MOUSE else "MT-"
    return any(name.startswith(prefix) for name in symbols)


def _in_mice(symbol: str) -> str:
    """``mt-Nd1`` of ``MT-ND1``."""
    of_protein = symbol.removeprefix("MT-") in BARE
    return counterparts(symbol)[0] if of_protein else symbol and f"mt-{symbol.removeprefix('MT-').capitalize()}"


def _of_mitochondria(name: str) -> str:
    """HGNC's symbol of a mitochondrial gene, of a name with or without a kind of ``MT``; empty for other genes."""
    rest = OF_MT.sub("", name)
    return BARE.get(rest, "") or (f"MT-{rest}" if rest != name and RNA.fullmatch(rest) else "")


def looks_like_barcodes(names: Texts) -> bool:
    """Whether most of the names are of bases, as cell barcodes are."""
    few = names[:: max(1, len(names) // 1000)]
    return bool(len(few)) and sum(bool(re.search(r"[ACGT]{12,}", name)) for name in few) > 0.8 * len(few)
