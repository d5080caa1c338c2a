"""With -resume an edit repeats the steps that use what it touches, and no other: by the rule of lib/code.nf."""

import ast
import json
import re
import subprocess

import pytest

from compartments.core import door
from compartments.core.dictionary import load
from tests.support.closures import closure, imports, users
from tests.support.runs import ROOT, variables
from tools.make_docs import contracts

PACKAGE = ROOT / "bin" / "compartments"
# rooms -> steps that an edit of them may repeat
ROOMS = {
    "compare/{expression,deseq,batched,genes,target}.py": {"compare_expression"},
    "cells/{calling,emptydrops,ranks}.py": {"call_cells", "remove_ambient", "import_cellbender"},
    "cells/{soupem,soup,removal}.py": {"remove_ambient", "import_cellbender"},
    "counts/{formats,reading,assembly,values}.py": {
        "inspect_input",
        "check_captures",
        "read_counts",
        "import_cellbender",
        "train_model",
        "split_study",
    },  # fmt: skip
    "compare/liana.py": {"run_liana", "compare_interactions"},
    "labels/annotation.py": {"annotate_cells"},
    "compare/centrality.py": {"score_centrality"},
    "compare/genesets.py": {"score_gene_sets", "combine"},
    "compare/activities.py": {"score_activities"},
    "findings/{depleted,kept,migration,signalling,uncoupled}.py": {"write_findings"},
}
ASKING = """
include { closureOf } from './lib/code'

workflow {
    ['filter_cells', 'compare_interactions', 'make_report', ['compare_composition', 'power']].each { steps ->
        log.info("closure ${[steps].flatten().join('+')} ${closureOf(steps).join(' ')}")
    }
}
"""

SHEET = """
include { SHEET } from './workflows/input'

workflow {
    SHEET([study_file: params.table, sample_key: 'sample'])
}
"""


def rooms(pattern):
    """Files that a pattern with one brace names."""
    before, names, after = re.fullmatch(r"([^{]*)\{?([^}]*)\}?(.*)", pattern).groups()
    return [f"{before}{name}{after}" for name in names.split(",")]


@pytest.mark.parametrize("pattern", ROOMS)
def test_an_edit_of_a_room_repeats_its_own_steps(pattern):
    found = users(PACKAGE)
    for name in rooms(pattern):
        assert (PACKAGE / name).exists(), name
        assert found[name] <= ROOMS[pattern], name


def test_a_step_uses_no_other_step():
    found = users(PACKAGE)
    doors = {step: str(path.relative_to(PACKAGE)) for step, path in door.steps().items()}
    assert {step: found[name] - {step} for step, name in doors.items() if found[name] != {step}} == {}


def test_every_room_is_used_by_a_step():
    modules = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if path.parent != PACKAGE and path.name != "__init__.py"
    }
    assert sorted(modules - users(PACKAGE).keys()) == []


def test_the_contract_of_a_step_is_in_the_closure_of_that_step_alone():
    found = users(PACKAGE)
    written = {str(path.relative_to(PACKAGE)): path.stem for path in PACKAGE.glob("*/*.json")}
    assert len(written) > 15
    assert {name: found.get(name, set()) for name in written} == {name: {step} for name, step in written.items()}


def tasks():
    """Steps whose code a process hands its tasks, of every process that runs any."""
    text = "".join(path.read_text() for path in sorted((ROOT / "modules").glob("*.nf")))
    found = re.findall(r"ext\(code: \{ code\((\[[^]]*\]|'\w+')", text)
    return [re.findall(r"\w+", one) for one in found]


@pytest.mark.parametrize("steps", tasks(), ids="+".join)
def test_a_task_has_the_contracts_that_its_code_reads(steps):
    """A room that writes by the contract of one step, run by another, finds no columns there."""
    files = closure(PACKAGE, *steps)
    for name in sorted(one for one in files if one.endswith(".py")):
        text = (PACKAGE / name).read_text()
        constants = dict(re.findall(r'(?m)^([A-Z]+) = "(\w+)"$', text))
        for word in re.findall(r"Contract\.of\(([A-Z]+)\)", text):
            (door_of,) = PACKAGE.glob(f"*/{constants[word]}.py")
            assert str(door_of.relative_to(PACKAGE).with_suffix(".json")) in files, name


def test_the_task_that_compares_again_has_the_code_of_every_step_that_it_may_call():
    (steps,) = [steps for steps in tasks() if "compare" in steps]
    rooms = [PACKAGE / name for name in closure(PACKAGE, "compare") if name.startswith("after/")]
    called = {name for path in rooms for name in re.findall(r'call(?:ed)?\("(\w+)"', path.read_text())}
    assert len(called) > 15 and called <= set(steps)


