"""What the numbers of a row are of."""

import pandas as pd
import pytest

from compartments.findings.answers import answer_all
from compartments.findings.rows import Tables
from tests.support.effects import answer, composition, coupling, study, triple


def rows(question, **tables):
    return answer_all(study(), Tables(**tables)).query("question == @question")


def test_depleted_in_both_is_one_sided_and_says_where_it_falls_less():
    found = answer(Tables(composition=composition(-2, -3, 1, "depleted_both")), 1)
    assert (found["leading"], found["estimate_of"], found["estimate"]) == ("pDC", "in CSF, where it falls less", -2)
    assert found["p_of"] == "a fall in CSF and one in blood at once: the larger of the two one-sided p"


@pytest.mark.parametrize(
    "changes, call, said",
    [
        ((0, -3, 3), "discordant_CSF_retained", "a fall in blood and less of one in CSF at once: the largest"),
        ((-3, 0, -3), "discordant_blood_retained", "a fall in CSF and less of one in blood at once: the largest"),
        ((0, -3, 3), "maintained_CSF", "a fall in blood, less of one in CSF and none beyond the margin in CSF at once"),
    ],
)
def test_kept_has_the_p_of_its_call_beside_the_difference(changes, call, said):
    found = answer(Tables(composition=composition(*changes, call)), 2)
    assert found["estimate_of"] == "difference between CSF and blood" and found["p_of"].startswith(said)
    assert "doubled" in found["p_of"]


def test_without_a_call_p_is_of_the_difference():
    found = rows(2, composition=composition(-3, -3, 0, se=0.8)).iloc[-1]
    assert found["verdict"] == "cannot_tell" and found["p_of"] == "this difference, two-sided"
    assert found["leading"] == ""  # only of summaries


def test_central_says_the_p_of_the_difference_as_well():
    table = triple(1.5, 0, 1.5, "hub_gained_in_CSF", q=0.01, network="migration", lineage="pDC")
    found = answer(Tables(centrality=table), 4, "hub")
    p = table.loc[table["term"] == "interaction", "p_value"].iloc[0]
    assert found["estimate_of"] == "in CSF" and found["leading"] == "pDC"
    assert found["p_of"] == f"this change in CSF, two-sided; the difference between CSF and blood has p = {p:.2g}"


def test_uncoupled_says_what_is_of_the_spread_alone():
    found = answer(Tables(coupling=coupling("uncoupled", p_value=0.054, p_uncoupled=0.03, q_discordant=0.02)), 5)
    assert found["p_value"] == 0.03 and found["leading"] == ""
    assert found["p_of"] == (
        "the spread and the single lineages together (Simes); the spread alone has p = 0.054, of the single lineages "
        "the smallest q = 0.02"
    )


def test_a_spread_without_the_lineages_together_has_a_p_of_its_own():
    found = answer(
        Tables(coupling=coupling("uncoupled", p_value=0.004, p_uncoupled=float("nan"), q_discordant=0.02)), 5
    )
    assert found["p_value"] == 0.004
    assert found["p_of"] == "the spread alone, of the single lineages the smallest q = 0.02"


def test_no_p_no_words_on_it():
    found = answer(Tables(composition=composition(-3, -3, 0, tier="descriptive")), 1)
    assert pd.isna(found["p_value"]) and found["p_of"] == "" and found["estimate_of"]
