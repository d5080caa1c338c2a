"""Which cohorts can be taken together, and whether a donor is in two."""

import shutil

import pandas as pd
import pytest

from compartments.after.before import Before
from compartments.after.cohorts import check_together, same_cells, species_of
from compartments.core.errors import UserError
from compartments.core.files import write_json, write_tsv
from tests.support.published import publish
from tests.support.sheets import GOOD


def other_donors(sheet):
    return sheet.replace("P", "Q")


def genes(folder, ids=("ENSG00000000001", "ENSG00000000002"), names=("CD3E", "MS4A1")):
    write_tsv(pd.DataFrame({"gene": names, "gene_id": ids, "other_names": ""}), folder / "cohort/genes.tsv")


@pytest.fixture
def two(tmp_path):
    """Two cohorts of other donors with other cells."""
    found = []
    for name, sheet in (("one", GOOD), ("two", other_donors(GOOD))):
        folder = publish(tmp_path / name, sheet)
        genes(folder)
        before = Before.open(folder)
        cells = pd.DataFrame(
            {"sample": before.study.samples["sample"].iloc[0], "barcode": [f"{name}{i}-1" for i in range(30)]}
        )
        write_tsv(cells.assign(total_counts=range(30), n_genes=7, lineage="B"), folder / "cohort/cells.tsv.gz")
        found.append(before)
    return found


def test_cohorts_of_other_donors_have_contrasts_in_common(two):
    assert check_together(two) == ["treated_vs_control"]


def said(two):
    with pytest.raises(UserError) as error:
        check_together(two)
    return str(error.value)


def test_a_donor_in_both_by_name(two):
    first, second = (cohort.root for cohort in two)
    shutil.copy2(first / "study.json", second / "study.json")
    assert "donor 'P1' is in" in said([Before.open(first), Before.open(second)])


def test_a_folder_given_twice(two):
    assert "are one folder" in said([two[0], Before.open(two[0].root / "../one")])


def test_a_donor_in_both_by_the_digest_of_a_file(two):
    for number, cohort in enumerate(two):
        entity = {"@id": f"#input/S{number}/x.h5", "name": "x.h5", "about": f"S{number}", "sha256": "ab" * 32}
        write_json({"@graph": [entity]}, cohort.root / "ro-crate-metadata.json")
    assert "sample 'S0'" in said(two) and "same file (SHA-256 abab" in said(two)


def test_a_donor_in_both_by_the_cells(two):
    cells = pd.read_csv(two[0].root / "cohort/cells.tsv.gz", sep="\t")
    name = two[1].study.samples["sample"].iloc[0]
    changed = cells.assign(sample=name, barcode=cells["barcode"].str.replace("-1", "-2"))
    changed.loc[:9, "barcode"] = "elsewhere"
    write_tsv(changed, two[1].root / "cohort/cells.tsv.gz")
    assert "have the same cells (20 barcodes with equal counts)" in said(two)


def test_barcodes_alone_are_shared_by_chance():
    one = pd.DataFrame(
        {"sample": "a", "barcode": [f"B{i}" for i in range(40)], "total_counts": range(40), "n_genes": 3}
    )
    other = one.assign(sample="b", total_counts=one["total_counts"] + 1)
    assert same_cells(one, other) == [] and same_cells(one, one.assign(sample="b")) == [("a", "b", 40)]


def test_species_and_maps_that_differ(two):
    genes(two[1].root, ("ENSMUSG00000000001", "ENSMUSG00000000002"), ("Cd3e", "Ms4a1"))
    assert "differ in species (human and mouse)" in said(two)
    genes(two[1].root, ("Cd3e", "Ms4a1"), ("Cd3e", "Ms4a1"))
    assert species_of(two[1]) == "mouse"
    genes(two[1].root)
    two[1].parameters["lineage_map"] = "/x/assets/markers.tsv"
    assert "differ in --lineage_map (celltypist_immune_all_low_lineage.tsv and markers.tsv)" in said(two)
