"""The study that parameters ask of a samplesheet, as its rows stand and as the steps read it."""

from compartments.core.vocabulary import INPUTS
from compartments.study.asking import ask
from compartments.study.samplesheet import parse_samplesheet
from tests.support.sheets import GOOD

PARAMETERS = {"reference_condition": "control", "primary_lineages": "pDC, B", "trend": False}


def test_steps_see_the_same_study_however_rows_stand():
    header, *rows = GOOD.splitlines()
    sheets = [parse_samplesheet("\n".join([header, *some])) for some in (rows, rows[::-1])]
    (one, first), (other, second) = (ask(sheet, PARAMETERS, None) for sheet in sheets)
    assert list(one.samples["sample"]) == list(other.samples["sample"])[::-1]
    assert first.said() == second.said() and first.primary_lineages == ["pDC", "B"]
    assert not {"row", *INPUTS} & set(first.samples) and first.warnings == []


def test_contrasts_go_before_the_reference():
    study, _ = ask(parse_samplesheet(GOOD), PARAMETERS, "contrast,condition,reference\nturned,control,treated\n")
    assert study.contrasts[["contrast", "condition"]].to_numpy().tolist() == [["turned", "control"]]
