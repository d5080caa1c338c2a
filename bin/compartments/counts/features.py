"""Which features of a file are genes of the genome wanted, told by their types, genomes and names."""

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.core.errors import UserError
from compartments.counts.source import GENE_EXPRESSION, Source, Texts

ENSEMBL_GENE = re.compile(r"^ENS[A-Z]*GR?\d{6,}")
GENE_TYPES = {"geneexpression", "gene", "genes", "gex", "rna", "mrna", "expression", "transcriptome"}
OTHER_TYPES = {
    "antibodycapture", "antibody", "antibodies", "ab", "adt", "adts", "protein", "proteins", "prot", "surfaceprotein",
    "citeseq", "hto", "htos", "hashtag", "hashtags", "hashing", "multiplexingcapture", "cmo", "tag", "tags", "peaks",
    "peak", "atac", "chromatinaccessibility", "crisprguidecapture", "crispr", "guide", "grna", "sgrna", "custom",
    "antigencapture", "vdj", "vdjt", "vdjb", "tcr", "bcr",
}  # fmt: skip
BLANK_TYPES = {"", "na", "nan", "none", "null"}  # the feature goes by its name
# names that no gene has; those of antibodies also end gene names of some programs, hence the separators
UNTYPED = {
    "Antibody, by name": re.compile(
        r"total-?seq|[_.:-](adt|ab|prot|protein|totala|totalb|totalc|pabo|abseq)([_.-]?\d+)?$"
        r"|^(adt|ab|prot|protein|abseq|anti)[_.:-]|^anti-?(human|mouse)|isotype|^ig(g|m)\d?[a-z]?[_. -]*(ctrl|control)",
        re.I,
    ),
    "Tag, by name": re.compile(r"^(hto|cmo)[_.-]?\d+$|^hto[_.-]|[_.-]hto$|hash-?tag|^sample_?tag", re.I),
    "Guide, by name": re.compile(r"^(sg|g)rna[_.-]|[_.-](sg|g)rna([_.-]?\d+)?$", re.I),
    "Peak, by name": re.compile(r"^(chr[\w.]+|(gl|ki)\d+(\.\d)?|\d{1,2}|x|y|mt)[:_-]\d+[_-]\d+$", re.I),
}
NAMED_LIKE_ANTIBODY = re.compile(r"(^|_)H2[_.:-]Ab1$", re.I)  # the one gene of people or mice
CLUSTER_OF_DIFFERENTIATION = re.compile(r"^CD\d+(R[ABO]|[A-Za-z])?([-./]\d)?$")
# HGNC's symbols of that form; all others (CD3, CD45RA) name proteins alone
CD_GENE = re.compile(
    r"^CD(1[A-E]|3[DEG]|5L|8[AB]|79[AB]|300[ACEH]|[24-79]|14|19|2[2478]|3[34678]|4[04678]|5[23589]|6[389]|7[024]"
    r"|8[0-46]|9[369]|101|109|151|16[034]|177|180|20[079]|226|244|24[78]|27[46]|302|320)$"
)
PROBE = re.compile(r"^(?P<id>(?:DEPRECATED_)?ENS[A-Z]*G\d{6,}(?:\.\d+)?)\|(?P<symbol>[^|]+)\|")
# "ENSG00000198851.9_CD3E" or "CD3E_ENSG00000198851": names that some programs make unique so
JOINED = (
    re.compile(r"^(?P<id>ENS[A-Z]*G\d{11}(?:\.\d+)?)[_|:;-](?P<symbol>\S+)$"),
    re.compile(r"^(?P<symbol>\S+)[_|:;-](?P<id>ENS[A-Z]*G\d{11}(?:\.\d+)?)$"),
)
DEPRECATED = re.compile(r"^DEPRECATED_")
# "GRCh38_ENSG...", "mm10___ENSMUSG...": Cell Ranger's way to name genes of several genomes
PREFIXED_ID = re.compile(r"^(?P<genome>[A-Za-z0-9][\w.-]*?)_+ENS[A-Z]*G\d{6,}")
PREFIXED = re.compile(
    r"^(?P<genome>GRCh3[78]|GRCm3[89]|hg19|hg38|mm9|mm10|mm39|Rnor_6\.0|mRatBN7|rn\d|macFas\d)_+(?=\S)"
)


