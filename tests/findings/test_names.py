"""Names in sentences."""

import csv

import pytest

from compartments.findings import names


def test_no_lineage_of_the_map_keeps_its_code(root):
    with open(root / "assets" / "celltypist_immune_all_low_lineage.tsv", newline="") as handle:
        levels = ("lineage", "lineage_broad")
        codes = {row[level] for row in csv.DictReader(handle, delimiter="\t") for level in levels} - {""}
    assert set(names.LINEAGES) <= codes
    assert not [code for code in codes if "_" in names.lineage(code) or "Mono" in names.lineage(code)]
    assert len({names.lineage(code) for code in codes}) == len(codes)


def test_lineages_are_listed():
    assert names.lineages(["pDC"]) == "pDC" and names.lineages(["CD4_T", "B"]) == "CD4 T and B"
    assert names.lineages(["CD4_T", "B", "T_cycling"]) == "CD4 T, B and cycling T"
    assert names.lineages(["A", "B", "C"], most=2) == "A, B and 1 more"


@pytest.mark.parametrize(
    "name, said",
    [
        ("GOBP_LEUKOCYTE_MIGRATION", "leukocyte migration (GO)"),
        ("GOBP_T_CELL_MIGRATION", "T cell migration (GO)"),
        ("CSF_MIGRATION_CORE", "CSF migration core"),
        ("CHEMOKINE_LIGANDS", "Chemokine ligands"),
        ("EGRESS_S1P", "Egress S1P"),
        ("my set_2", "my set 2"),
        ("CORE", "CORE"),
        ("GOBP", "GOBP"),
    ],
)
def test_gene_sets(name, said):
    assert names.gene_set(name) == said
