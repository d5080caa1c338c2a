"""Names of genes and barcodes: tidied, made unique, and refused where they give away what cannot be used."""

import re
from collections.abc import Sequence

import numpy as np

from compartments.core.errors import UserError
from compartments.counts.organisms import told_species
from compartments.counts.source import SEVERAL, Source, Texts
from compartments.counts.symbols import looks_like_barcodes, mend_symbols

SYMBOL_COLUMNS = (
    "gene_symbols",
    "gene_symbol",
    "symbol",
    "gene_names",
    "gene_name",
    "feature_name",
    "hgnc_symbol",
    "name",
)
NO_NAME = {"nan", "na", "n/a", "none", "null", "<na>", "#n/a", "-"}
BARCODE = re.compile(r"^(?P<before>.*?)(?P<bases>[ACGT]{8,}(?:[_-][ACGT]{6,})*)(?P<after>.*)$")
MOST_LOOKED_AT = 100_000  # barcodes
MOST_ORIGINS = 200  # suffixes or prefixes; more are parts of the barcodes
ENSEMBL = re.compile(r"^(ENS[A-Z]*G)(R?)(\d{6,})(\.\d+)?(_PAR_Y)?$")


def check_names(source: Source) -> None:
    """Mend ids and symbols, and refuse what names alone give away."""
    if not source.keep.any():
        kinds = ", ".join(source.left_out()) or "none"
        raise UserError(
            f"{source.path}: no gene expression features (it has: {kinds}); give the gene expression counts"
        )
    _check_barcodes(source)
    if mostly_ensembl(source.symbol[source.keep]) and not mostly_ensembl(source.gene_id[source.keep]):
        source.symbol, source.gene_id = source.gene_id, source.symbol
        if (source.symbol != source.gene_id).any():
            source.notes.append("columns of ids and symbols were the wrong way round: exchanged")
    source.gene_id = np.array([unversioned(g) for g in source.gene_id], dtype=object)
    source.symbol = np.array(
        [unversioned(s) if s else g for s, g in zip(source.symbol, source.gene_id, strict=True)], dtype=object
    )
    symbols = source.symbol[source.keep]
    if looks_like_barcodes(symbols):
        raise UserError(
            f"{source.path}: the genes are named like barcodes ({symbols[0]} ...): rows and columns are the wrong way "
            "round; transpose the matrix"
        )
    source.species = told_species(source, symbols, source.gene_id[source.keep])
    if mostly_ensembl(symbols):
        raise UserError(
            f"{source.path}: Ensembl ids without gene symbols ({symbols[0]} ...); add the symbols "
            f"(h5ad: a var column such as '{SYMBOL_COLUMNS[0]}'; mtx: second column of features.tsv), or give --gtf "
            "with the genes that were counted"
        )
    if mostly_numbers(symbols):
        raise UserError(
            f"{source.path}: the genes are named by numbers ({', '.join(symbols[:3])} ...); give their symbols "
            f"(h5ad: as var_names, or in a var column such as '{SYMBOL_COLUMNS[0]}')"
        )
    mend_symbols(source)


def _check_barcodes(source: Source) -> None:
    """Refuse barcodes that are none or not unique; tell where they are of several samples."""
    if len(source.barcodes) == 0:
        raise UserError(f"{source.path}: no barcodes")
    if any(name != name.strip() for name in source.barcodes[:1000]):
        source.barcodes = np.array([name.strip() for name in source.barcodes], dtype=object)
    if (source.barcodes == "").any():
        raise UserError(f"{source.path}: barcode {int(np.argmax(source.barcodes == '')) + 1} is empty; export it again")
    repeated = len(source.barcodes) - len(set(source.barcodes))
    if repeated:
        raise UserError(
            f"{source.path}: {repeated} barcodes occur twice: several samples in one file? Give one file per sample"
        )
    if origins := origins_of(source.barcodes):
        source.warnings.append(
            f"barcodes of {len(origins)} samples or wells in one file ({', '.join(origins[:4])}): if they are not of "
            f"one sample, {SEVERAL}"
        )


def origins_of(barcodes: Texts) -> list[str]:
    """What tells the barcodes of several samples or wells in one file apart, if anything does.

    Returns
    -------
    list of str
        Suffixes (``-1``, ``-2`` of aggregated wells) or prefixes (``patient1_``); empty unless there are several of
        them, each with a good part of the barcodes.
    """
    few = barcodes[:: max(1, len(barcodes) // MOST_LOOKED_AT)]
    found = [match for name in few if (match := BARCODE.match(name))]
    if len(found) < 0.9 * len(few):
        return []
    for part in ("after", "before"):
        names, numbers = np.unique([match[part] for match in found], return_counts=True)
        names = names[numbers >= max(2, 0.002 * len(found))]
        if 1 < len(names) <= MOST_ORIGINS:
            return [str(name) or "none" for name in names]
    return []


def tidy(names: Texts) -> Texts:
    """Names without blanks around them; empty where a program wrote that there is none."""
    stripped = [name.strip() for name in names]
    return np.array(["" if name.lower() in NO_NAME else name for name in stripped], dtype=object)


def make_unique(names: Sequence[str] | Texts) -> Texts:
    """Repeated names get ``-1``, ``-2`` ...; the first keeps its name. Array of str in, array of str out."""
    taken = set(names)
    seen: dict[str, int] = {}
    out = np.array(names, dtype=object)
    for i, name in enumerate(names):
        if name in seen:
            while (candidate := f"{name}-{seen[name]}") in taken:
                seen[name] += 1
            taken.add(candidate)
            out[i] = candidate
        else:
            seen[name] = 1
    return out


def unversioned(name: str) -> str:
    """An Ensembl id without its version; any other name as it is.

    A gene of the pseudoautosomal regions is one, though GENCODE has it on X and Y (``ENSG00000185291.12_PAR_Y``, before
    release 25 ``ENSGR0000185291.6``).
    """
    match = ENSEMBL.match(name)
    return match[1] + match[2].replace("R", "0") + match[3] if match else name


def mostly_ensembl(names: Texts) -> bool:
    """Whether more than half of the names are Ensembl ids."""
    return sum(bool(ENSEMBL.match(n)) for n in names) > len(names) / 2


def mostly_numbers(names: Texts) -> bool:
    """Whether more than half of the names are numbers, as of rows or Entrez."""
    return sum(name.removesuffix(".0").isdigit() for name in names) > len(names) / 2
