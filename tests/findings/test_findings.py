"""The five questions: every verdict from tables made for it, and never a claim that the tables do not carry."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compartments.compare.moderated import interval
from compartments.core.files import read_tsv
from compartments.findings.findings import COLUMNS, QUESTIONS, Tables, write_findings
from compartments.study.samplesheet import parse_samplesheet
from compartments.study.study import make_study
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
    found = write_findings(study(**sheet), tables)
    rows = found[(found["question"] == question) & (found["lineage"] == "")]
    if aspect:
        rows = rows[rows["aspect"] == aspect]
    assert len(rows) == 1
    return rows.iloc[0]


def test_every_question_has_a_row_when_no_table_was_written():
    found = write_findings(study(), Tables())
    assert list(found.columns) == COLUMNS
    assert set(found["question"]) == set(QUESTIONS)
    assert set(found["verdict"]) == {"cannot_tell"}
    assert found["statement"].str.startswith("cannot be told: ").all()
    assert found["statement"].str.contains("did not finish").all()


def test_depleted_in_both_needs_its_call():
    tables = Tables(composition=composition(-3, -3, 0, "depleted_both"))
    found = answer(tables, 1)
    assert found["verdict"] == "yes" and "pDC" in found["statement"]
    assert found["q_value"] == 0.01 and found["tier"] == "exploratory"
    assert found["source"].startswith("composition/effects.tsv: level=lineage, lineage=pDC")
    assert "8-fold" in found["statement"] and "log2 -3.00" in found["statement"]
    tables = Tables(composition=composition(-3, -3, 0, "depleted_both", call_q=0.06))
    assert answer(tables, 1)["verdict"] == "cannot_tell"


def test_not_depleted_needs_an_interval_beyond_the_margin():
    assert answer(Tables(composition=composition(0, 0, 0)), 1)["verdict"] == "no"
    wide = Tables(composition=composition(0, 0, 0, se=2.0))
    assert answer(wide, 1)["verdict"] == "cannot_tell"
    assert "neither shown nor excluded" in answer(wide, 1)["statement"]


def test_estimate_of_question_1_is_the_weaker_fall():
    found = answer(Tables(composition=composition(-2, -4, 2, "depleted_both")), 1)
    assert found["estimate"] == -2


def test_kept_in_csf():
    found = answer(Tables(composition=composition(0, -3, 3, "discordant_CSF_retained")), 2)
    assert found["verdict"] == "yes" and "pDC kept in CSF" in found["statement"]
    assert "that it is unchanged in CSF is not shown" in found["statement"]
    strict = answer(Tables(composition=composition(0, -3, 3, "maintained_CSF")), 2)
    assert strict["verdict"] == "yes" and "not shown" not in strict["statement"]
    mirror = answer(Tables(composition=composition(-3, 0, -3, "discordant_blood_retained")), 2)
    assert mirror["verdict"] == "yes" and "kept in blood" in mirror["statement"]


def test_a_lineage_named_beforehand_is_said_to_be():
    asked = make_study(parse_samplesheet(synthetic_results.make_sheet()), primary_lineages=["pDC"])
    tables = Tables(composition=pd.concat([composition(0, -3, 3), composition(-3, -3, 0, lineage="B")]))
    found = write_findings(asked, tables).query("question == 2").set_index("lineage")["statement"]
    assert found["pDC"].endswith("[2 v 4 donors, exploratory; named beforehand]")
    assert found["B"].endswith("[2 v 4 donors, exploratory]")


def test_kept_is_no_only_by_equivalence():
    assert answer(Tables(composition=composition(-3, -3, 0, "depleted_both", se=0.2)), 2)["verdict"] == "no"
    assert answer(Tables(composition=composition(-3, -3, 0, "depleted_both", se=0.8)), 2)["verdict"] == "cannot_tell"


def test_calls_table_shows_what_the_single_call_hides():
    """A lineage depleted in both and discordant has one call in effects.tsv; calls.tsv has both."""
    calls = pd.DataFrame(
        [
            {"level": "lineage", "lineage": "pDC", "contrast": CONTRAST, "compartment": "CSF"}
            | {"call": call, "p_value": 0.001, "q_value": 0.01, "holds": True, "tier": "exploratory"}
            for call in ("depleted_both", "discordant_CSF_retained")
        ]
    )
    tables = Tables(composition=composition(-1.5, -4, 2.5, "discordant_CSF_retained"), calls=calls)
    assert answer(tables, 1)["verdict"] == "yes" and answer(tables, 2)["verdict"] == "yes"
    tables = Tables(composition=composition(-1.5, -4, 2.5, "discordant_CSF_retained"))
    assert answer(tables, 1)["verdict"] == "cannot_tell"


def test_relative_scale_speaks_relatively_and_states_the_tipping_point():
    terms = [
        {"level": "lineage", "contrast": CONTRAST, "term": f"within:{c}", "compartment": c, "tipping_factor": 0.25}
        for c in ("CSF", "blood")
    ]
    tables = Tables(
        composition=composition(-3, -3, 0, "relatively_depleted_both", scale="rel"),
        composition_summary={"terms": terms},
    )
    found = answer(tables, 1, absolute=False)
    assert found["verdict"] == "cannot_tell"
    assert "not identifiable" in found["statement"] and "more than 4-fold" in found["statement"]
    assert "relative to the median lineage pDC" in found["statement"]
    kept = Tables(composition=composition(0, -3, 3, "relatively_maintained_CSF", scale="rel"))
    found = answer(kept, 2, absolute=False)
    assert found["verdict"] == "yes"
    assert "relatively decreased" in found["statement"] and "relative to the median lineage" in found["statement"]
    assert "that it is unchanged in CSF is not shown" in found["statement"]


def test_pools_are_no_lineages():
    tables = Tables(composition=composition(-3, -3, 0, "depleted_both", lineage="other"))
    assert answer(tables, 1)["verdict"] == "cannot_tell"


def test_marker_level_confirms():
    effects = pd.concat(
        [
            composition(0, -3, 3, "discordant_CSF_retained"),
            composition(0, -3, 3, "discordant_CSF_retained", level="lineage_marker"),
        ]
    )
    assert "marker-confirmed cells agree" in answer(Tables(composition=effects), 2)["statement"]


def test_an_arm_without_a_cell_is_said():
    effects = composition(-3, -3, 0, "depleted_both")
    effects["note"] = ["no cell in treated: the size of the change rests on the pseudocount.", "", ""]
    assert "no cell in treated" in answer(Tables(composition=effects), 1)["statement"]


def test_migration_in_one_compartment():
    keys = {"gene_set": "CORE", "primary": True, "lineage": "all"}
    found = answer(Tables(migration=triple(1.5, 0, 1.5, "CSF_only", **keys)), 3)
    assert found["verdict"] == "yes" and "in CSF only" in found["statement"]
    higher = answer(Tables(migration=triple(1.5, 0.6, 0.9, "CSF_higher", **keys)), 3)
    assert higher["verdict"] == "yes" and "that blood does not rise at all is not shown" in higher["statement"]
    late = answer(Tables(migration=triple(1.5, 0, 1.5, "CSF_only", q=0.2, **keys)), 3)
    assert late["verdict"] == "cannot_tell"
    flat = answer(Tables(migration=triple(0, 0, 0, se=0.1, **keys)), 3)
    assert flat["verdict"] == "no"
    secondary = answer(Tables(migration=triple(1.5, 0, 1.5, "CSF_only", **keys | {"primary": False})), 3)
    assert secondary["verdict"] == "cannot_tell"


def test_central_role():
    keys = {"network": "migration", "lineage": "pDC"}
    found = answer(Tables(centrality=triple(1.5, 0, 1.5, "hub_gained_in_CSF", **keys)), 4, "hub")
    assert found["verdict"] == "yes" and "CSF: pDC" in found["statement"]
    blood = answer(Tables(centrality=triple(0, 1.5, -1.5, "hub_gained_in_blood", **keys)), 4, "hub")
    assert blood["verdict"] == "yes" and "blood: pDC" in blood["statement"]
    late = answer(Tables(centrality=triple(1.5, 0, 1.5, "hub_gained_in_CSF", q=0.08, **keys)), 4, "hub")
    assert late["verdict"] == "cannot_tell" and "q = 0.08" in late["statement"]
    without_call = answer(Tables(centrality=triple(1.5, 0, 1.5, "inconclusive", **keys)), 4, "hub")
    assert without_call["verdict"] == "cannot_tell"
    assert answer(Tables(centrality=triple(0, 0, 0, se=0.1, **keys)), 4, "hub")["verdict"] == "no"


def test_signalling():
    keys = {"group": "chemokine", "source": "all", "target": "all"}
    assert answer(Tables(groups=triple(1.5, 0, 1.5, **keys)), 4, "signalling")["verdict"] == "yes"
    assert answer(Tables(groups=triple(1.5, 0, 1.5, q=0.2, **keys)), 4, "signalling")["verdict"] == "cannot_tell"
    assert answer(Tables(groups=triple(0, 0, 0, se=0.1, **keys)), 4, "signalling")["verdict"] == "no"
    falling = answer(Tables(groups=triple(-0.5, -2, 1.5, **keys)), 4, "signalling")
    assert falling["verdict"] != "yes"


@pytest.mark.parametrize(
    "word, verdict",
    [("partly_uncoupled", "yes"), ("uncoupled", "yes"), ("coupled", "no"), ("cannot_tell", "cannot_tell")],
)
def test_coupling(word, verdict):
    found = answer(Tables(coupling=coupling(word)), 5)
    assert found["verdict"] == verdict and found["estimate"] == 0.9
    assert ("cannot be told: why" in found["statement"]) == (verdict == "cannot_tell")


def test_drivers_are_named():
    drivers = pd.DataFrame(
        [
            {
                "contrast": CONTRAST,
                "compartment": "CSF",
                "level": "lineage",
                "left_out": "pDC",
                "kind": "lineage",
                "tau_u": 0.2,
            }
        ]
    )
    found = write_findings(study(), Tables(coupling=coupling("partly_uncoupled"), drivers=drivers))
    named = found[(found["question"] == 5) & (found["lineage"] == "pDC")]
    assert len(named) == 1 and named["estimate"].iloc[0] == 0.2


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
    found = write_findings(study(arms=(("treated", 1), ("untreated", 4))), tables)
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
    found = write_findings(unpaired, Tables(composition=within))
    rows = found[found["question"] <= 2]
    assert (rows["verdict"] == "cannot_tell").all()
    assert rows["statement"].str.contains("no donor with condition treated has both CSF and blood").all()


def test_three_conditions_and_three_compartments(tmp_path, execute):
    arms = (("treated", 3), ("other", 3), ("untreated", 4))
    tree = synthetic_results.make(tmp_path / "r", arms=arms, compartments=("blood", "CSF", "node"))
    done = execute("write_findings", "--results", tmp_path / "r")
    assert done.returncode == 0, done.stderr
    found = read_tsv(tmp_path / "findings.tsv")
    summary = found[found["lineage"].isna()]
    assert len(summary) == 2 * 2 * 6  # contrasts x compartments x (5 questions, the fourth in two parts)
    assert set(summary["contrast"]) == set(tree.contrasts["contrast"])
    assert set(summary["compartment"]) == {"CSF", "node"}


def test_the_alemtuzumab_like_tree_answers_yes_five_times(tmp_path, execute):
    synthetic_results.make(tmp_path / "r")
    done = execute("write_findings", "--results", tmp_path / "r")
    assert done.returncode == 0, done.stderr
    first = (tmp_path / "findings.tsv").read_bytes()
    summary = read_tsv(tmp_path / "findings.tsv")
    summary = summary[summary["lineage"].isna()]
    assert (summary["verdict"] == "yes").all() and (summary["tier"] == "exploratory").all()
    execute("write_findings", "--results", tmp_path / "r")
    assert (tmp_path / "findings.tsv").read_bytes() == first


def test_bad_input_is_one_line(tmp_path, execute):
    synthetic_results.make(tmp_path / "r")
    (tmp_path / "bad.tsv").write_text("lineage\tcontrast\npDC\tx\n")
    for arguments, words in (
        ((), "study.json is missing"),
        (("--results", "r", "--composition", "nowhere.tsv"), "no such file"),
        (("--results", "r", "--composition", "bad.tsv"), "column 'term' is missing"),
        (("--results", "r", "--equiv_margin", "0"), "not positive"),
        (("--results", "r", "--alpha", "2"), "not between 0 and 1"),
    ):
        done = execute("write_findings", *arguments)
        assert done.returncode == 2 and words in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert not (tmp_path / "findings.tsv").exists()


numbers = st.floats(-6, 6)


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
    found = write_findings(_STUDY, tables)
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


_STUDY = study()
