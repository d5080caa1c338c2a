"""Rows of the effects tables with given numbers, and what the findings answer to them."""

import math

import numpy as np
import pandas as pd

from compartments.compare.moderated import interval
from compartments.findings.answers import answer_all
from compartments.findings.evidence import Triple
from compartments.findings.lineages import Lineage
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet
from tests.support import results as synthetic_results

CONTRAST = "treated_vs_untreated"


def study(**sheet):
    return make_study(parse_samplesheet(synthetic_results.make_sheet(**sheet)))


def row(term, compartment, value, se, *, column="log2fc", df=8.0, tier="exploratory", q=None, **more):
    low, high = interval(np.array([value]), np.array([se]), np.array([df]))
    return {
        "contrast": CONTRAST,
        "term": term,
        "compartment": compartment,
        column: value,
        "se": se,
        "df": df,
        "ci_low": low[0],
        "ci_high": high[0],
        "p_value": 0.001 if q is None else q / 2,
        "q_value": 0.002 if q is None else q,
        "n_condition": 2,
        "n_reference": 4,
        "tier": tier,
        "call": "",
        "call_p": math.nan,
        "call_q": math.nan,
    } | more


def composition(csf, blood, u, call="inconclusive", call_q=0.01, se=0.3, scale="abs", lineage="pDC", **more):
    """Rows of one lineage: changes in CSF and blood, their difference, and its call."""
    common = {"level": "lineage", "lineage": lineage, "scale": scale} | more
    return pd.DataFrame(
        [
            row("within:blood", "blood", blood, se, **common),
            row("within:CSF", "CSF", csf, se, **common),
            row("interaction", "CSF", u, se, **common | {"call": call, "call_p": call_q / 2, "call_q": call_q}),
        ]
    )


def triple(csf, blood, u, call="", q=0.002, se=0.2, **keys):
    """Rows of a score: compartment, reference compartment, difference."""
    keys = {"tier": "exploratory"} | keys
    tier = keys.pop("tier")
    arguments = {"column": "estimate", "tier": tier, "q": q}
    return pd.DataFrame(
        [
            row("within:CSF", "CSF", csf, se, **arguments) | keys,
            row("within:blood", "blood", blood, se, **arguments) | keys,
            row("interaction", "CSF", u, se, **arguments) | keys | {"call": call, "call_p": q / 2, "call_q": q},
        ]
    )


def coupling(verdict, tier="exploratory", **more):
    values = {
        "contrast": CONTRAST,
        "compartment": "CSF",
        "level": "lineage",
        "scale": "abs",
        "tau_u": 0.9,
        "tau_low": 0.4,
        "tau_high": 1.6,
        "p_value": 0.01,
        "mean_u": 0.2,
        "mean_u_low": -0.3,
        "mean_u_high": 0.7,
        "n_lineages": 12,
        "n_condition": 2,
        "n_reference": 4,
        "tier": tier,
        "verdict": verdict,
        "reason": "why",
        "drivers": "pDC",
    }
    return pd.DataFrame([values | more])


def answer(tables, question, aspect=None, **sheet):
    """Summary row of a question."""
    found = answer_all(study(**sheet), tables)
    rows = found[(found["question"] == question) & (found["lineage"] == "")]
    if aspect:
        rows = rows[rows["aspect"] == aspect]
    assert len(rows) == 1
    return rows.iloc[0]


def triple_of(frame):
    """The three rows of a frame of :func:`triple` or :func:`composition` as the rules take them."""
    rows = {(r["term"], r["compartment"]): r for r in frame.to_dict("records")}
    return Triple(rows["within:CSF", "CSF"], rows["within:blood", "blood"], rows["interaction", "CSF"])


def lineage_of(frame, **calls):
    """A lineage of a frame of :func:`composition`; ``calls`` are q-values."""
    each = triple_of(frame)
    made = {call: (q / 2, q) for call, q in calls.items()}
    row = each.difference
    return Lineage(each.own, each.base, row, row["lineage"], row["level"], row["scale"], made)


def decided(verdict):
    """A verdict without its numbers."""
    return verdict.answer, verdict.kind, verdict.side
