"""Names of genes and barcodes: tidied, made unique, and refused where they give away what cannot be used."""

import re
from collections.abc import Sequence

import numpy as np

from compartments.core.errors import UserError
from compartments.counts.source import Source, Texts

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
ENSEMBL = re.compile(r"^(ENS[A-Z]*G\d{6,})(\.\d+)?(_PAR_Y)?$")


def check_names(source: Source) -> None:
    """Refuse what names alone give away, and tidy ids and symbols."""
    if not source.keep.any():
        kinds = ", ".join(source.left_out()) or "none"
        raise UserError(
            f"{source.path}: no gene expression features (it has: {kinds}); give the gene expression counts"
        )
    if len(source.barcodes) == 0:
        raise UserError(f"{source.path}: no barcodes")
    repeated = len(source.barcodes) - len(set(source.barcodes))
    if repeated:
        raise UserError(
            f"{source.path}: {repeated} barcodes occur twice: several samples in one file? Give one file per sample"
        )
    source.gene_id = np.array([unversioned(g) for g in source.gene_id], dtype=object)
    source.symbol = np.array(
        [unversioned(s) if s else g for s, g in zip(source.symbol, source.gene_id, strict=True)], dtype=object
    )
    symbols = source.symbol[source.keep]
    if foreign := foreign_species(source.gene_id[source.keep], symbols):
        raise UserError(
            f"{source.path}: {foreign} genes ({', '.join(symbols[:3])} ...), human gene symbols are expected; "
            "map them to human orthologues or leave the sample out"
        )
    if mostly_ensembl(symbols):
        raise UserError(
            f"{source.path}: Ensembl ids without gene symbols ({symbols[0]} ...); add the symbols "
            f"(h5ad: a var column such as '{SYMBOL_COLUMNS[0]}'; mtx: second column of features.tsv)"
        )


def foreign_species(gene_id: Texts, symbol: Texts) -> str:
    """Name of the species when genes are plainly not human, else an empty string.

    Ensembl ids decide where there are any; else symbols in Title case (Cd3e), as mouse and rat have them.
    """
    prefixes = [m.group(1) for g in gene_id if (m := re.match(r"^(?:DEPRECATED_)?(ENS[A-Z]*G)\d{6,}", g))]
    if len(prefixes) > len(gene_id) / 2:
        human = sum(p == "ENSG" for p in prefixes)
        mouse = sum(p == "ENSMUSG" for p in prefixes)
        if human < len(prefixes) / 2:
            return "mouse" if mouse > len(prefixes) / 2 else "non-human"
        return ""
    title = sum(bool(re.match(r"^[A-Z][a-z][a-z0-9]", s)) for s in symbol)
    return "mouse-like" if title > len(symbol) / 2 else ""


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
    """An Ensembl id without its version; any other name as it is."""
    match = ENSEMBL.match(name)
    return match.group(1) + (match.group(3) or "") if match else name


def mostly_ensembl(names: Texts) -> bool:
    """Whether more than half of the names are Ensembl ids."""
    return sum(bool(ENSEMBL.match(n)) for n in names) > len(names) / 2
