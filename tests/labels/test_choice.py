"""Which model names which compartment."""

from dataclasses import replace

import numpy as np

from compartments.labels.choice import models_for, models_table, with_named
from tests.support.models import make_model
from tests.support.sheets import study_of


def two():
    """A model, and one that does not know the last two of its labels and has one more."""
    first = make_model()
    return first, replace(
        first,
        name="other.pkl",
        sha256="1" * 64,
        labels=np.array([*(name for name in first.labels[:-2] if name != "pDC"), "Neutrophils"]),
    )


def test_cells_are_given_to_the_models_of_their_compartment():
    first, other = two()
    assert models_for("CSF", [first, other], ["", ""]) == [first, other]
    assert models_for("CSF", [first, other], ["blood", "CSF"]) == [other]
    assert models_for("CSF", [first, other, first], ["blood", "CSF", ""]) == [other, first]


def test_what_only_one_model_can_name_is_known_by_level(tables):
    first, other = two()
    study = with_named(study_of(), [first, other], ["blood", "CSF"], tables[0])
    alone = study.named_by_one("CSF")
    # by markers pDC are counted whatever the model knows
    assert set(alone["lineage"]) == {"Macrophage", "cMono", "Granulocyte", "pDC"}
    assert set(alone["lineage_marker"]) == {"Macrophage", "cMono", "Granulocyte"}
    assert set(alone["lineage_broad"]) == {"Mono_Mac", "Granulocyte", "pDC"}
    assert alone["lineage"]["cMono"] == "not_testable: the model of blood can name it, that of CSF cannot"
    assert alone["lineage"]["Granulocyte"] == "not_testable: the model of CSF can name it, that of blood cannot"
    assert study.named_by_one("blood") == {level: {} for level in alone}
    assert with_named(study_of(), [first, first], ["blood", "CSF"], tables[0]).named == {}
    assert with_named(study_of(), [first, other], ["", ""], tables[0]).named == {}
    beside = with_named(study_of(), [first, other, first], ["blood", "CSF", ""], tables[0])
    assert beside.named == study.named


def test_the_table_says_which_model_names_what():
    first, other = two()
    table = models_table([first, other], ["", ""], [10, 20], [None, False])
    assert table["use"].tolist() == ["names all", "compared"] and table["by_name"].tolist() == ["false", "true"]
    assert table["published"].tolist() == ["", "not known"]
    assert models_table([first, other], ["CSF", "blood"], [1, 2], [True, None])["use"].tolist() == [
        "names CSF",
        "names blood",
    ]
    beside = models_table([first, other, first], ["CSF", "blood", ""], [1, 2, 3], [None] * 3)
    assert beside["use"].tolist()[2] == "compared"
