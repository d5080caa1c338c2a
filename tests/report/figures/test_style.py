"""Colours, symbols and numbers of figures."""

import math

import numpy as np
import pandas as pd
import pytest

from compartments.core.palette import Palette
from compartments.report.figures.style import COMPARTMENTS, Colours, Figure, Words, clean, layout
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet
from tests.support.results import make_sheet


def study_of(n):
    """A study of ``n`` compartments."""
    sheet = make_sheet(arms=(("treated", 1), ("untreated", 1)), compartments=["blood"], absolute=False)
    head, *rows = sheet.splitlines()
    lines = [row.replace("blood", f"C{i:02d}") for i in range(n) for row in rows]
    text = "\n".join([head, *lines]) + "\n"
    return make_study(parse_samplesheet(text), "C00", "untreated")


@pytest.mark.parametrize("n", [5, 9, 40])
def test_no_two_compartments_look_alike(n):
    colours = Colours(study_of(n))
    looks = {(colours.compartment[c], colours.symbol[c]) for c in colours.compartment}
    assert len(looks) == n
    assert len(set(colours.compartment.values())) == min(n, len(COMPARTMENTS)) and len(COMPARTMENTS) >= 8
    assert list(colours.compartment.values())[:4] == ["#882255", "#117733", "#332288", "#999933"]


def test_numbers_are_those_that_json_knows():
    given = {"a": np.array([1.23456789, math.nan]), "b": (np.int64(2), np.bool_(True)), "c": pd.Series([pd.NA])}
    assert clean(given) == {"a": [1.23457, None], "b": [2, True], "c": [None]}


def test_layout_joins_what_is_given():
    shown = layout("x", "y", xaxis={"type": "log"}, margin={"t": 80}, showlegend=False)
    assert shown["xaxis"]["type"] == "log" and shown["xaxis"]["title"] == {"text": "x"}
    assert shown["margin"]["t"] == 80 and shown["margin"]["l"] == 50 and shown["showlegend"] is False


def test_colours_that_the_user_gives():
    given = Palette({("lineage", "B"): "#123456", ("condition", "treated"): "#654321"}, ["B"])
    usual, own = Colours(study_of(2), ["T", "B"]), Colours(study_of(2), ["T", "B"], given)
    assert own.lineage == usual.lineage | {"B": "#123456"} and own.compartment == usual.compartment
    assert own.condition == usual.condition | {"treated": "#654321"}


def test_a_name_that_looks_like_markup_is_drawn_as_it_is():
    """In the axis and the hover text; line breaks are markup, and the table that is offered has the name itself."""
    table = pd.DataFrame({"lineage": ["B <b>", "NK </SUB>", "p < .05 > 0"]})
    trace = {"type": "scatter", "x": [1, 2, 3], "text": table["lineage"] + "<br>n", "hovertemplate": "<extra></extra>"}
    axis = {"ticktext": list(table["lineage"]), "tickvals": [0, 1, 2]}
    drawn = Figure("f", Words("t", "c", "a"), [trace], {"yaxis": axis}, table).json()
    said = ["B <\u200bb>", "NK <\u200b/SUB>", "p < .05 > 0"]
    assert drawn["layout"]["yaxis"]["ticktext"] == said and drawn["csv"]["lineage"] == list(table["lineage"])
    assert drawn["data"][0]["text"] == [f"{text}<br>n" for text in said]
    assert drawn["data"][0]["hovertemplate"] == "<extra></extra>"
