"""Words of the domain that other modules take as they are."""

import pytest

from compartments.core import vocabulary


@pytest.mark.parametrize("name", ["blood", "Blood", "PB", "pbmc", "PBMCs", "peripheral blood", "plasma"])
def test_compartments_that_are_blood(name):
    assert vocabulary.BLOOD.search(name)


@pytest.mark.parametrize("name", ["CSF", "synovial fluid", "tumour", "BAL", "pbx"])
def test_compartments_that_are_not(name):
    assert not vocabulary.BLOOD.search(name)


def test_what_is_claimed_has_a_tier_that_carries_it():
    assert vocabulary.TIERS == ["inferential", "exploratory", "descriptive", "not_testable"]
    assert set(vocabulary.CLAIMABLE) == {"inferential", "exploratory"}


def test_the_genes_of_adults_are_among_all_genes_of_haemoglobin():
    assert set(vocabulary.ADULT_HAEMOGLOBIN) < set(vocabulary.HAEMOGLOBIN)


def test_words_for_sex():
    words = {"F": "F", "female ": "F", "m": "M", "Male": "M", "mujer": "", "weiblich": "", "": "", None: "", "nan": ""}
    assert {word: vocabulary.sex_of(word) for word in words} == words