def test_imports_have_the_one_form_that_the_rule_reads():
    for path in PACKAGE.glob("*/**/*.py"):
        tree = ast.parse(path.read_text())
        types = {id(one) for node in tree.body if isinstance(node, ast.If) for one in ast.walk(node)}
        wanted = set()
        for node in ast.walk(tree):
            assert not (isinstance(node, ast.Import) and "compartments" in ast.unparse(node)), path
            if isinstance(node, ast.ImportFrom) and node.module.startswith("compartments") and id(node) not in types:
                inner = node.module.removeprefix("compartments").strip(".").replace(".", "/")
                assert inner, f"{path}: name the package"
                wanted |= {f"{inner}.py"} | {f"{inner}/{one.name}.py" for one in node.names}
        name = str(path.relative_to(PACKAGE))
        assert imports(PACKAGE, name) == {one for one in wanted if (PACKAGE / one).exists()}, name


@pytest.fixture(scope="module")
def sources():
    """Rows of the dictionary, the schema, and the contracts that are written from them."""
    schema = json.loads((ROOT / "nextflow_schema.json").read_text())
    rows = load()
    return rows, schema, contracts(rows, schema)


def repeated(before, after):
    """Steps that are repeated because their contract changed."""
    changed = {name.removeprefix("bin/compartments/") for name in before if before[name] != after[name]}
    found = users(PACKAGE)
    return {step for name in changed for step in found[name]}


def test_a_new_column_repeats_the_step_that_writes_it(sources):
    rows, schema, before = sources
    last = max(n for n, row in enumerate(rows) if row["file"] == "composition/effects.tsv")
    more = [*rows[: last + 1], {**rows[last], "column": "new_column"}, *rows[last + 1 :]]
    assert repeated(before, contracts(more, schema)) == {"compare_composition"}


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("nmads_mt", {"filter_cells"}),
        ("integration_key", {"check_labels", "embed_cohort", "zoom_lineages"}),
        ("outdir", set()),
    ],
)
def test_a_changed_default_repeats_the_steps_that_take_the_parameter(sources, name, steps):
    rows, schema, before = sources
    changed = json.loads(json.dumps(schema))
    for group in changed["$defs"].values():
        if name in group["properties"]:
            group["properties"][name]["default"] = "changed"
    assert repeated(before, contracts(rows, changed)) == steps


@pytest.mark.pipeline
def test_the_rule_is_that_of_the_pipeline(project, tmp_path):
    (project / "asking.nf").write_text(ASKING)
    words = [str(project / "tools" / "nextflow"), "run", str(project / "asking.nf"), "-ansi-log", "false"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, env=variables())
    told = {steps: names.split() for steps, names in re.findall(r"closure (\S+) (.+)", done.stdout)}
    assert len(told) == 4, done.stdout + done.stderr
    for steps, names in told.items():
        wanted = closure(project / "bin" / "compartments", *steps.split("+"))
        assert sorted(names) == sorted(
            ["sc-compartments", "compartments/__init__.py", *(f"compartments/{name}" for name in wanted)]
        ), steps


@pytest.mark.pipeline
def test_files_of_pools_that_are_exchanged_are_read_again(project, tmp_path):
    """Nextflow itself takes a list of files for the same in any order, and cells would stay in the other pool."""
    (project / "sheet.nf").write_text(SHEET)
    for name, text in {"a.h5": b"no counts", "b.h5": b"PK\3\4 packed"}.items():
        (tmp_path / name).write_bytes(text)
    words = [str(project / "tools" / "nextflow"), "run", str(project / "sheet.nf"), "-ansi-log", "false", "-resume"]
    words += ["-profile", "local"]
    said = []
    for first, second in ("ab", "ba", "ba"):
        (tmp_path / "pools.csv").write_text(f"pool,file\nP1,{first}.h5\nP2,{second}.h5\n")
        given = [*words, "--table", "pools.csv"]
        done = subprocess.run(given, cwd=tmp_path, capture_output=True, text=True, env=variables())
        how = re.search(r"(Cached|Submitted) process > \S*SPLIT_STUDY", done.stdout)
        assert how, done.stdout + done.stderr
        said.append((how[1], re.search(r"ERROR: study/1/(\w)\.h5", done.stdout + done.stderr)[1]))
    assert said == [("Submitted", "a"), ("Submitted", "b"), ("Cached", "b")]
