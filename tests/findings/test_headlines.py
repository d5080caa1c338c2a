"""The answers in one line: who, how much, how many donors."""

import numpy as np
import pandas as pd
import pytest

from compartments.findings import headlines
from compartments.findings.rows import Tables
from tests.support.effects import answer, composition, coupling, triple

TWO = "; 2 treated v 4 untreated donors, exploratory"


def headline(question, aspect=None, **tables):
    return answer(Tables(**tables), question, aspect)["headline"]


@pytest.mark.parametrize(
    "changes, said",
    [
        ([-3, -2.5], "down 5.7- to 8-fold"),
        ([-3, -3.001], "down 8-fold"),
        ([1], "up 2-fold"),
        ([0.01, -0.02], "about unchanged"),
        ([-1, 1], "down 2-fold to up 2-fold"),
        ([0, 2], "about unchanged to up 4-fold"),
        ([0.03, 2], "about unchanged to up 4-fold"),
        ([-0.3, -0.03], "down 1.2-fold to about unchanged"),
        ([0.0703, 0.14], "about unchanged to up 1.1-fold"),
        ([0.0705, 0.14], "up 1.1-fold"),
    ],
)
def test_spread(changes, said):
    assert headlines.spread(changes) == said


def test_depleted_names_all_and_their_range():
    both = [
        composition(-3, -2.5, 0, "depleted_both", lineage="CD4_T"),
        composition(-3.17, -2.6, 0, "depleted_both", lineage="T_cycling"),
        composition(0, 0, 0, lineage="B"),
    ]
    said = headline(1, composition=pd.concat(both))
    assert said == "CD4 T and cycling T: down 5.7- to 9-fold in both CSF and blood" + TWO
    none = headline(1, composition=composition(0, 0, 0))
    assert none == "none of 1 lineages is depleted by 2-fold or more in both CSF and blood" + TWO
    wide = pd.concat([composition(0, 0, 0, se=2.0), composition(0, 0, 0, lineage="B")])
    said = headline(1, composition=wide)
    assert said == "none of 2 lineages is shown to be depleted in both CSF and blood (excluded for 1)" + TWO
    few = headline(1, composition=composition(-3, -3, 0, tier="descriptive"))
    assert few.endswith(
        "in both CSF and blood, with too few donors to test" + TWO.replace("exploratory", "descriptive")
    )
    assert "cannot be seen in shares" in headline(1, composition=composition(-3, -3, 0, scale="rel"))


def test_donors_and_tier_are_the_weakest_of_those_named():
    fewer = {"n_reference": 3, "tier": "exploratory"}
    rows = [
        composition(-3, -3, 0, "depleted_both", tier="inferential", lineage="B"),
        composition(-3, -3, 0, "depleted_both", **fewer),
    ]
    found = answer(Tables(composition=pd.concat([*rows, composition(0, 0, 0, tier="descriptive", lineage="NK")])), 1)
    assert found["headline"].endswith("; at least 2 treated v 3 untreated donors, exploratory")
    assert found["tier"] == "exploratory"  # the card has the tier of its headline, whichever row it quotes
    found = answer(Tables(composition=pd.concat(rows[::-1])), 1)
    assert found["tier"] == "exploratory"


