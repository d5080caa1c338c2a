"""The commands of README and docs: those that can be run here are, the others are held against what they name.

A comment before each block of shell says what becomes of it: `run`, `check`, or `not-here: reason`. Commands within the
text are checked as blocks are.
"""

import json
import os
import re
import shlex
import shutil
import subprocess

import pytest

from tests.support import results as synthetic_results
from tests.support.runs import ROOT, variables
from tools.make_docs import parser_of

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^((?:<!--[^\n]*-->\n)?)( *)```(\w*)\n(.*?)^ *```$", re.M | re.S)
MARK = re.compile(r"<!-- (run|check|not-here: \S.*) -->\n")
LANGUAGES = {"bash", "csv", "tsv", "text", "groovy", "python", "r", "math", "json", "yaml"}
NOT_HERE = 8  # blocks that cannot be tried here: more need a look
OPTIONS = {"profile", "c", "w", "work-dir", "resume", "params-file", "N", "stub", "f", "n", "before", "bg", "log"}
MAKE = re.compile(r"^([A-Z]+)=")


def blocks():
    """(page, mark, text) of every block of shell."""
    found = []
    for page in PAGES:
        for comment, _indent, language, text in FENCE.findall(page.read_text()):
            assert language in LANGUAGES, f"{page.name}: a block of '{language}': say what it is"
            if language == "bash":
                mark = MARK.fullmatch(comment)
                assert mark, f"{page.name}: no mark before the block of shell: {text}"
                found.append((page, mark[1], text))
    return found


def lines(text):
    """Commands of a block, as words."""
    joined = text.replace("\\\n", " ")
    return [words for line in joined.splitlines() if (words := shlex.split(line, comments=True))]


def inline():
    """(page, words) of commands within the text."""
    found = []
    for page in PAGES:
        text = FENCE.sub("", page.read_text())
        codes = re.findall(r"`((?:make|bin/|tools/|\.tools/|python|nextflow run)[^`]*)`", text)
        found += [(page, shlex.split(code)) for code in codes if " " in code or code.startswith("tools/")]
    return found


def problem(words):
    """What is wrong with a command, or an empty text."""
    if re.match(r"^[A-Z_]+=", words[0]):
        words = words[1:]
    program, *given = words
    if program == "make":
        return of_make(given)
    if program in ("tools/nextflow", "nextflow"):
        return of_nextflow(given)
    if program == "bin/sc-compartments":
        return of_step(given)
    if re.fullmatch(r"\.tools/\w+/bin/python", program) and given[:1] == ["-m"]:
        return of_module(given[1], given[2:])
    if program == ".tools/core/bin/python" and given[:1] == ["bin/sc-compartments"]:
        return of_step(given[1:])
    if program == ".tools/core/bin/python" and given[0] == "-c":
        compile(given[1], "command", "exec")
        return ""
    if program.startswith(("tools/", "bin/")):
        path = ROOT / program
        return "" if path.is_file() and os.access(path, os.X_OK) else f"{program} cannot be run"
    return f"{program}: say how it is called, or mark the block not-here"


def of_make(given):
    text = (ROOT / "Makefile").read_text()
    targets = {name for line in re.findall(r"(?m)^([a-z][\w -]*):", text) for name in line.split()}
    names = [MAKE.match(word)[1] for word in given if MAKE.match(word)]
    unknown = [word for word in given if not MAKE.match(word) and word not in targets]
    unknown += [name for name in names if f"$({name})" not in text and f"$(if $({name})" not in text]
    return f"make {unknown[0]} is not in the Makefile" if unknown else ""


def of_nextflow(given):
    schema = json.loads((ROOT / "nextflow_schema.json").read_text())["$defs"].values()
    known = {name for group in schema for name in group["properties"]}
    config = (ROOT / "nextflow.config").read_text()
    profiles = set(re.findall(r"^    (\w+)\s*\{ includeConfig", config, re.M))
    for word, value in zip(given, [*given, ""][1:], strict=True):
        if word.startswith("--") and word[2:] not in known:
            return f"{word} is no parameter"
        if re.match(r"-[a-zA-Z]", word) and word[1:] not in OPTIONS:
            return f"{word} is no option of Nextflow that is known here"
        if word == "-profile" and not set(value.split(",")) <= profiles:
            return f"-profile {value}: there is none"
    return "" if not given or given[0] in ("run", "clean", "log") else f"nextflow {given[0]}?"


def of_step(given):
    if given == ["STEP"]:  # any of them
        return ""
    known = {option for action in parser_of(given[0])._actions for option in action.option_strings}
    unknown = [word for word in given if word.startswith("--") and word not in known]
    return f"{given[0]} has no {unknown[0]}" if unknown else ""


