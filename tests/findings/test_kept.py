"""Question 2: the rule, and what is said."""

import pandas as pd
import pytest

from compartments.findings.answers import answer_all
from compartments.findings.evidence import Limits, Verdict
from compartments.findings.kept import judge, judge_all
from compartments.findings.rows import Answer, Tables
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet
from tests.support import results as synthetic_results
from tests.support.effects import answer, composition, decided, lineage_of


def test_kept_in_csf():
    found = answer(Tables(composition=composition(0, -3, 3, "discordant_CSF_retained")), 2)
    assert found["verdict"] == "yes" and "pDC kept better in CSF; clearest: " in found["statement"]
    assert "that it is unchanged in CSF is not shown" in found["statement"]
    strict = answer(Tables(composition=composition(0, -3, 3, "maintained_CSF")), 2)
    assert strict["verdict"] == "yes" and "not shown" not in strict["statement"]
    assert "1 of 1 lineages: pDC kept in CSF; clearest: " in strict["statement"]
    mirror = answer(Tables(composition=composition(-3, 0, -3, "discordant_blood_retained")), 2)
    assert mirror["verdict"] == "yes" and "kept better in blood" in mirror["statement"]


def test_the_summary_tells_kept_from_kept_better_and_from_relative():
    both = [composition(0, -3, 3, "maintained_CSF", lineage="B"), composition(-1, -4, 3, "discordant_CSF_retained")]
    said = answer(Tables(composition=pd.concat(both)), 2)["statement"]
    assert said.startswith("2 of 2 lineages: B kept in CSF; pDC kept better in CSF; clearest: ")
    shares = composition(0, -3, 3, "relatively_maintained_CSF", scale="rel")
    said = answer(Tables(composition=shares), 2)["statement"]
    assert "lineages: pDC kept better in CSF relative to what is taken as unchanged; clearest: " in said


def test_a_lineage_named_beforehand_is_said_to_be():
    asked = make_study(parse_samplesheet(synthetic_results.make_sheet()), primary_lineages=["pDC"])
    tables = Tables(composition=pd.concat([composition(0, -3, 3), composition(-3, -3, 0, lineage="B")]))
    found = answer_all(asked, tables).query("question == 2").set_index("lineage")["statement"]
    assert found["pDC"].endswith("[2 treated v 4 untreated donors, exploratory; named beforehand]")
    assert found["B"].endswith("[2 treated v 4 untreated donors, exploratory]")


def test_kept_is_no_only_by_equivalence():
    assert answer(Tables(composition=composition(-3, -3, 0, "depleted_both", se=0.2)), 2)["verdict"] == "no"
    assert answer(Tables(composition=composition(-3, -3, 0, "depleted_both", se=0.8)), 2)["verdict"] == "cannot_tell"


def test_marker_level_confirms():
    effects = pd.concat(
        [
            composition(0, -3, 3, "discordant_CSF_retained"),
            composition(0, -3, 3, "discordant_CSF_retained", level="lineage_marker"),
        ]
    )
    assert "marker-confirmed cells agree" in answer(Tables(composition=effects), 2)["statement"]


@pytest.mark.parametrize(
    "changes, more, calls, expected",
    [
        ((0, -3, 3), {}, {"maintained_CSF": 0.05}, ("yes", "kept", "CSF")),
        ((-3, 0, -3), {}, {"maintained_blood": 0.01}, ("yes", "kept", "blood")),
        ((0, -3, 3), {}, {"discordant_CSF_retained": 0.01}, ("yes", "kept_better", "CSF")),
        ((0, -3, 3), {"scale": "rel"}, {"maintained_CSF": 0.01}, ("yes", "kept_better", "CSF")),
        ((0, -3, 3), {}, {"maintained_CSF": 0.06}, ("cannot_tell", "open", "")),
        ((0, -3, 3), {"tier": "descriptive"}, {"maintained_CSF": 0.01}, ("cannot_tell", "too_few", "")),
        ((-3, -3, 0), {}, {}, ("no", "alike", "")),
        ((-3, -3, 0), {"se": 0.8}, {}, ("cannot_tell", "open", "")),
        ((1, 0, 1), {}, {}, ("no", "lost_from_neither", "")),
        ((-3, -3, 0), {"tier": "not_testable"}, {}, ("cannot_tell", "too_few", "")),
    ],
)
def test_judge(changes, more, calls, expected):
    assert decided(judge(lineage_of(composition(*changes, **more), **calls), Limits())) == expected


def test_the_stricter_call_is_the_one_that_is_quoted():
    each = lineage_of(composition(0, -3, 3), maintained_CSF=0.04, discordant_CSF_retained=0.01)
    assert judge(each, Limits()).numbers == {"call": "maintained_CSF"}
    late = lineage_of(composition(0, -3, 3), maintained_CSF=0.06, discordant_CSF_retained=0.01)
    assert judge(late, Limits()).numbers == {"call": "discordant_CSF_retained"}


def test_alike_says_its_interval():
    numbers = judge(lineage_of(composition(-3, -3, 0)), Limits()).numbers
    assert numbers["low"] == -numbers["high"] and 0 < numbers["high"] < 1


def test_judge_all():
    def verdict(*answers):
        return decided(judge_all([Answer(Verdict(answer, ""), None) for answer in answers]))

    assert verdict("no", "yes", "cannot_tell") == ("yes", "some", "")
    assert verdict("no", "no") == ("no", "none", "")
    assert verdict("no", "cannot_tell") == ("cannot_tell", "open", "")
