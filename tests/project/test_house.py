"""The rules of the house hold, and what checks them can fail."""

import re
from pathlib import Path

import pytest

from compartments.core import door
from tools import check_house


def test_no_import_runs_up_the_street(root):
    modules = sorted((root / "bin" / "compartments").rglob("*/*.py"))
    assert len(modules) >= 60
    packages = {path: path.relative_to(root / "bin" / "compartments").parts[0] for path in modules}
    breaches = {path.name: check_house.uphill(packages[path], path.read_text()) for path in modules}
    assert {name: packages for name, packages in breaches.items() if packages} == {}


@pytest.mark.parametrize(
    ("package", "source", "expected"),
    [
        ("cells", "from compartments.labels.model import load_model", ["labels"]),
        ("cells", "def f():\n    from compartments.report import page", ["report"]),
        ("cells", "from compartments import findings", ["findings"]),
        ("cells", "import compartments.cohort.sample", ["cohort"]),
        ("cells", "from compartments.core.files import write_tsv\nfrom compartments.cells import soupem", []),
        ("report", "from compartments.findings.words import QUESTIONS", []),
        ("report", "from compartments.simulate.presets import BASE", ["simulate"]),
        ("simulate", "from compartments.study.study import Study", ["study"]),
        ("core", "from compartments.study.study import Study", ["study"]),
    ],
)
def test_an_import_that_runs_up_is_seen(package, source, expected):
    assert check_house.uphill(package, source) == expected


def test_what_is_too_long_is_seen():
    long_function = "def f():\n" + "    x = 1\n" * 61
    assert any("f has 61 lines of code" in line for line in check_house.breaches("a.py", long_function))
    documented = 'def f():\n    """Text.\n' + "\n" * 70 + '    """\n    # why\n    return 1\n'
    assert check_house.breaches("a.py", documented) == []
    assert any("main has" in line for line in check_house.breaches("bin/a.py", "def main():\n" + "    x = 1\n" * 46))
    assert any("501 lines" in line for line in check_house.breaches("a.css", "x\n" * 501))
    assert any("a.nf:1: a line of more" in line for line in check_house.breaches("a.nf", "// " + "x" * 120))
    workflow = "workflow X {\n" + "    x = 1\n" * 61 + "}\n"
    assert any("X has 61 lines" in line for line in check_house.breaches("a.nf", workflow))


@pytest.mark.parametrize("line", ["path 'a', emit: b", "tuple val(a), path(b), emit: c", "ext code: { code('a') }"])
def test_an_option_without_parentheses_is_seen(line):
    assert len(check_house.breaches("a.nf", f"process A {{\n    {line}\n}}\n")) == 1
    word, rest = line.split(" ", 1)
    assert check_house.breaches("a.nf", f"process A {{\n    {word}({rest})\n}}\n") == []


def test_tests_mirror_the_package(root):
    """A module of tests for every room, in the same folder of the same name; none for a room that is not there."""
    package = root / "bin" / "compartments"
    modules = {path.relative_to(package).with_suffix(""): path for path in package.glob("*/**/*.py")}
    rooms = {name: path for name, path in modules.items() if name.name != "__init__"}
    tests = {path.relative_to(root / "tests") for path in (root / "tests").rglob("test_*.py")}
    tests = {path.with_name(path.stem.removeprefix("test_")) for path in tests}
    there = {path for path in tests if path.parts[0] in (*door.STREET, *door.BESIDE) and "browser" not in path.parts}
    assert sorted(map(str, there - rooms.keys())) == [], "tests of modules that are not there"
    doors = {name for name, path in rooms.items() if door.is_step(path)}
    assert sorted(map(str, rooms.keys() - doors - tests)) == [], "rooms without a module of tests"


SCRIPTS = ("main.nf", "lib/*.nf", "modules/*.nf", "workflows/*.nf")
READS_PARAMETERS = re.compile(r"\bparams(\.(?!json\b)\w|\[)|\(params\b")


def test_parameters_are_read_by_the_entry_workflow_alone(root):
    """Newer parsers of Nextflow refuse them elsewhere; tasks are repeated by what they are handed."""
    texts = {path: path.read_text() for pattern in SCRIPTS for path in root.glob(pattern)}
    assert len(texts) > 25
    found = {path.name: READS_PARAMETERS.search(text) for path, text in texts.items()}
    assert [name for name, match in found.items() if match] == ["main.nf"]
    entry = re.search(r"(?ms)^workflow \{\n(.*?)^\}", texts[root / "main.nf"])[1]
    assert [match[0] for match in READS_PARAMETERS.finditer(texts[root / "main.nf"])] == ["(params"]
    assert "settingsOf(params)" in entry
    for line in ("def x = params.input", "params[name]", "f(params)"):
        assert READS_PARAMETERS.search(line)


def test_scripts_say_nothing_that_newer_parsers_read_otherwise(root):
    """``x instanceof Map ? a : b`` is a type that may be null there; Path.listFiles() is gone."""
    for path in (path for pattern in SCRIPTS for path in root.glob(pattern)):
        assert not re.search(r"instanceof \w+ \?|\.listFiles\(", path.read_text()), path.name
    assert re.search(r"(?m)^    defaultBranch = 'main'$", (root / "nextflow.config").read_text())


def test_scripts_that_include_functions_are_included_from_one_place(root):
    """Else the new parser of Nextflow 25.04 ends with "a function is already defined or included"."""
    scripts = [path for pattern in SCRIPTS for path in root.glob(pattern)]
    takers: dict[Path, set[Path]] = {}
    for path in scripts:
        for name in re.findall(r"(?m)^include \{.*\} from '(\S+)'", path.read_text()):
            takers.setdefault((path.parent / f"{name}.nf").resolve(), set()).add(path)
    assert takers.keys() <= set(scripts) and len(takers) > 25
    including = [path for path in scripts if re.search(r"(?m)^include ", path.read_text())]
    assert {path.name: len(takers[path]) for path in including if len(takers.get(path, ())) > 1} == {}
