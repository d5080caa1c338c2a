"""The rules of the house hold, and what checks them can fail."""

import pytest

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


def test_tests_mirror_the_package(root):
    """A folder of tests for every package, a module of tests for every room."""
    for package in (root / "bin" / "compartments").iterdir():
        rooms = {path.stem for path in package.glob("*.py")} - {"__init__"}
        tests = {path.stem.removeprefix("test_") for path in (root / "tests" / package.name).glob("test_*.py")}
        if rooms:
            assert sorted(tests - rooms) == [], f"tests/{package.name} tests modules that are not there"
            doors = {name for name in rooms if "def main(" in (package / f"{name}.py").read_text()}
            assert sorted(rooms - doors - tests) == [], f"modules of {package.name} without a module of tests"
