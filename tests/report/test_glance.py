"""The picture of the first screen."""

import re

import numpy as np
import pandas as pd
import pytest

from compartments.findings import words
from compartments.report import glance

COLUMNS = ["lineage", "aspect", "estimate", "ci_low", "ci_high", "q_value", "verdict"]


def table(*rows, question=2, unit=words.LOG2_DIFFERENCE):
    frame = pd.DataFrame(rows, columns=COLUMNS).assign(question=question, unit=unit, source="f.tsv: group=chemokine")
    return frame.replace({"lineage": {"": np.nan}})


def test_those_that_say_yes_stand_before_the_largest():
    rows = table(
        ("", "", 3.0, 2.0, 4.0, 0.01, "yes"),
        ("pDC", "", 3.0, 2.0, 4.0, 0.01, "yes"),
        ("B", "", -4.0, -9.0, 1.0, 0.5, "cannot_tell"),
        ("NK", "", 0.1, -0.3, 0.5, 0.9, "no"),
        ("T", "", -0.5, -1.5, 0.5, 0.6, "cannot_tell"),
        ("DC", "", np.nan, np.nan, np.nan, np.nan, "cannot_tell"),
    )
    assert glance.rows_drawn(rows, 2)["label"].tolist() == ["B", "pDC"]
    assert glance.rows_drawn(rows, 9)["label"].tolist() == ["B", "T", "NK", "pDC"] and glance.every_row(rows) == 4
    falls = glance.rows_drawn(rows.assign(question=1, verdict="cannot_tell"), 2)
    assert falls["label"].tolist() == ["B", "T"]


def test_sets_and_groups_are_named_and_pooled():
    sets = table(("all", "core", 1.0, 0.5, 1.5, 0.01, "yes"), ("B", "core", 2.0, 1.0, 3.0, 0.01, "yes"), question=3)
    assert glance.rows_drawn(sets)["label"].tolist() == ["core"]
    groups = table(("all", "signalling", 1.0, 0.5, 1.5, 0.01, "yes"), question=4)
    assert glance.rows_drawn(groups)["label"].tolist() == ["chemokine"]
    spread = table(
        ("", "", 1.1, 0.5, 2.0, np.nan, "yes"), ("pDC", "driver", 0.7, np.nan, np.nan, np.nan, "yes"),
        question=5, unit=words.SPREAD,
    )  # fmt: skip
    assert glance.rows_drawn(spread)["label"].tolist() == ["all lineages", "without pDC"]


def test_symbols_stand_where_the_numbers_are():
    rows = table(("pDC", "", 2.0, 1.0, 3.0, 0.01, "yes"), ("B", "", -1.0, -3.0, 1.0, 0.5, "cannot_tell"))
    picture = glance.picture(rows, "what <is> shown")
    assert (picture.shown, picture.every) == (2, 2)
    zero = float(re.search(r'class="zero" x1="([\d.]+)"', picture.svg)[1])
    at = float(re.search(r'<circle cx="([\d.]+)"', picture.svg)[1])
    ends = [float(x) for x in re.search(r'yes.*?<line x1="([\d.]+)" x2="([\d.]+)"', picture.svg).groups()]
    unit = (at - zero) / 2
    assert unit > 10 and ends == pytest.approx([zero + unit, zero + 3 * unit], abs=0.2)
    square = float(re.search(r'<rect x="([\d.]+)"', picture.svg)[1]) + 3.5
    assert square == pytest.approx(zero - unit, abs=0.2)
    assert 'aria-label="what &lt;is&gt; shown: B 1/2x (1/8x to 2x); pDC 4x (2x to 8x)"' in picture.svg
    assert glance.picture(rows.assign(estimate=np.nan), "x") is None


@pytest.mark.parametrize(
    "value, unit, said",
    [
        (-3, words.LOG2, "1/8x"),
        (-8, words.LOG2, "1/260x"),  # a tick of a lineage that is lost
        (12, words.LOG2_DIFFERENCE, "4100x"),
        (0, words.LOG2, "1x"),
        (np.log(4), words.ODDS, "4x"),
        (1.5, words.SCORE, "+1.5"),
        (-0.25, words.SCORE_DIFFERENCE, "-0.25"),
        (0, words.SCORE, "0"),
    ],
)
def test_places_are_written_as_folds_or_points(value, unit, said):
    assert glance.written(value, unit) == said


def test_names_are_cut_and_escaped():
    name = "<b>a lineage</b> of a name that is long"
    svg = glance.picture(table((name, "", 1.0, 0.5, 1.5, 0.01, "yes")), "x").svg
    assert "<b>" not in svg and "&lt;b&gt;a lineage&lt;/b&gt; of " in svg and "…" in svg


def test_ticks_have_room():
    assert list(glance.ticks(-3.3, 0.2)) == [-2, 0.0] and list(glance.ticks(0.0, 2.4)) == [0.0, 2]


def test_central_roles_are_of_one_network():
    """That of the answer, of the clearest yes, of migration: two networks in one picture would look the same."""
    rows = pd.DataFrame(
        {
            "question": 4,
            "lineage": [None, "pDC", "NK", "pDC", "NK"],
            "aspect": "hub",
            "verdict": ["yes", "yes", "no", "no", "no"],
            "estimate": [0.5, 0.5, -0.1, 0.2, -0.05],
            "q_value": [0.01, 0.01, 0.6, 0.3, 0.5],
            "unit": words.ODDS,
            "source": [
                f"centrality_effects.tsv: network={name}, x=y"
                for name in ("all", "all", "all", "migration", "migration")
            ],
        }
    )
    assert glance.network_of(rows) == "all"
    assert glance.rows_drawn(rows)["estimate"].tolist() == [-0.1, 0.5]
    assert glance.network_of(rows[1:].assign(verdict="no")) == "migration"
    assert glance.network_of(rows.assign(aspect="signalling")) == ""
    summary = rows[:1].assign(lineage=None, verdict="no", source="f.tsv: network=all, lineage=B")
    assert glance.network_of(pd.concat([rows.assign(verdict="no"), summary])) == "all"


def test_a_group_of_pairs_with_a_comma_has_its_whole_name():
    source = "groups.tsv: group=Th1, Th17, source=all, target=all"
    row = {"aspect": "signalling", "unit": words.SCORE_DIFFERENCE, "lineage": "all", "source": source}
    assert glance.label(row) == "Th1, Th17"