def choose_features(source: Source, genome: str | None) -> None:
    """Set ``keep`` to the genes of the one genome, with types and names as they are wanted (in place).

    Parameters
    ----------
    source : Source
        With ``feature_type`` as in the file, empty where it has none.
    genome : str or None
        Which one to take where there are several.

    Raises
    ------
    UserError
        If there are several genomes and none of them is chosen.
    """
    _probes(source)
    _joined(source)
    typed = _stated(source.feature_type)
    source.keep &= _of_genes(source.feature_type)
    source.feature_type = np.where(source.keep, GENE_EXPRESSION, source.feature_type)
    _one_genome_only(source, genome)
    for names in (source.gene_id, source.symbol):
        _leave_out(source, _matching(DEPRECATED, names), "Deprecated probe")
    doubtful = _by_name(source, typed)
    _without_id(source, typed, doubtful)


def _leave_out(source: Source, which: npt.NDArray[np.bool_], kind: str) -> None:
    """Take features that were kept so far out, as being of another kind."""
    source.feature_type = np.where(source.keep & which, kind, source.feature_type)
    source.keep = source.keep & ~which


def _matching(pattern: re.Pattern[str], names: Texts) -> npt.NDArray[np.bool_]:
    return np.fromiter((bool(pattern.search(name)) for name in names), bool, len(names))


