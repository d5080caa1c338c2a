"""Every process has its test in the manner of nf-test, with as many inputs as it takes; nf-test itself runs them."""

import re

import pytest

from tests.support.runs import ROOT


def processes():
    """(stage, name, number of inputs) of every process."""
    found = []
    for module in sorted((ROOT / "modules").glob("*.nf")):
        for name, body in re.findall(r"(?ms)^process (\w+) \{(.*?)^\}", module.read_text()):
            given = re.search(r"(?ms)^    input:\n(.*?)\n\n    output:", body)[1]
            inputs = len(re.findall(r"(?m)^    (?:tuple|path|val)\b", given))
            found.append(pytest.param(module.stem, name, inputs, id=name))
    return found


@pytest.mark.parametrize(("stage", "name", "inputs"), processes())
def test_every_process_has_its_test(stage, name, inputs):
    text = (ROOT / "tests" / "nf" / stage / f"{name.lower()}.nf.test").read_text()
    assert f"script 'modules/{stage}.nf'" in text and f"process '{name}'" in text
    for test in text.split("    test(")[1:]:
        given = {int(number) for number in re.findall(r"^ +input\[(\d+)\] = ", test, re.M)}
        assert given == set(range(inputs)) and "assert process.success" in test
