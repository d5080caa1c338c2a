"""Words of the domain that other modules take as they are."""

import pytest

from compartments.core import vocabulary

KINDS = {
    "blood": "blood Blood PB pbmc PBMCs peripheral_blood plasma WB PBL PBMC_d7 PBMCd7 PBMC.frozen Blut sang peripheral "
    "buffy_coat BuffyCoat whole_blood WholeBlood wholeblood Vollblut cord.blood bloodD7 PB1 blood_no2 sangre",
    "CSF": "CSF csf1 Liquor LCR bloody_CSF CSF_with_blood CSFcells cerebrospinal_fluid postCSF likvor",
    "tissue": "synovial_fluid tumour BAL pbx plasmacytoma non_blood nonblood NonBlood non_CSF bloody bloodless "
    "blood_vessel blood-brain-barrier plasma_cells peripheral_nerve peripheral_lymph_node liver brain web spleen",
}


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for kind in KINDS for name in KINDS[kind].split()])
def test_what_a_compartment_is_by_its_name(name, kind):
    assert vocabulary.kind_of_compartment(name) == kind


def test_what_is_claimed_has_a_tier_that_carries_it():
    assert vocabulary.TIERS == ["inferential", "exploratory", "descriptive", "not_testable"]
    assert set(vocabulary.CLAIMABLE) == {"inferential", "exploratory"}


def test_the_genes_of_adults_are_among_all_genes_of_haemoglobin():
    assert set(vocabulary.ADULT_HAEMOGLOBIN) < set(vocabulary.HAEMOGLOBIN)


def test_words_for_sex():
    words = {"F": "F", "female ": "F", "m": "M", "Male": "M", "mujer": "", "weiblich": "", "": "", None: "", "nan": ""}
    assert {word: vocabulary.sex_of(word) for word in words} == words
