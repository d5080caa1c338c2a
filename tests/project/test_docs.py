"""The documentation against the code: generated pages are current, names that the pages use exist."""

import ast
import json
import re
import shutil
import subprocess
import sys

import pytest

from compartments.core import dictionary, door
from compartments.core.errors import UserError
from compartments.report import provenance
from compartments.report.status import PER_SAMPLE
from compartments.study.samplesheet import parse_samplesheet
from tools.make_docs import parser_of


def make_docs(root, *arguments):
    command = [sys.executable, str(root / "tools" / "make_docs.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def copy(root, tmp_path):
    """What make_docs.py reads and writes, in a folder of its own."""
    for name in ("tools/make_docs.py", "nextflow_schema.json", "assets/dictionary.tsv", "docs/use/usage.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, tmp_path / name)
    shutil.copytree(root / "bin" / "compartments", tmp_path / "bin" / "compartments")
    shutil.copytree(root / "modules", tmp_path / "modules")
    shutil.copytree(root / "containers", tmp_path / "containers")
    for folder in ("use", "results", "change"):
        (tmp_path / "docs" / folder).mkdir(parents=True, exist_ok=True)
    return tmp_path


def test_generated_pages_are_current(root):
    done = make_docs(root, "--check")
    assert done.returncode == 0, done.stderr


def test_the_check_sees_an_outdated_or_missing_page(copy):
    assert make_docs(copy, "--check").returncode == 1
    assert make_docs(copy).returncode == 0
    assert make_docs(copy, "--check").returncode == 0
    pages = ["docs/results/output.md", "docs/use/parameters.md", "docs/change/contracts.md"]
    pages += ["containers/core/environment.yml"]
    for name in [*pages, "bin/compartments/findings/write_findings.json"]:
        page = copy / name
        written = page.read_text()
        page.write_text(written.replace("seed", "sed", 1) + "more\n")
        done = make_docs(copy, "--check")
        assert done.returncode == 1 and f"{name} is out of date" in done.stderr
        page.write_text(written)


def test_contract_of_a_step_says_what_goes_in_and_out(root):
    """Options of its command line, parameters, files of the results, and files for the next step alone."""
    text = (root / "docs" / "change" / "contracts.md").read_text()
    part = text.split("### `filter_cells`")[1].split("###")[0]
    assert "FILTER_CELLS: " in part and "- reads `--cells`: <sample>.cells.h5ad" in part
    assert "`--min_genes`" in part and "- publishes `samples/*/*.qc.json`" in part
    assert "- hands on `<s>.filtered.h5ad`, `skipped.tsv`" in part
    assert str(root) not in text


def schema_parameters(root):
    schema = json.loads((root / "nextflow_schema.json").read_text())
    return {name: value for group in schema["$defs"].values() for name, value in group["properties"].items()}


def test_every_parameter_has_its_row(root):
    page = (root / "docs" / "use" / "parameters.md").read_text()
    rows = dict(re.findall(r"^\| `--(\w+)` \| (.*) \|$", page, re.M))
    known = schema_parameters(root)
    assert list(rows) == list(known)
    for name, value in known.items():
        assert value["description"] in rows[name]
        assert all(f"`{choice}`" in rows[name] for choice in value.get("enum", []))


def executables(root):
    return {name: path.read_text() for name, path in door.steps().items()}


PAGES = [
    "use/usage.md",
    "how/methods.md",
    "use/running.md",
    "change/contracts.md",
    "change/architecture.md",
    "index.md",
]
PAGES += ["use/quickstart.md", "results/interpretation.md", "use/troubleshooting.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.rpartition("/")[2])
def test_names_in_the_pages_exist(root, page):
    """Options in code quotes are parameters of the pipeline or options of an executable; named files are there."""
    path = root / "docs" / page
    text = path.read_text()
    known = set(schema_parameters(root)) | {"help"}
    parsers = [parser_of(name) for name in executables(root)]
    known |= {
        option.lstrip("-") for parser in parsers for action in parser._actions for option in action.option_strings
    }
    fenced = "".join(re.findall(r"^```.*?^```", text, re.M | re.S))
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    codes = re.findall(r"`([^`]+)`", text) + re.findall(r"^(?:tools/nextflow|bin/sc-compartments) .*", fenced, re.M)
    used = set()
    for code in codes:
        options = set(re.findall(r"(?<![\w-])--([a-z]\w*)\b(?![…-])", code))
        bench = re.search(r"python -m (benchmarks[\w.]+)", code)
        source = (root / f"{bench[1].replace('.', '/')}.py").read_text() if bench else ""
        used |= {name for name in options if f'"--{name}"' not in source}
    assert sorted(used - known) == []
    named = set(re.findall(r"`(?:bin/)?(\w+\.py)`", text))
    assert sorted(named - {found.name for found in (root / "bin").rglob("*.py")}) == []
    links = set(re.findall(r"\]\(([^)#]+)\)", text)) - {"demo.md"}  # the site writes that page
    assert [link for link in links if "://" not in link and not (path.parent / link).exists()] == []


PLANNED = {"bin/compartments/cells/cycle.py", "bin/compartments/cells/score_cycle.py"}
PLANNED |= {"tests/cells/test_cycle.py", "tests/cells/test_score_cycle.py"}
PLANNED |= {"report/sections/cycle.py", "assets/report/words/cycle.toml"}
PLANNED |= {"benchmarks/cells/bench_cycle.py"}  # the step that architecture.md adds


@pytest.mark.parametrize("page", ["change/architecture.md", "how/methods.md", "results/interpretation.md"])
def test_files_that_the_pages_name_exist(root, page):
    """Modules by their place in the package, files of the project by their place in it."""
    text = re.sub(r"^```.*?^```", "", (root / "docs" / page).read_text(), flags=re.M | re.S)
    named = set(re.findall(r"`([\w./]+/(?:\w+\.(?:py|nf|tsv|json|config|j2|toml))?)`", text))
    places = [root, root / "bin" / "compartments"]
    missing = {
        name for name in named if not any((place / name.removeprefix("bin/compartments/")).exists() for place in places)
    }
    published = {row["file"] for row in dictionary.load()}
    assert sorted(missing - PLANNED - published) == []
    assert page != "change/architecture.md" or len(named) > 30


def test_the_street_has_every_package_and_step(root):
    """The picture, the page about it and the list of packages are the same street."""
    picture = (root / "docs" / "images" / "street.svg").read_text()
    shown = set(re.findall(r"[a-z_]+", " ".join(re.findall(r">([^<]+)</text>", picture))))
    assert sorted(({*door.STREET, *door.BESIDE} | set(door.steps())) - shown) == []
    page = (root / "docs" / "change" / "architecture.md").read_text()
    assert " → ".join(f"`{package}`" for package in door.STREET[1:]) in page
    headings = re.findall(r"^## (\w+)$", (root / "docs" / "how" / "methods.md").read_text(), re.M)
    # neither the report nor what is asked after it has methods of its own there
    assert [name.lower() for name in headings[:9]] == [*door.STREET[1:-2], "simulate"]


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_every_page_is_reached_from_the_first_ones(root, page):
    text = (root / page).read_text()
    links = {((root / page).parent / link).resolve() for link in re.findall(r"\]\(([^)#:]+)\)", text)}
    assert sorted(set((root / "docs").rglob("*.md")) - links - {root / "docs" / "index.md"}) == []


def test_profiles_in_the_docs_exist(root):
    config = (root / "nextflow.config").read_text()
    known = set(re.findall(r"^    (\w+)\s*\{ includeConfig", config, re.M))
    for page in ("README.md", "docs/use/usage.md", "docs/use/running.md"):
        for given in re.findall(r"-profile ([\w,]+)", (root / page).read_text()):
            assert set(given.split(",")) <= known, page
    running = (root / "docs" / "use" / "running.md").read_text()
    assert [name for name in sorted(known) if f"`{name}`" not in running] == []


def test_every_executable_is_in_the_contracts(root):
    text = (root / "docs" / "change" / "contracts.md").read_text()
    assert [name for name in sorted(executables(root)) if f"`{name}`" not in text] == []


def processes_of(root):
    return {
        name
        for module in (root / "modules").glob("*.nf")
        for name in re.findall(r"^process (\w+)", module.read_text(), re.M)
    }


def test_stages_of_skipped_rows_are_processes(root):
    """The report finds the reasons of a step by its process's name."""
    sources = [path.read_text() for path in (root / "bin").rglob("*.py")]
    own = {
        name for source in sources if "LeftOut(STEP)" in source for name in re.findall(r'^STEP = "(\w+)"', source, re.M)
    }
    stages = own | {name for source in sources for name in re.findall(r"""(?:"stage":|LeftOut\() ?"(\w+)""", source)}
    by_hand = {"combine"}  # writes the skipped.tsv of results of its own
    assert len(stages) >= 10 and sorted(stages - {name.lower() for name in processes_of(root)} - by_hand) == []


def test_every_process_is_in_the_contracts(root):
    text = (root / "docs" / "change" / "contracts.md").read_text()
    processes = processes_of(root)
    assert [name for name in sorted(processes) if not re.search(rf"\b{name}\b", text)] == []


def test_methods_state_the_defaults_of_the_schema(root):
    """Wherever methods.md gives `name` = value for a parameter of the schema, the value is its default."""
    text = (root / "docs" / "how" / "methods.md").read_text()
    known = schema_parameters(root)
    stated = [(name, value) for name, value in re.findall(r"`(\w+)` = (\w+(?:\.\w+)?)", text) if name in known]
    assert len(stated) >= 15
    wrong = [(name, value) for name, value in stated if str(known[name].get("default")) != value]
    assert wrong == []


def test_methods_text_of_the_report_agrees_with_the_schema(root):
    """Fallback values of the text are the defaults; every ambient RNA method has its words there and in methods.md."""
    text = "".join(path.read_text() for path in (root / "assets" / "report" / "methods").glob("*.j2"))
    known = schema_parameters(root)
    named, fallbacks = re.findall(r"\bp\('(\w+)'\)", text), provenance.defaults()
    assert len(set(named)) >= 10
    assert [name for name in named if str(known[name].get("default")) != str(fallbacks[name])] == []
    page = (root / "docs" / "how" / "methods.md").read_text()
    for method in set(known["ambient_method"]["enum"]) - {"auto"}:
        assert f"'{method}' in ambient" in text
        assert method in page.lower()


def messages(root):
    """Every text in the code as one would see it, with `…` for what is filled in."""
    texts = []
    for path in (root / "bin").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                texts.append("".join(v.value if isinstance(v, ast.Constant) else "…" for v in node.values))
    for path in [
        root / "main.nf",
        *(path for folder in ("workflows", "modules", "lib") for path in (root / folder).glob("*.nf")),
    ]:
        source = re.sub(r"\$\{[^}]*\}", "…", path.read_text())
        texts += [found for pair in re.findall(r"'([^'\n]*)'|\"([^\"\n]*)\"", source) for found in pair if found]
    return texts


def quoted_messages(page):
    """Messages that begin the items of docs/use/troubleshooting.md."""
    return [code for line in re.findall(r"^- (`.*`)  $", page, re.M) for code in re.findall(r"`([^`]+)`", line)]


def test_quoted_messages_exist(root):
    """Users search for what they read on the screen: the page quotes the code, word for word."""
    quoted = quoted_messages((root / "docs" / "use" / "troubleshooting.md").read_text())
    known = messages(root)
    assert len(quoted) >= 40
    assert [text for text in quoted if not any(text.removesuffix(" ...") in one for one in known)] == []
    assert not any("column '…' is lost" in one for one in known)


def test_resources_of_the_readme_are_those_of_the_processes(root):
    """The pasted table names every process of the demo, and no other."""
    text = (root / "README.md").read_text()
    rows = set(re.findall(r"^\| ([A-Z_]+) \| \d+ \|", text, re.M))
    of_reads = {"SIMULATE_READS", *re.findall(r"(?m)^process (\w+)", (root / "modules" / "reads.nf").read_text())}
    not_in_the_demo = {
        "RUN_CELLBENDER",
        "IMPORT_CELLBENDER",
        "NAME_FAILURES",
        "READ_POOLS",
        "SPLIT_STUDY",
        "ZOOM_LINEAGES",
    }
    not_in_the_demo |= {"COMPARE_AGAIN"}
    assert rows == processes_of(root) - not_in_the_demo - of_reads


def test_a_lost_sample_is_the_same_for_the_console_and_the_report(root):
    text = (root / "lib" / "console.nf").read_text()
    steps = re.findall(r"'(\w+)'", " ".join(re.findall(r"needed \+?= \[([^\]]*)\]", text)))
    assert steps == PER_SAMPLE


SHEET = {"sample": "s1", "donor": "d1", "compartment": "CSF", "condition": "sick", "raw": "a.h5"}


@pytest.mark.parametrize(
    ("column", "value", "fits"),
    [
        ("donor", "d 1", False), ("expected_cells", "0", False), ("expected_cells", "5.5", False),
        ("max_mt", "101", False), ("max_mt", "12.5", True), ("rbc_per_ul", "0", True), ("min_genes", "-1", False),
        ("fraction_share", "1.1", False), ("group", "a/b", False), ("batch", "a", True),
    ],
)  # fmt: skip
def test_the_schema_of_the_samplesheet_is_what_the_pipeline_takes(root, column, value, fits):
    """Launch forms refuse in a sheet what the pipeline would refuse."""
    items = json.loads((root / "assets" / "schema_input.json").read_text())["items"]
    assert set(items["required"]) == set(SHEET) - {"raw"}
    said = items["properties"][column]
    if said["type"] == "string":
        allowed = re.fullmatch(said.get("pattern", ".*"), value) is not None
    else:
        number = float(value)
        allowed = (said["type"] == "number" or number.is_integer()) and number <= said.get("maximum", number)
        allowed &= number > said["exclusiveMinimum"] if "exclusiveMinimum" in said else number >= said["minimum"]
    row = SHEET | {column: value}
    other = row | {"sample": "s2", "donor": "d2", "condition": "control", "raw": "b.h5"}
    text = "\n".join(",".join(cells) for cells in (row, row.values(), other.values())) + "\n"
    if fits:
        assert allowed and len(parse_samplesheet(text)) == 2
    else:
        with pytest.raises(UserError):
            parse_samplesheet(text)
        assert not allowed
