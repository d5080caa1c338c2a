"""No sentence contradicts itself: interval, p, q and word belong together."""

import math
import re

import numpy as np
import pandas as pd
import pytest

from compartments.compare.coupling import verdict as decided
from compartments.compare.heterogeneity import simes
from compartments.findings import undecided
from compartments.findings.alone import ASKED
from compartments.findings.alone import judge as judge_alone
from compartments.findings.answers import answer_all
from compartments.findings.evidence import Limits
from compartments.findings.rows import Tables, comparisons
from compartments.findings.uncoupled import uncoupled
from tests.support.effects import CONTRAST, answer, composition, coupling, row, study, triple

NEITHER, SELF = undecided.NEITHER, "is shown taken by itself"


@pytest.mark.parametrize(
    "low, high, p, q, said",
    [
        (-1.0, 2.0, 0.2, 0.4, f"x is {NEITHER} (q = 0.4)"),
        (-1.0, 2.0, 0.2, math.nan, f"x is {NEITHER}"),
        (math.nan, math.nan, math.nan, math.nan, f"x is {NEITHER}"),
        (-1.0, 2.0, 0.001, 0.002, "x has an interval around 0, but q = 0.002"),
        (0.57, 3.82, 0.012, 0.076, f"x {SELF} (p = 0.012), but not over all that were tested (q = 0.076)"),
        (-3.82, -0.57, 0.012, 0.05, "x is shown (q = 0.05), but not y"),
        (
            *(-6.52, -0.5, 0.061, 0.59),
            "x has an interval beyond 0, but p = 0.061 taken by itself, and q = 0.59 over all that were tested",
        ),
        (
            0.1,
            2,
            0.0501,
            0.3,
            "x has an interval beyond 0, but p = 0.0501 taken by itself, and q = 0.3 over all that were tested",
        ),
        (
            0.1,
            2,
            math.nan,
            0.3,
            "x has an interval beyond 0, but no p taken by itself, and q = 0.3 over all that were tested",
        ),
        (0.57, 3.82, math.nan, math.nan, "x has an interval beyond 0, but no q"),
    ],
)
def test_the_word_follows_from_the_numbers(low, high, p, q, said):
    numbers = {"ci_low": low, "ci_high": high, "p_value": p, "q_value": q}
    assert undecided.change("x", numbers, Limits(), "y") == said


def test_rises_by_their_intervals():
    def side(name, low, high):
        return {"compartment": name, "ci_low": low, "ci_high": high}

    assert undecided.rises(side("CSF", 0.1, 2), side("blood", -1, 2), 1) == "a rise in CSF has an interval above 0"
    assert undecided.rises(side("CSF", -1, 2), side("blood", -1, 0.5), 1) == f"a rise in CSF is {NEITHER}"


def test_a_difference_beyond_0_with_a_late_q_is_said_so():
    """The case of a report: 95 % CI 0.57 to 3.82 and q = .076 are no "neither shown"."""
    table = composition(-0.3, -2.5, 2.2, se=0.7, q=0.076)
    found = answer(Tables(composition=table), 2)
    assert found["verdict"] == "cannot_tell" and NEITHER not in found["statement"]
    assert "a difference between CSF and blood is shown taken by itself (p = 0.038)" in found["statement"]
    assert "(q = 0.076)" in found["statement"] and "95 % CI 0.59 to 3.81" in found["statement"]
    assert (found["p_value"], found["q_value"]) == (0.038, 0.076)


def test_two_falls_that_do_not_hold_together_say_their_q():
    late = pd.DataFrame(
        [{"level": "lineage", "lineage": "pDC", "contrast": CONTRAST, "compartment": "CSF", "call": "depleted_both"}]
    ).assign(p_value=0.03, q_value=0.07, holds=False)
    found = answer(Tables(composition=composition(-3, -3, 0), calls=late), 1)
    assert "both are so at once has q = 0.07 over lineages, not below 0.05" in found["statement"]
    assert NEITHER not in found["statement"] and found["q_value"] == 0.07
    assert "has no q" in answer(Tables(composition=composition(-3, -3, 0)), 1)["statement"]


# an estimate with its interval, as sentences say it; the last of a sentence is that of the difference
NUMBER = r"(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
INTERVAL = re.compile(rf"(?:95 % CI |\[){NUMBER}(?: to |, ){NUMBER}")


def contradicts(found):
    """What a row of ``findings.tsv`` says that its own numbers do not carry; empty if all is well."""
    text = found["statement"]
    intervals = [tuple(map(float, pair)) for pair in INTERVAL.findall(text)]
    qs = [float(value) for value in re.findall(r"q = ([\d.e-]+)", text)]
    if found["verdict"] == "yes":
        return "" if qs and min(qs) <= 0.05 else "yes without its q"
    if found["verdict"] == "no":
        return "no with a q of a claim" if qs and min(qs) <= 0.05 else ""
    null = 1 if "odds of its share" in text else 0
    difference, (low, high) = f"a difference between CSF and blood is {NEITHER}", intervals[-1]
    if difference in text and not low <= null <= high:
        return "an interval that excludes 0 is called neither shown nor excluded"
    if f"{SELF} (p" in text and (low < null < high or found["p_value"] >= 0.05):
        return "an interval around 0, or a p that is none of a claim, is called shown"
    for side, k in (("CSF", 0), ("blood", 1)):
        fall = re.search(rf"a fall in ([\w ]*\b{side}\b[\w ]*) is {NEITHER}", text)
        if found["question"] == 1 and fall and not intervals[k][0] <= 0 <= intervals[k][1]:
            return "a fall that is shown is called neither"
    if NEITHER + " (q" in text and min(qs) <= 0.05:
        return "a q of a claim is called neither"
    if SELF in text and qs[0] <= 0.05:
        return "a q of a claim is called late"
    return ""


