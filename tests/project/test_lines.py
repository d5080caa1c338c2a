"""Whoever ends in failure says it in one way: a line that begins with `ERROR:`, as troubleshooting.md has it."""

import re
import subprocess

from tests.support.runs import ROOT

SCRIPTS = [*(ROOT / "tools").glob("*.sh"), ROOT / "tools" / "nextflow", *(ROOT / "containers").glob("*.sh")]


def test_the_page_says_how_the_line_begins():
    page = (ROOT / "docs" / "use" / "troubleshooting.md").read_text()
    assert "with **one line** that begins with `ERROR:`" in page
    lines = [code for item in re.findall(r"(?m)^- (`.*`)  $", page) for code in re.findall(r"`([^`]+)`", item)]
    assert len(lines) > 40 and [line for line in lines if line.startswith("ERROR")] == [], "it is said once"


def test_every_error_of_the_workflow_begins_so():
    found = []
    for path in [
        ROOT / "main.nf",
        *(path for name in ("workflows", "lib", "modules") for path in (ROOT / name).glob("*")),
    ]:
        text = re.sub(r"(?m)^ *//.*$", "", path.read_text())
        found += [(path.name, given) for given in re.findall(r"\berror\(\s*(['\"].*)", text)]
    assert len(found) > 10 and [one for one in found if not one[1][1:].startswith("ERROR: ")] == []


def test_every_script_that_gives_up_says_so():
    """A line before each `exit` or `return` with a status of failure."""
    wrong = []
    for path in SCRIPTS:
        for line in path.read_text().splitlines():
            said = re.search(r'\b(echo|say|fail) "([^"]*)', line)
            if said and re.search(r"\bexit [1-9]", line) and said[1] != "fail" and not said[2].startswith("ERROR: "):
                wrong.append((path.name, line.strip()))
    assert wrong == []


def test_a_script_in_trouble_says_it_in_a_line(tmp_path):
    for words in (["tools/setup.sh", "nothing"], ["tools/run_studies.sh", tmp_path], ["tools/release_notes.sh"]):
        done = subprocess.run([ROOT / words[0], *words[1:]], capture_output=True, text=True)
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and done.stderr.startswith("ERROR: ")
