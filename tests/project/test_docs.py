"""The documentation against the code: generated pages are current, names that the pages use exist."""

import ast
import json
import re
import shutil
import subprocess
import sys

import pytest
from compartments.core import door


def make_docs(root, *arguments):
    command = [sys.executable, str(root / "tools" / "make_docs.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def copy(root, tmp_path):
    """What make_docs.py reads and writes, in a folder of its own."""
    for name in ("tools/make_docs.py", "nextflow_schema.json", "assets/dictionary.tsv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, tmp_path / name)
    shutil.copytree(root / "bin" / "compartments", tmp_path / "bin" / "compartments")
    (tmp_path / "docs").mkdir()
    return tmp_path


def test_generated_pages_are_current(root):
    done = make_docs(root, "--check")
    assert done.returncode == 0, done.stderr


def test_the_check_sees_an_outdated_or_missing_page(copy):
    assert make_docs(copy, "--check").returncode == 1
    assert make_docs(copy).returncode == 0
    assert make_docs(copy, "--check").returncode == 0
    for name in ("output.md", "parameters.md"):
        page = copy / "docs" / name
        written = page.read_text()
        page.write_text(written.replace("seed", "sed", 1) + "more\n")
        done = make_docs(copy, "--check")
        assert done.returncode == 1 and f"docs/{name} is out of date" in done.stderr
        page.write_text(written)


def schema_parameters(root):
    schema = json.loads((root / "nextflow_schema.json").read_text())
    return {name: value for group in schema["$defs"].values() for name, value in group["properties"].items()}


def test_every_parameter_has_its_row(root):
    page = (root / "docs" / "parameters.md").read_text()
    rows = dict(re.findall(r"^\| `--(\w+)` \| (.*) \|$", page, re.M))
    known = schema_parameters(root)
    assert list(rows) == list(known)
    for name, value in known.items():
        assert value["description"] in rows[name]
        assert all(f"`{choice}`" in rows[name] for choice in value.get("enum", []))


def executables(root):
    return {name: path.read_text() for name, path in door.steps().items()}


@pytest.mark.parametrize(
    "page",
    [
        "usage.md",
        "methods.md",
        "running.md",
        "contracts.md",
        "index.md",
        "quickstart.md",
        "interpretation.md",
        "troubleshooting.md",
    ],
)
def test_names_in_the_pages_exist(root, page):
    """Options in code quotes are parameters of the pipeline or options of an executable; named files are there."""
    text = (root / "docs" / page).read_text()
    scripts = executables(root)
    known = set(schema_parameters(root)) | {"help"}
    known |= {option for source in scripts.values() for option in re.findall(r'"--(\w+)"', source)}
    fenced = "".join(re.findall(r"^```.*?^```", text, re.M | re.S))
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    codes = re.findall(r"`([^`]+)`", text) + re.findall(r"^(?:nextflow|bin/sc-compartments) .*", fenced, re.M)
    used = {name for code in codes for name in re.findall(r"(?<![\w-])--([a-z]\w*)\b(?![…-])", code)}
    assert sorted(used - known) == []
    named = set(re.findall(r"`(?:bin/)?(\w+\.py)`", text))
    assert sorted(named - {path.name for path in (root / "bin").rglob("*.py")}) == []
    links = set(re.findall(r"\]\(([^)#]+)\)", text)) - {"demo.md"}  # the site writes that page
    assert [link for link in links if "://" not in link and not (root / "docs" / link).exists()] == []


def test_profiles_in_the_docs_exist(root):
    config = (root / "nextflow.config").read_text()
    known = set(re.findall(r"^    (\w+)\s*\{ includeConfig", config, re.M))
    for page in ("README.md", "docs/usage.md", "docs/running.md"):
        for given in re.findall(r"-profile ([\w,]+)", (root / page).read_text()):
            assert set(given.split(",")) <= known, page
    running = (root / "docs" / "running.md").read_text()
    assert [name for name in sorted(known) if f"`{name}`" not in running] == []


def test_every_executable_is_in_the_contracts(root):
    text = (root / "docs" / "contracts.md").read_text()
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
    stages = {name for source in sources for name in re.findall(r"""(?:"stage":|STAGE =) "(\w+)""", source)}
    assert len(stages) >= 10 and sorted(stages - {name.lower() for name in processes_of(root)}) == []


def test_every_process_is_in_the_contracts(root):
    text = (root / "docs" / "contracts.md").read_text()
    processes = processes_of(root)
    assert [name for name in sorted(processes) if not re.search(rf"\b{name}\b", text)] == []


def test_methods_state_the_defaults_of_the_schema(root):
    """Wherever methods.md gives `name` = value for a parameter of the schema, the value is its default."""
    text = (root / "docs" / "methods.md").read_text()
    known = schema_parameters(root)
    stated = [(name, value) for name, value in re.findall(r"`(\w+)` = (\w+(?:\.\w+)?)", text) if name in known]
    assert len(stated) >= 15
    wrong = [(name, value) for name, value in stated if str(known[name].get("default")) != value]
    assert wrong == []


def test_methods_text_of_the_report_agrees_with_the_schema(root):
    """Fallback values of the text are the defaults; every ambient RNA method has its words there and in methods.md."""
    text = (root / "assets" / "report" / "methods.html.j2").read_text()
    known = schema_parameters(root)
    fallbacks = re.findall(r"p\('(\w+)', '([^']*)'\)", text)
    assert len(fallbacks) >= 10
    assert [(name, value) for name, value in fallbacks if str(known[name].get("default")) != value] == []
    page = (root / "docs" / "methods.md").read_text()
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
    for path in [root / "main.nf", *(root / "modules").glob("*.nf")]:
        source = re.sub(r"\$\{[^}]*\}", "…", path.read_text())
        texts += [found for pair in re.findall(r"'([^'\n]*)'|\"([^\"\n]*)\"", source) for found in pair if found]
    return texts


def quoted_messages(page):
    """Messages that begin the items of docs/troubleshooting.md."""
    return [code for line in re.findall(r"^- (`.*`)  $", page, re.M) for code in re.findall(r"`([^`]+)`", line)]


def test_quoted_messages_exist(root):
    """Users search for what they read on the screen: the page quotes the code, word for word."""
    quoted = quoted_messages((root / "docs" / "troubleshooting.md").read_text())
    known = messages(root)
    assert len(quoted) >= 40
    assert [text for text in quoted if not any(text.removesuffix(" ...") in one for one in known)] == []
    assert not any("column '…' is lost" in one for one in known)
