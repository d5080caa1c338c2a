"""Genes of files that list different ones, or name them otherwise."""

import anndata
import numpy as np
import pandas as pd

from compartments.counts.chemistry import Made
from compartments.counts.references import cohort_names, genes_table, origins, unite_genes
from compartments.study.samplesheet import parse_samplesheet


def file_of(*genes):
    """Genes of a file, from ``symbol:number of the id`` or ``symbol``."""
    split = [gene.partition(":") for gene in genes]
    ids = [
        f"ENSG{number.partition('.')[0]:0>11}{''.join(number.partition('.')[1:])}" if number else symbol
        for symbol, _, number in split
    ]
    return pd.DataFrame({"gene_id": ids}, index=pd.Index([symbol for symbol, _, _ in split], dtype=object))


def joined(*files):
    """Names that the genes of each file have in the cohort."""
    united = unite_genes([file_of(*genes) for genes in files])
    return united, [list(united.genes.index[position]) for position in united.positions]


def test_files_of_one_list_stay_as_they_are():
    genes = ["A-1:3", "A:1", "B:2", "C"]
    united, names = joined(genes, genes)
    assert names == [["A-1", "A", "B", "C"]] * 2 and united.everywhere.all()
    assert genes_table(united, ["a", "b"]).empty
    assert list(united.reference) == [0, 0]


def test_one_id_with_two_names_is_one_gene():
    """Of the name that most files give it; a version is no part of an id."""
    united, names = joined(["MARCH1:7", "B:2"], ["MARCHF1:7.12", "B:2"], ["B:2.3", "MARCHF1:7"])
    assert names == [["MARCHF1", "B"], ["MARCHF1", "B"], ["B", "MARCHF1"]]
    assert united.everywhere.all()
    row = genes_table(united, ["a", "b", "c"]).iloc[0]
    assert (row["gene"], row["other_names"], row["n_samples_without"]) == ("MARCHF1", "MARCH1", 0)


def test_one_symbol_of_two_ids_is_two_genes_in_any_order():
    united, names = joined(["TBCE:1", "B:3", "TBCE-1:2"], ["TBCE:2", "TBCE-1:1", "B:3"])
    assert names == [["TBCE", "B", "TBCE-1"], ["TBCE-1", "TBCE", "B"]]
    assert list(united.genes["gene_id"].str[-1]) == ["1", "3", "2"] and united.everywhere.all()


def test_names_that_end_in_a_number_are_no_repeats():
    _, names = joined(["NKX2-1:1", "NKX2-5:2"], ["NKX2-5:2", "NKX2-1:1", "B:3"])
    assert names == [["NKX2-1", "NKX2-5"], ["NKX2-5", "NKX2-1", "B"]]


def test_an_id_given_twice_in_a_file_keeps_both_rows_apart():
    united, names = joined(["A:1", "A-1:1"], ["A:1", "B:2"])
    assert names == [["A", "A-1"], ["A", "B"]] and len(united.genes) == 3


def test_files_without_ids_are_joined_by_the_names_that_others_have_ids_of():
    united, names = joined(["GNB2L1:5", "B:2", "TBCE:1", "TBCE-1:3"], ["RACK1:5", "B:2"], ["GNB2L1", "B", "Z", "TBCE"])
    assert names[2][:3] == ["GNB2L1", "B", "Z"] and names[1] == ["GNB2L1", "B"]
    # which of two ids the symbol stands for cannot be told: a gene of its own, which no other file has
    own = united.genes.index.get_loc(names[2][3])
    assert own not in united.positions[0] and not united.everywhere[own]
    assert list(united.with_ids) == [True, True, False]
    apart, of_symbols = joined(["GNB2L1", "B"], ["RACK1", "B"])
    assert of_symbols == [["GNB2L1", "B"], ["RACK1", "B"]] and list(apart.everywhere) == [False, True, False]


def test_genes_of_a_file_find_their_names_in_the_cohort():
    files = [["MARCH1:7", "B:2", "X:9"], ["MARCHF1:7", "B:2"], ["MARCHF1:7", "B:2"]]
    united, _ = joined(*files)
    table = genes_table(united, ["a", "b", "c"])
    first = file_of(*files[0])
    names, kept = cohort_names(table, first.index, first["gene_id"])
    assert list(names) == ["MARCHF1", "B", "X"] and list(kept) == [True, True, False]
    assert table.set_index("gene").loc["X", "samples_without"] == "b;c"
    names, kept = cohort_names(table, ["MARCH1", "B"], ["MARCH1", "B"])
    assert list(names) == ["MARCHF1", "B"] and kept.all()