def _by_name(source: Source, typed: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Leave out what is named as no gene is, unless the file types it as one, as a transgene is: which these are."""
    doubtful = np.zeros(len(typed), bool)
    # a gene with an Ensembl id is one, whatever its name
    genes = _matching(ENSEMBL_GENE, source.gene_id) | _matching(NAMED_LIKE_ANTIBODY, source.symbol)
    for kind, pattern in UNTYPED.items():
        named = _matching(pattern, source.symbol) & ~genes
        _leave_out(source, named & ~typed, kind)
        doubtful |= named & typed & source.keep
    return doubtful


def _few(names: Texts) -> str:
    return ", ".join(str(name) for name in names[:3])


def _probes(source: Source) -> None:
    """Ids and symbols of genes in place of those of Flex probes, which name both."""
    if not len(source.gene_id) or not PROBE.match(str(source.gene_id[0])):
        return
    found = [PROBE.match(name) for name in source.gene_id]
    pairs = zip(source.gene_id, source.symbol, found, strict=True)
    source.symbol = np.array([m["symbol"] if m and s == g else s for g, s, m in pairs], dtype=object)
    source.gene_id = np.array([m["id"] if m else g for g, m in zip(source.gene_id, found, strict=True)], dtype=object)


def _joined(source: Source) -> None:
    """Ids and symbols apart where most names are of both."""
    for pattern in JOINED:
        found = [pattern.match(str(name)) for name in source.symbol]
        if sum(map(bool, found)) > len(found) / 2:
            pairs = list(zip(source.gene_id, source.symbol, found, strict=True))
            source.symbol = np.array([m["symbol"] if m else s for _, s, m in pairs], dtype=object)
            source.gene_id = np.array([m["id"] if m else g for g, _, m in pairs], dtype=object)
            source.notes.append(f"names of genes were ids and symbols together ({pairs[0][1]}): taken apart")
            return


def _words(types: Texts) -> tuple[list[str], npt.NDArray[np.intp]]:
    """Distinct types, in small letters alone, and which of them each feature has."""
    distinct, codes = np.unique(types.astype(str), return_inverse=True)
    return [re.sub(r"[^a-z]", "", word.lower()) for word in distinct], codes.ravel()


def _stated(types: Texts) -> npt.NDArray[np.bool_]:
    """Which features the file itself types as genes; a name says nothing against that."""
    words, codes = _words(types)
    return np.array([word in GENE_TYPES for word in words], dtype=bool)[codes]


def _of_genes(types: Texts) -> npt.NDArray[np.bool_]:
    """Which types may stand for genes: 10x's word or one like it, and none; else all not known as something else.

    Biotypes ("protein_coding") are no such types; a file of them has genes only.
    """
    words, codes = _words(types)
    genes = np.array([word in GENE_TYPES for word in words], dtype=bool)
    blank = np.array([word in BLANK_TYPES for word in words], dtype=bool)
    other = np.array([word in OTHER_TYPES for word in words], dtype=bool)
    return (genes | blank if genes.any() else ~other)[codes]


def _one_genome_only(source: Source, genome: str | None) -> None:
    """Keep one genome's genes, and take its name from before theirs, which stands there where there are several."""
    labels = _genomes(source)
    if labels is None:
        return
    wanted = one_genome(source.path, np.unique(labels[source.keep]).tolist(), genome)
    _leave_out(source, labels != wanted, "other genome")
    prefix = re.compile(rf"^{re.escape(wanted)}_+")
    if _matching(prefix, source.symbol[source.keep]).mean() > 0.5:
        source.symbol = np.array([prefix.sub("", name) for name in source.symbol], dtype=object)
        source.gene_id = np.array([prefix.sub("", name) for name in source.gene_id], dtype=object)


def _genomes(source: Source) -> Texts | None:
    """Genome of each feature: from the file, else from what stands before most names; None if neither says it."""
    if not source.keep.any():
        return None
    stated = source.genome
    if stated is not None and len(set(stated[source.keep]) - {""}) > 1:
        return stated
    pairs = zip(source.gene_id, source.symbol, strict=True)
    found = [PREFIXED_ID.match(g) or PREFIXED.match(g) or PREFIXED.match(s) for g, s in pairs]
    if sum(bool(m) and bool(k) for m, k in zip(found, source.keep, strict=True)) > 0.5 * source.keep.sum():
        # others, as of a virus, are named before their first underscore, too
        names = zip(found, source.gene_id, strict=True)
        return np.array([m["genome"] if m else g.partition("_")[0] for m, g in names], dtype=object)
    return stated if stated is not None and (stated[source.keep] != "").all() else None


def one_genome(path: Path, genomes: list[str], genome: str | None) -> str:
    """The genome to read, from those a file has; a UserError unless there is one or one was chosen."""
    genomes = sorted(genomes)
    if genome in genomes:
        return genome
    if genome is None and len(genomes) == 1:
        return genomes[0]
    # the same assembly with another release of genes ("GRCh38", "GRCh38-2024-A"), as another run may have used
    like = [one for one in genomes if genome and _assembly(one) == _assembly(genome)]
    if len(like) == 1:
        return like[0]
    wrong = f"genome '{genome}' is not in the file" if genome else "several genomes in one file"
    raise UserError(f"{path}: {wrong} ({', '.join(genomes)}); choose one of them with --genome")


def _assembly(genome: str) -> str:
    """Name of a genome without its release: nothing is cut from names of two (``GRCh38_and_mm10``)."""
    return re.sub(r"[-_.](p\d+|\d[\w.]*(-[A-Z])?|ensembl.*|gencode.*)$", "", genome, flags=re.I).lower()


def _without_id(source: Source, typed: npt.NDArray[np.bool_], doubtful: npt.NDArray[np.bool_]) -> None:
    """Names of proteins among genes that have ids are antibodies, unless typed; what else has no id is told.

    A protein named as its gene is an antibody if that gene is there, too, with its id, else the gene.

    Where most genes have none, those that are ``doubtful`` by their names alone are told.
    """
    with_id = _matching(ENSEMBL_GENE, source.gene_id)
    odd, what = doubtful, "named as antibodies or tags are"
    if with_id[source.keep].any() and with_id[source.keep].mean() >= 0.5:
        protein = _matching(CLUSTER_OF_DIFFERENTIATION, source.symbol) & ~with_id & ~typed
        there = {name.upper() for name in source.symbol[with_id & source.keep]}
        lacking = _matching(CD_GENE, source.symbol) & ~pd.Index(source.symbol).isin(there)
        _leave_out(source, protein & ~lacking, "Antibody, by name")
        odd, what = source.keep & ~with_id, "without an Ensembl id among genes that have one"
    if odd.any():
        source.warnings.append(
            f"{int(odd.sum())} features {what} ({_few(source.symbol[odd])}) are counted as genes: "
            "if they are antibodies or tags, leave them out"
        )