def of_module(name, given):
    path = ROOT / f"{name.replace('.', '/')}.py"
    if not path.is_file():
        return f"there is no module {name}"
    text = path.read_text()
    shared = re.findall(r"(?m)^from benchmarks\.([\w.]+) import|^from benchmarks import (\w+)", text)
    paths = [ROOT / "benchmarks" / f"{(one or other).replace('.', '/')}.py" for one, other in shared]
    text += "".join(path.read_text() for path in paths if path.is_file())
    unknown = [word for word in given if word.startswith("--") and f'"{word}"' not in text]
    return f"{name} has no {unknown[0]}" if unknown else ""


def test_every_block_of_shell_is_marked_and_few_cannot_be_tried():
    marks = [mark for _page, mark, _text in blocks()]
    assert len(marks) > 25 and {mark.split(":")[0] for mark in marks} == {"run", "check", "not-here"}
    assert sum(mark.startswith("not-here") for mark in marks) <= NOT_HERE


def test_what_the_commands_name_exists():
    asked = [(page, words) for page, mark, text in blocks() if mark in ("run", "check") for words in lines(text)]
    asked += inline()
    wrong = [(page.name, " ".join(words), problem(words)) for page, words in asked]
    assert [one for one in wrong if one[2]] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("make demmo", "make demmo is not in the Makefile"),
        ("make bench-scale RUNG=1", "make RUNG is not in the Makefile"),
        ("tools/nextflow run . --min-genes 3", "--min-genes is no parameter"),
        ("tools/nextflow run . -profile docked", "-profile docked: there is none"),
        ("tools/nextflow run . -resum", "-resum is no option of Nextflow that is known here"),
        ("bin/sc-compartments power --stdy x", "power has no --stdy"),
        (".tools/core/bin/python -m benchmarks.rate", "there is no module benchmarks.rate"),
        (".tools/core/bin/python -m benchmarks.compare.bench_unequal --study 7", "has no --study"),
        ("tools/audit.py", "tools/audit.py cannot be run"),
        ("python -m benchmarks.rates", "python: say how it is called"),
    ],
)
def test_a_wrong_command_is_seen(words, said):
    assert said in problem(shlex.split(words))


def test_scripts_have_their_run_bit():
    """What begins with #! is called by its name."""
    listed = subprocess.run(["git", "ls-files", "-s"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 3) for line in listed.splitlines()]
    names = [row[3] for row in rows if row[0] == "100644" and (ROOT / row[3]).is_file()]
    assert [name for name in names if (ROOT / name).read_bytes()[:2] == b"#!"] == []


@pytest.fixture(scope="module")
def folder(project):
    """The project with what the commands name: outputs of a counting program, a study, results."""
    for sample in ("p1_csf", "p1_blood"):
        where = project / "FOLDER" / sample / "outs"
        where.mkdir(parents=True)
        words = [project / "bin" / "sc-compartments", "write_stub", "raw_feature_bc_matrix.h5"]
        subprocess.run(words, cwd=where, check=True)
    synthetic_results.make(project / "results")
    return project


def run(page, text, folder):
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text], cwd=folder, capture_output=True, text=True, env=variables()
    )
    assert done.returncode == 0, f"{page.name}: {text}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"


def test_the_commands_that_can_be_run_do(folder):
    """In the order of the pages; those of Nextflow, which take longer, apart."""
    asked = [(page, text) for page, mark, text in blocks() if mark == "run" and "nextflow run" not in text]
    assert len(asked) >= 3
    for page, text in sorted(asked, key=lambda one: "make_report" not in one[1]):
        run(page, text, folder)
    assert (folder / "samplesheet.csv").exists() and (folder / "results" / "report.html").exists()


@pytest.mark.long
@pytest.mark.pipeline
def test_the_commands_of_nextflow_that_can_be_run_do(folder):
    program = [folder / "bin" / "sc-compartments", "simulate_cohort", "--outdir", "input"]
    small = ["--treated", "1", "--untreated", "2", "--scale", "0.2", "--genes", "700", "--empties", "200"]
    subprocess.run([*program, *small], cwd=folder, check=True, capture_output=True)
    shutil.copy(folder / "input" / "samplesheet.csv", folder / "input" / "sheet.csv")
    text = (folder / "input" / "samplesheet.csv").read_text()
    (folder / "samplesheet.csv").write_text(re.sub(r"(?<=,)(?=[^,\n]*\.h5)", "input/", text))
    train = [folder / "bin" / "sc-compartments", "train_model", "--label_reference_column", "lineage"]
    given = ["--label_reference", "input/reference.h5ad", "--out", "model.pkl"]
    subprocess.run([*train, *given], cwd=folder, check=True, capture_output=True)
    asked = [(page, text) for page, mark, text in blocks() if mark == "run" and "nextflow run" in text]
    assert asked
    for page, text in asked:
        run(page, text, folder)