def test_1000_simulated_tables_do_not_contradict_themselves():
    """Effects and errors of all sizes: 1,000 lineages in 50 studies, each asked all questions but the fifth."""
    from scipy import stats

    rng, kinds, asked = np.random.default_rng(1), set(), study()
    for _ in range(50):
        compositions, scores, hubs = [], [], []
        for i in range(20):
            csf, blood = rng.normal(0, 2, 2)
            u, se = csf - blood + rng.normal(0, 0.2), rng.uniform(0.2, 1.2)
            p = 2 * stats.t.sf(abs(u) / se, 8)
            q = min(p * rng.uniform(1, 6), 1.0)
            compositions.append(composition(csf, blood, u, se=se, lineage=f"L{i}", q=q).assign(p_value=p))
            keys = {"primary": True, "lineage": f"L{i}", "gene_set": "CORE"}
            scores.append(triple(csf, blood, u, se=se, q=q, **keys).assign(p_value=p))
            hubs.append(triple(csf, blood, u, se=se, q=q, network="all", lineage=f"L{i}"))
        groups = triple(*rng.normal(0, 1, 3), se=0.4, q=q, group="chemokine", source="all", target="all")
        tables = Tables(pd.concat(compositions), migration=pd.concat(scores), centrality=pd.concat(hubs), groups=groups)
        found = answer_all(asked, tables)
        for one in found[(found["question"] < 5) & (found["lineage"] != "")].to_dict("records"):
            assert contradicts(one) == "", one["statement"]
            kinds |= {(one["question"], word) for word in (NEITHER, SELF, "is shown (q") if word in one["statement"]}
    assert {(1, NEITHER), (2, NEITHER), (2, SELF), (2, "is shown (q"), (3, NEITHER), (3, SELF), (4, NEITHER)} <= kinds


def spread_contradicts(found):
    """As :func:`contradicts`, of the sentence on the spread over lineages."""
    text, ps = found["statement"], [float(value) for value in re.findall(r"p = ([\d.e-]+)", found["statement"])]
    low = float(re.search(rf"tau_U = {NUMBER} \({NUMBER} to {NUMBER}\)", text)[2])
    if found["verdict"] == "yes":
        if min(ps) > 0.05 or found["p_value"] >= 0.05:
            return "yes without its p"
        return "yes of an interval with 0 is not explained" if low == 0 and "reaches 0" not in text else ""
    if found["verdict"] == "no":
        return "no beside a p of a claim" if min(ps) <= 0.05 else ""
    if (low > 0 or min(ps) <= 0.05) and "do not hold together" not in text:
        return "a spread that is shown is not said to be"
    return ""


def test_1000_simulated_spreads_do_not_contradict_themselves():
    """Question 5, of studies whose tests and counts are of all sizes and belong together as the tables' do."""
    rng, kinds = np.random.default_rng(2), set()
    (asked,) = comparisons(study(), Limits())
    for _ in range(1000):
        p, q = rng.uniform(0, 1, 2) ** rng.choice([1, 4, 12], 2)
        low, tau = (rng.uniform(0.02, 0.5), rng.uniform(0.6, 2)) if p < 0.025 else (0.0, rng.uniform(0, 0.4))
        changed = rng.integers(0, 8)
        numbers = {"p_value": p, "q_discordant": q, "p_uncoupled": simes([p, q]), "tau_u": tau, "tau_low": low}
        numbers |= {"tau_high": tau + rng.uniform(0.05, 1), "mean_u": 0.0, "mean_u_low": -0.4, "mean_u_high": 0.4}
        numbers |= {"n_changed": changed, "n_shared": rng.integers(0, changed + 1), "n_discordant": int(q < 0.05)}
        row = {"tier": "exploratory", "scale": "abs", **numbers}
        said, reason = decided(row, 1.0)
        found = vars(uncoupled(asked, Tables(coupling=coupling(said, **numbers | {"reason": reason})))[0])
        assert spread_contradicts(found) == "", found["statement"]
        kinds.add((said, low > 0, "reaches 0" in found["statement"]))
    wanted = {("uncoupled", True, False), ("partly_uncoupled", False, True), ("coupled", False, False)}
    assert wanted | {("cannot_tell", False, False)} <= kinds


def test_a_spread_that_contradicts_itself_would_be_found():
    wrong = {"verdict": "yes", "p_value": 0.01}
    wrong["statement"] = "uncoupled: tau_U = 0.40 (0.00 to 1.20) log2 (0 = coupled; p = 0.01)"
    assert spread_contradicts(wrong)


def test_a_contradiction_would_be_found():
    wrong = {"question": 2, "verdict": "cannot_tell"}
    wrong["statement"] = f"cannot be told: a difference between CSF and blood is {NEITHER}; 95 % CI 0.57 to 3.82"
    assert contradicts(wrong)


@pytest.mark.parametrize("q, said", [(0.3, SELF), (0.01, "is shown (q = 0.01), but not that it ranks")])
def test_one_compartment(q, said):
    asked, one = (
        ASKED[2],
        row("within:CSF", "CSF", 2.0, 0.3, column="estimate", q=q) | {"worst_rank": 9, "p_value": q / 10},
    )
    assert judge_alone(one, asked, Limits()).kind == "open"
    assert said in undecided.change("a rise in CSF", one, Limits(), "that it ranks among the first")
