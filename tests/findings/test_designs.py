"""Contrasts in the words of their design."""

import pytest

from compartments.findings import designs
from compartments.study.study import Contrast

WITHIN = Contrast("x", "after", "before", "within")
CHANGE = Contrast("x", "after", "before", "change", "treated", "control")
CASES = {
    Contrast("x", "treated", "control"): ("treated against control", "2 treated v 4 control donors"),
    Contrast("x", "1", "0h"): ("1 against 0h", "2 '1' v 4 '0h' donors"),
    WITHIN: ("after against before", "after against before in the same 2 donors"),
    WITHIN._replace(group="old"): (
        "after against before in old donors",
        "after against before in the same 2 donors of old",
    ),
    WITHIN._replace(kind="mixed"): (
        "after against before",
        "2 after v 4 before donors, some with both conditions",
    ),
    CHANGE: (
        "change (after against before) of treated against that of control",
        "change of 2 treated v 4 control donors",
    ),
    Contrast("x", "CSF", "blood", "compartments"): ("CSF against blood", "CSF against blood in the same 2 donors"),
    Contrast("x", "m6", "m0", "trend"): ("trend from m0 to m6", "trend from m0 to m6 in the same 2 donors"),
}


@pytest.mark.parametrize("contrast, said", CASES.items(), ids=[f"{c.kind}{c.group}" for c in CASES])
def test_what_is_compared_in_which_donors(contrast, said):
    assert (designs.compared(contrast), designs.comparison(contrast, 2, 4)) == said


def test_one_donor_is_no_several():
    assert designs.comparison(WITHIN, 1, 1) == "after against before in 1 donor"
    assert designs.donors(WITHIN, 1, 1) == "1 donor" and designs.donors(WITHIN, "3 to 4", "3 to 4") == "3 to 4 donors"
    assert designs.donors(CHANGE, "2", "3 to 4") == "2 treated and 3 to 4 control donors"


def test_what_no_donor_has():
    place = "both CSF and blood"
    said = {contrast.kind: designs.needed(contrast, "treated", place) for contrast in CASES}
    assert said["between"] == said["mixed"] == "no donor with condition treated has both CSF and blood"
    assert said["within"] == "no donor has after and before in both CSF and blood"
    assert said["change"] == "no donor of treated has after and before in both CSF and blood"
    assert said["trend"] == "no donor has every condition in both CSF and blood"
    assert said["compartments"] == "no donor has both CSF and blood"