def test_donors_are_the_fewest_of_all_rows_that_an_answer_rests_on():
    """Blood has 8 donors each, CSF 3 and 2: no answer on both rests on more than these."""
    few = {"n_condition": [3, 8, 3], "n_reference": [2, 8, 2]}  # CSF, blood, difference
    keys = {"primary": True, "lineage": "all", "gene_set": "CORE"}
    blood = {"n_condition": [8, 3, 3], "n_reference": [8, 2, 2]}
    tables = Tables(
        composition=composition(-3, -2, -1, "depleted_both").assign(**blood),
        migration=triple(1.5, 0, 1.5, "CSF_only", **keys).assign(**few),
        centrality=triple(0, 1.5, -1.5, "hub_gained_in_blood", network="all", lineage="pDC").assign(**few),
        groups=triple(0, 1.2, -1.2, group="chemokine", source="all", target="all").assign(**few),
    )
    for question, aspect in ((1, ""), (3, "all"), (4, "hub"), (4, "signalling")):
        found = answer(tables, question, aspect if question == 4 else None)
        assert found["verdict"] == "yes" and (found["n_condition"], found["n_reference"]) == (3, 2)
        assert "3 treated v 2 untreated donors" in found["headline"] and "8" not in found["headline"].split(";")[-1]
        assert "[3 treated v 2 untreated donors, exploratory]" in found["statement"]


def test_a_lineage_without_a_cell_in_an_arm_has_no_size():
    counts = {"cells_condition": 20, "cells_reference": 90}
    table = pd.concat(
        [
            composition(-3, -2, -1, "depleted_both", **counts),
            composition(-7, -2.5, -1, "depleted_both", lineage="B", cells_condition=0, cells_reference=8),
        ]
    )
    name = table["lineage"].iloc[0]
    gone = "B: no cell left in CSF (against 8) and in blood (against 8)" + TWO
    assert headline(1, composition=table) == f"{name}: down 4- to 8-fold in both CSF and blood; {gone}"
    assert headline(1, composition=table[table["lineage"] == "B"]) == gone


@pytest.mark.parametrize(
    "change, low, high, said",
    [
        (-8.62, -12.98, -4.26, "down at least 19-fold"),
        (5, 2, 8, "up at least 4-fold"),
        (-5, -11, 1, "by an unknown amount"),
        (-5, np.nan, np.nan, "by an unknown amount"),
    ],
)
def test_of_a_lineage_without_a_cell_the_interval_says_how_much_it_is_at_least(change, low, high, said):
    gone = {
        "lineage": "B",
        "log2fc": change,
        "ci_low": low,
        "ci_high": high,
        "cells_condition": 0,
        "cells_reference": 9,
    }
    sound = {"lineage": "NK", "log2fc": -3, "ci_low": -4, "ci_high": -2, "cells_condition": 5, "cells_reference": 9}
    assert headlines.folds([gone]) == said
    assert headlines.folds([sound, gone]) == f"down 8-fold, B {said}"
    near = gone | {"log2fc": -4, "ci_low": -7, "ci_high": -1}
    if said.startswith("down"):
        assert headlines.folds([gone, near]) == "down at least 2- to 19-fold"


def test_kept_says_both_changes():
    table = pd.concat(
        [composition(0, -3, 3, "maintained_CSF"), composition(-3, -0.5, -2.5, "discordant_blood_retained", lineage="B")]
    )
    said = "pDC: down 8-fold in blood, kept in CSF (about unchanged); B: down 8-fold in CSF, kept better in blood "
    assert headline(2, composition=table) == f"{said}(down 1.4-fold){TWO}"
    shares = headline(2, composition=composition(0, -3, 3, "relatively_maintained_CSF", scale="rel"))
    assert "relative to what is taken as unchanged" in shares and "kept better in CSF" in shares


def test_scores_say_points_of_both():
    keys = {"primary": True, "lineage": "all"}
    table = pd.concat(
        [
            triple(1.5, 0, 1.5, "CSF_only", gene_set="GOBP_LEUKOCYTE_MIGRATION", **keys),
            triple(1.5, 1, 0.5, "CSF_higher", gene_set="CORE", **keys),
        ]
    )
    said = "genes of leukocyte migration (GO): more active in CSF only (score +1.50, blood +0.00); "
    said += "genes of CORE: more active in CSF than in blood (score +1.50, blood +1.00)"
    assert headline(3, migration=table) == said + TWO
    none = headline(3, migration=triple(0, 0, 0, gene_set="CORE", **keys))
    assert none == "of 1 sets of genes none is more active in CSF or blood by a score of 0.58 or more" + TWO
    groups = triple(0, 1.2, -1.2, group="chemokine", source="all", target="all")
    said = "chemokine signals: stronger in blood (score +1.20, CSF +0.00)"
    assert headline(4, "signalling", groups=groups) == said + TWO


