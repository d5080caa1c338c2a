"""Which features are genes of the genome wanted."""

from pathlib import Path

import numpy as np
import pytest

from compartments.core.errors import UserError
from compartments.core.species import _by_human
from compartments.counts.features import choose_features
from compartments.counts.source import Source

GENES = ["CD3E", "CD4", "HLA-DRA", "MT-CO1", "ADTRP", "IGHV1-69-2", "ANTXR1", "PROTL1"]
IDS = [f"ENSG{i:011d}" for i in range(len(GENES))]


def chosen(symbols, ids, types=None, genomes=None, genome=None):
    n = len(symbols)
    names = (np.array(part, dtype=object) for part in (ids, symbols, types or [""] * n))
    source = Source(Path("f"), "10x mtx", "m", np.array(["b"], object), *names, np.ones(n, bool))
    source.genome = None if genomes is None else np.array(genomes, object)
    choose_features(source, genome)
    return source


@pytest.mark.parametrize("word", ["Gene Expression", "gene expression", "rna", "GEX", "", "protein_coding"])
def test_types_for_genes_in_many_words(word):
    other = ["Antibody Capture", "protein", "ADT", "hto", "Peaks", "CRISPR Guide Capture", "Custom"]
    extra = [f"x{i}" for i in range(len(other))]
    source = chosen(GENES + extra, IDS + extra, [word] * len(GENES) + other)
    assert source.symbol[source.keep].tolist() == GENES
    assert sum(source.left_out().values()) == len(other)


@pytest.mark.parametrize("with_ids", [True, False])
def test_antibodies_tags_and_peaks_without_types(with_ids):
    others = [
        "CD3_TotalSeqB", "CD4-ADT", "ADT_CD8", "prot_CD19", "anti-human_CD56", "IgG1_isotype", "CD45.Ab",
        "HTO_1", "Hashtag3", "CMO301", "chr1:1000-2500", "chrX-5-900", "GL000194.1:11-99", "sgRNA_12",
    ]  # fmt: skip
    source = chosen(GENES + others, (IDS if with_ids else GENES) + others)
    assert source.symbol[source.keep].tolist() == GENES and not source.warnings
    assert source.left_out() == {"Antibody, by name": 7, "Tag, by name": 3, "Peak, by name": 3, "Guide, by name": 1}


def test_no_gene_of_either_species_goes_by_its_name():
    names = [gene for human in ("H2-Ab1", *_by_human()) for gene in (human, *_by_human().get(human, ()))]
    for symbols in (names, [n.replace("-", ".") for n in names], [n.upper() for n in names], ["mm10___H2-Ab1"]):
        assert chosen(symbols, symbols).keep.all()
    others = ["CD3-Ab", "CD4_ab", "H2-Kb-Ab", "H2Kb_Ab1", "HTO-1"]
    source = chosen(GENES + others, GENES + others)
    assert source.symbol[source.keep].tolist() == GENES


def test_proteins_named_as_genes_are_told_by_the_id_that_they_lack():
    source = chosen([*GENES, "CD4", "EGFP"], [*IDS, "CD4", "EGFP"])
    assert source.keep.sum() == len(GENES) + 1 and source.left_out() == {"Antibody, by name": 1}
    assert "1 features without an Ensembl id" in source.warnings[0] and "EGFP" in source.warnings[0]


def test_genes_of_cd_molecules_that_lack_their_id_are_genes():
    lacking, proteins = ["CD24", "CD3D", "CD68"], ["CD3", "CD45RA", "CD4", "CD8a"]
    symbols = [*GENES, "CD8A", *lacking, *proteins]
    source = chosen(symbols, [*IDS, "ENSG00000099999", "", "", "CD68", *proteins])
    assert source.symbol[source.keep].tolist() == [*GENES, "CD8A", *lacking]
    assert source.left_out() == {"Antibody, by name": 4}
    assert "3 features without an Ensembl id among genes that have one (CD24, CD3D, CD68)" in source.warnings[0]
    mice = [gene.capitalize() for gene in GENES]  # Cd4 is there, and an antibody to it
    source = chosen([*mice, "CD4"], [*(one.replace("ENSG", "ENSMUSG") for one in IDS), "CD4"])
    assert source.symbol[source.keep].tolist() == mice


def test_what_the_file_types_as_genes_is_kept_whatever_its_name():
    more = ["CD34t", "CD34", "anti_BCMA_CAR", "CAR_prot"]  # transgenes, and a gene whose id is missing
    types = ["Gene Expression"] * (len(GENES) + len(more))
    source = chosen(GENES + more, IDS + more, types)
    assert source.keep.all() and source.left_out() == {}
    assert len(source.warnings) == 1 and "4 features without an Ensembl id" in source.warnings[0]
    source = chosen(GENES + more, GENES + more, types)  # no gene has an id: those of odd names alone are told
    assert source.keep.all() and len(source.warnings) == 1
    assert "2 features named as antibodies or tags are (anti_BCMA_CAR, CAR_prot) are counted" in source.warnings[0]


@pytest.mark.parametrize("blank", ["", "nan", "<NA>"])
def test_features_without_a_type_among_typed_ones_go_by_their_names(blank):
    others = ["CD4", "HTO_1"]
    types = ["Gene Expression"] * 4 + [blank] * (len(GENES) - 4 + len(others))
    source = chosen(GENES + others, IDS + others, types)
    assert source.symbol[source.keep].tolist() == GENES
    assert source.left_out() == {"Antibody, by name": 1, "Tag, by name": 1}


def test_one_assembly_of_two_releases_is_one_genome():
    for stated in ("GRCh38-2024-A", "GRCh38_2020-A", "GRCh38.p13", "GRCh38"):
        assert chosen(GENES, IDS, genomes=[stated] * len(GENES), genome="GRCh38").keep.all()
    for stated in ("mm10-2020-A", "GRCh38_and_mm10", "GRCh37"):
        with pytest.raises(UserError, match="genome 'GRCh38' is not in the file"):
            chosen(GENES, IDS, genomes=[stated] * len(GENES), genome="GRCh38")


@pytest.mark.parametrize("stated", [True, False])
def test_one_of_two_genomes_is_asked_for_and_used(stated):
    symbols = [f"GRCh38_{s}" for s in GENES] + [f"mm10___{s.title()}" for s in GENES] + ["SARS2_N"]
    ids = [f"GRCh38_{i}" for i in IDS] + [f"mm10___{i.replace('ENSG', 'ENSMUSG')}" for i in IDS] + ["SARS2_g1"]
    genomes = ["GRCh38"] * 8 + ["mm10"] * 8 + ["SARS2"] if stated else None
    with pytest.raises(UserError, match=r"GRCh38, SARS2, mm10.*--genome"):
        chosen(symbols, ids, genomes=genomes)
    source = chosen(symbols, ids, genomes=genomes, genome="GRCh38")
    assert source.symbol[source.keep].tolist() == GENES and source.gene_id[source.keep].tolist() == IDS
    assert source.left_out() == {"other genome": 9}


def test_probes_name_their_genes_and_deprecated_ones_go():
    ids = [f"{i}|{s}|a1b2" for i, s in zip(IDS, GENES, strict=True)] + ["DEPRECATED_ENSG00000000001|CD4|c3"]
    source = chosen([*ids[:-1], "CD4"], ids)
    assert source.gene_id[source.keep].tolist() == IDS and source.symbol[source.keep].tolist() == GENES
    assert source.left_out() == {"Deprecated probe": 1}
