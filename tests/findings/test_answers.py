"""All questions together: a row for each, and never a claim that the tables do not carry."""

import itertools

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from compartments.compare.moderated import interval
from compartments.core.vocabulary import QUESTIONS
from compartments.findings.answers import answer_all
from compartments.findings.rows import COLUMNS, Tables
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet
from tests.support.effects import CONTRAST, composition, coupling, study, triple


def test_every_question_has_a_row_when_no_table_was_written():
    found = answer_all(study(), Tables())
    assert list(found.columns) == COLUMNS
    assert set(found["question"]) == set(QUESTIONS)
    assert set(found["verdict"]) == {"cannot_tell"}
    assert found["statement"].str.startswith("cannot be told: ").all()
    assert found["statement"].str.contains("did not finish").all()


def test_descriptive_claims_nothing():
    """With one treated donor nothing is yes or no, whatever the calls say; the donors are counted instead."""
    single = pd.DataFrame(
        [
            {"level": "lineage", "lineage": "pDC", "contrast": CONTRAST, "term": "interaction", "compartment": "CSF"}
            | {"donor": "TR1", "outside_reference_range": True}
        ]
    )
    keys = {"tier": "descriptive"}
    tables = Tables(
        composition=pd.concat(
            [
                composition(-3, -3, 0, "depleted_both", se=0.1, lineage="CD4 T", **keys),
                composition(0, -3, 3, "maintained_CSF", se=0.1, **keys),
            ]
        ),
        single_case=single,
        migration=triple(1.5, 0, 1.5, "CSF_only", gene_set="CORE", primary=True, lineage="all", **keys),
        centrality=triple(1.5, 0, 1.5, "hub_gained_in_CSF", network="all", lineage="pDC", **keys),
        groups=triple(1.5, 0, 1.5, group="chemokine", source="all", target="all", **keys),
        coupling=coupling("partly_uncoupled", tier="descriptive"),
    )
    found = answer_all(study(arms=(("treated", 1), ("untreated", 4))), tables)
    assert set(found["verdict"]) == {"cannot_tell"}
    assert "in 1 of 1 donors" in found.loc[(found["question"] == 2) & (found["lineage"] == "pDC"), "statement"].iloc[0]


def test_without_pairs_the_reason_is_the_missing_pairs():
    sheet = "sample,donor,compartment,condition,raw\n" + "".join(
        f"s{i},d{i},{compartment},{condition},x.h5\n"
        for i, (compartment, condition) in enumerate(
            itertools.product(("CSF", "blood"), ("treated", "treated", "untreated", "untreated"))
        )
    )
    unpaired = make_study(parse_samplesheet(sheet))
    within = composition(-3, -3, 0)
    within = within[within["term"] != "interaction"]
    found = answer_all(unpaired, Tables(composition=within))
    rows = found[found["question"] <= 2]
    assert (rows["verdict"] == "cannot_tell").all()
    assert rows["statement"].str.contains("no donor with condition treated has both CSF and blood").all()


numbers = st.floats(-6, 6)
_STUDY = study()


@settings(max_examples=150, deadline=None)
@given(
    csf=numbers,
    blood=numbers,
    u=numbers,
    se=st.floats(0.05, 3),
    q=st.floats(0, 1),
    tier=st.sampled_from(["inferential", "exploratory", "descriptive", "not_testable"]),
    call=st.sampled_from(
        ["", "depleted_both", "discordant_CSF_retained", "maintained_CSF", "concordant", "inconclusive"]
    ),
    scale=st.sampled_from(["abs", "rel"]),
)
def test_no_claim_without_its_call(csf, blood, u, se, q, tier, call, scale):
    """Yes only by a call with q <= .05 above descriptive; no only with an interval beyond the margin."""
    word = ("relatively_" if scale == "rel" and call not in ("", "inconclusive") else "") + call
    tables = Tables(composition=composition(csf, blood, u, word, call_q=q, se=se, scale=scale, tier=tier))
    found = answer_all(_STUDY, tables)
    for question, calls in ((1, {"depleted_both"}), (2, {"discordant_CSF_retained", "maintained_CSF"})):
        verdicts = set(found.loc[found["question"] == question, "verdict"])
        assert len(verdicts) == 1
        verdict = verdicts.pop()
        claimable = tier in ("inferential", "exploratory")
        if verdict == "yes":
            assert claimable and q <= 0.05 and call in calls and not (question == 1 and scale == "rel")
        if verdict == "no":
            assert claimable
            low = [x - interval(0, se, 8.0)[1] for x in (csf, blood)]
            differ = interval(u, se, 8.0, 0.9)
            if question == 1:
                assert max(low) > -1
            else:
                assert (differ[0] > -1 and differ[1] < 1) or min(low) > -1