def test_no_of_two_compartments_says_by_how_much():
    keys = {"network": "all", "lineage": "pDC"}
    assert headline(2, composition=composition(-3, -3, 0)) == (
        "none of 1 lineages is kept in one and lost from the other by 2-fold or more" + TWO
    )
    central = triple(0, 0, 0, se=0.1, **keys)
    assert headline(4, "hub", centrality=central).startswith(
        "none of 1 lineages gains a central role by 2-fold odds or more"
    )
    groups = triple(0, 0, 0, se=0.1, group="chemokine", source="all", target="all")
    said = "signals of migration are stronger in neither by a score of 0.58 or more (1 groups)"
    assert headline(4, "signalling", groups=groups) == said + TWO


def test_a_hub_is_named_once_by_its_clearest_network():
    def hub(network, q, up):
        return triple(up, 0, up, "hub_gained_in_CSF", q=q, network=network, lineage="cMono")

    table = pd.concat([hub("all", 0.02, 1.0), hub("migration", 0.01, 1.5)])
    said = (
        "classical monocyte: its part in the signals of migration (odds) up 4.5-fold in CSF, about unchanged in blood"
    )
    assert headline(4, "hub", centrality=table) == said + TWO


@pytest.mark.parametrize("larger", ["all", "migration"])
def test_of_networks_alike_in_q_headline_and_numbers_are_of_one(larger):
    """BH gives neighbours one q: the line and the numbers below it are then of the larger change."""
    sizes = {"all": 1.0, "migration": 1.0} | {larger: 1.5}
    hubs = [
        triple(up, 0, up, "hub_gained_in_CSF", q=0.01, network=network, lineage="cMono")
        for network, up in sizes.items()
    ]
    row = answer(Tables(centrality=pd.concat(hubs)), 4, "hub")
    assert f"network={larger}" in row["source"] and row["estimate"] == 1.5
    part = {"all": "all signals between cells", "migration": "the signals of migration"}[larger]
    assert row["headline"].startswith(f"classical monocyte: its part in {part} (odds) up 4.5-fold in CSF")


def test_a_central_role_is_excluded_for_lineages_not_for_networks():
    def change(lineage, network, up, se):
        return triple(up, 0, up, "", q=0.8, se=se, network=network, lineage=lineage)

    sure = [change(lineage, network, 0.01, 0.02) for lineage in ("B", "cMono") for network in ("all", "migration")]
    half = [change("NK", "all", 0.01, 0.02), change("NK", "migration", 0.5, 1.0)]
    found = headline(4, "hub", centrality=pd.concat([*sure, *half]))
    assert found.startswith("none of 3 lineages is shown to gain a central role (excluded for 2)")


def test_uncoupled_says_which_verdict_the_spread_as_fold_and_its_p():
    yes = headline(5, coupling=coupling("partly_uncoupled"))
    size = "changes in CSF and in blood differ 1.9-fold over 12 lineages, overall p = "
    assert yes == f"partly uncoupled: {size}0.01{TWO}"
    both = headline(5, coupling=coupling("uncoupled", p_value=0.0502, p_uncoupled=0.03))
    assert both == f"uncoupled: {size}0.0502, with the lineages one by one p = 0.03{TWO}"
    assert "overall" not in headline(5, coupling=coupling("cannot_tell", p_value=float("nan")))
    assert "which counts as alike" in headline(5, coupling=coupling("coupled"))
    assert "which may be chance and may be more" in headline(5, coupling=coupling("cannot_tell"))


def test_what_has_no_row_gives_its_reason():
    assert headline(1) == "the comparison of composition did not finish"
