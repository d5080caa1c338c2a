"""One compartment: questions 1, 3 and 4 as far as it tells; 2 and 5 need two."""

import math

import pandas as pd
import pytest

from compartments.findings.alone import ASKED, judge
from compartments.findings.answers import answer_all
from compartments.findings.evidence import Limits
from compartments.findings.rows import Tables
from tests.support.effects import composition, decided, row, study

COMPOSITION, SETS, HUBS, GROUPS = ASKED
ONE = study(compartments=("blood",))


def within(frame):
    return frame[frame["term"] == "within:blood"]


def scores(value, q=0.002, se=0.2, **keys):
    return pd.DataFrame([row("within:blood", "blood", value, se, column="estimate", q=q) | keys])


def summaries(**tables):
    """Verdict and statement of every summary row, by question and aspect."""
    found = answer_all(ONE, Tables(**tables))
    found = found[found["lineage"] == ""]
    return {(r.question, "" if r.question == 3 else r.aspect): (r.verdict, r.statement) for r in found.itertuples()}


def test_two_questions_need_two_compartments():
    found = summaries()
    for question in (2, 5):
        assert found[question, ""] == (
            "cannot_tell",
            "cannot be told: this needs two compartments, and all samples are blood",
        )
    for key in ((1, ""), (3, ""), (4, "hub"), (4, "signalling")):
        assert "did not finish" in found[key][1]


def test_what_changes_in_the_compartment():
    tables = {
        "composition": within(composition(0, -3, 0)),
        "migration": scores(1.5, gene_set="CORE", primary=True, lineage="all"),
        "centrality": scores(1.5, network="all", lineage="pDC", worst_rank=2),
        "groups": scores(1.5, group="chemokine", source="all", target="all"),
    }
    found = summaries(**tables)
    assert {verdict for key, (verdict, _) in found.items() if key[0] not in (2, 5)} == {"yes"}
    assert found[1, ""][1] == (
        "in blood, the only compartment, 1 of 1 lineages are depleted: pDC; clearest: pDC is depleted in blood: down "
        "8-fold (log2 -3.00, 95 % CI -3.69 to -2.31), q = 0.002 [2 treated v 4 untreated donors, exploratory]"
    )
    assert "CORE is raised in blood: +1.50" in found[3, ""][1]
    assert "pDC gains a central role in blood: odds of its share (all pairs) 4.5x" in found[4, "hub"][1]
    assert "chemokine signalling is stronger in blood" in found[4, "signalling"][1]


@pytest.mark.parametrize(
    "asked, value, more, expected",
    [
        (COMPOSITION, -3, {}, ("yes", "changed")),
        (COMPOSITION, -3, {"q_value": 0.06}, ("cannot_tell", "open")),
        (COMPOSITION, 3, {}, ("no", "excluded")),
        (COMPOSITION, 0, {"q_value": 0.5}, ("no", "excluded")),
        (COMPOSITION, 0, {"q_value": 0.5, "ci_low": -1.1}, ("cannot_tell", "open")),
        (COMPOSITION, -3, {"scale": "rel"}, ("cannot_tell", "relatively")),
        (COMPOSITION, 3, {"scale": "rel"}, ("cannot_tell", "relatively_open")),
        (COMPOSITION, -3, {"tier": "descriptive"}, ("cannot_tell", "too_few")),
        (SETS, 1.5, {}, ("yes", "changed")),
        (SETS, 0, {"q_value": math.nan}, ("no", "excluded")),
        (SETS, 0.4, {"q_value": 0.3}, ("cannot_tell", "open")),
        (HUBS, 1.5, {"worst_rank": 3}, ("yes", "changed")),
        (HUBS, 1.5, {"worst_rank": 4}, ("cannot_tell", "open")),
        (GROUPS, -1.5, {}, ("no", "excluded")),
    ],
)
def test_judge(asked, value, more, expected):
    given = row("within:blood", "blood", value, 0.2, column=asked.value) | {"scale": "abs"} | more
    assert decided(judge(given, asked, Limits()))[:2] == expected


def test_shares_alone_claim_nothing():
    verdict, said = summaries(composition=within(composition(0, -3, 0, scale="rel")))[1, ""]
    assert verdict == "cannot_tell" and "relative to what is taken as unchanged, pDC of 1 fall" in said


@pytest.mark.parametrize(
    "rank, expected", [(3, "yes"), (4, "cannot_tell"), (math.nan, "cannot_tell"), (pd.NA, "cannot_tell")]
)
def test_a_rank_that_a_sample_lacks_makes_no_hub(rank, expected):
    table = scores(1.5, network="all", lineage="pDC", worst_rank=rank)
    verdict, statement = summaries(centrality=table)[4, "hub"]
    assert verdict == expected
    assert ("is shown (q = 0.002), but not that it ranks among the first" in statement) == (expected != "yes")


def test_no_says_what_is_excluded_and_no_more():
    """Falls and rises below the margin may be there, with intervals beyond 0."""
    small = within(composition(0, -0.5, 0, se=0.1))
    assert small["ci_high"].iloc[0] < 0
    tables = {
        "composition": small,
        "migration": scores(0.2, se=0.05, gene_set="CORE", primary=True, lineage="all"),
        "centrality": scores(0.2, se=0.05, network="all", lineage="pDC", worst_rank=9),
        "groups": scores(0.2, q=0.06, se=0.05, group="chemokine", source="all", target="all"),
    }
    tables |= {name: table.assign(q_value=0.06) for name, table in tables.items()}
    found = answer_all(ONE, Tables(**tables))
    found = found[(found["lineage"] == "") & ~found["question"].isin([2, 5])]
    said = [
        "none of 1 lineages is depleted by 2-fold or more",
        "none of 1 primary sets is raised by 0.58 points or more",
        "none of 1 lineages and networks gains a central role by 2-fold odds or more",
        "none of 1 groups of pairs signals more by 0.58 points or more",
    ]
    assert list(found["verdict"]) == ["no"] * 4
    for told, words in zip(found.itertuples(), said, strict=True):
        assert told.headline.startswith(f"{words} in blood; ") and f"{words}; closest: " in told.statement