def study_sheet(n=4, chemistry=None):
    rows = [f"S{k},D{k},blood,{'treated' if k < n // 2 else 'untreated'},{k}.h5" for k in range(n)]
    rows = [row + (f",{chemistry[k]}" if chemistry else "") for k, row in enumerate(rows)]
    return parse_samplesheet(
        "sample,donor,compartment,condition,raw" + ",chemistry" * bool(chemistry) + "\n" + "\n".join(rows)
    )


def test_lists_that_go_with_an_arm_are_said():
    short, long = ["A:1", "B:2"], ["A:1", "B:2", "C:3"]
    united, _ = joined(short, short, long, long)
    names = ["S0", "S1", "S2", "S3"]
    table, said = origins(united, study_sheet(), dict.fromkeys(names, Made()))
    assert table["gene_list"].tolist() == [1, 1, 2, 2] and table["n_genes_lacking"].tolist() == [1, 1, 0, 0]
    assert said[0].startswith(
        "samples differ in the genes that their files list: list 1 of 2 genes in S0 and S1; list 2 of 3 genes"
    )
    assert "1 of 3 genes (C ...) are not in every file and are compared only where all samples have them" in said[0]
    assert (
        said[1].startswith("in blood the list of genes goes with condition (treated: list 1 of 2 genes (2); untreated")
        and len(said) == 2
    )
    _, nothing = origins(joined(long, long)[0], study_sheet(), {"S0": Made(), "S2": Made()})
    assert nothing == []


def test_the_file_that_costs_most_genes_is_named():
    long = [f"G{k}:{k}" for k in range(20)]
    united, _ = joined(long[:5], long, long, long[:-1])
    _, said = origins(united, study_sheet(), dict.fromkeys(["S0", "S1", "S2", "S3"], Made()))
    assert "14 of these genes are lacking in S0 alone" in said


def test_files_cut_each_to_its_own_genes_are_told_from_references():
    united, _ = joined(["A:1", "B:2"], ["A:1", "C:3"], ["A:1", "B:2", "C:3"])
    _, said = origins(united, study_sheet(), dict.fromkeys(["S0", "S1", "S2"], Made()))
    assert len(said) == 2 and said[1].startswith("every file lists genes of its own: if they were cut to genes")


CHEMISTRIES = {"1k_PBMC_v2_raw.h5ad": "3' v2", "1k_PBMC_v3_filt.h5ad": "3' v3", "5prime_PBMC_filt_1kcells.h5ad": "5'"}


def test_real_matrices_of_two_references_and_three_chemistries(real_data):
    """The older reference has GNB2L1, the newer RACK1: with the id in each file one gene, and no file lacks it."""
    read = [anndata.read_h5ad(real_data / "pbmc_chemistries" / name, backed="r").var for name in CHEMISTRIES]
    bare = [pd.DataFrame({"gene_id": var.index.astype(str)}, index=var.index.astype(str)) for var in read]
    united = unite_genes(bare)
    lacking = set(united.genes.index[~united.everywhere])
    assert {"GNB2L1", "RACK1"} <= lacking and "CD3E" not in lacking
    _, said = origins(
        united, study_sheet(chemistry=[*CHEMISTRIES.values(), ""]), dict.fromkeys(["S0", "S1", "S2"], Made())
    )
    assert any(line.startswith("no Ensembl ids in S0, S1 and S2") for line in said)
    assert any(line.startswith("samples differ in chemistry: 3' v2 in S0; 3' v3 in S1; 5' in S2") for line in said)
    for var in bare:
        var["gene_id"] = ["ENSG00000204628" if name in ("GNB2L1", "RACK1") else name for name in var.index]
    united = unite_genes(bare)
    gene = np.flatnonzero(united.genes["gene_id"] == "ENSG00000204628")
    assert len(gene) == 1 and united.everywhere[gene[0]] and united.genes.index[gene[0]] == "RACK1"
