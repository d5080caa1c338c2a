"""The small executables around the steps: stubs, reasons collected, design check, start-up of all."""

import ast
import gzip
import json
import re
import subprocess
import sys

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest

from compartments.core import door
from compartments.counts import reading

HEAVY = {
    "anndata",
    "celltypist",
    "decoupler",
    "h5py",
    "igraph",
    "jinja2",
    "liana",
    "networkx",
    "numpy",
    "pandas",
    "plotly",
    "pyarrow",
    "pydeseq2",
    "scanpy",
    "scipy",
    "skimage",
    "sklearn",
    "torch",
}


# -- write_stub.py --------------------------------------------------------------------------------------------------


def stub_names(root):
    """Every file name that a stub block of the modules asks for."""
    found = set()
    for module in (root / "modules").glob("*.nf"):
        text = module.read_text().replace("\\\\\n", " ")
        for line in re.findall(r"^\s*sc-compartments write_stub (.+)$", text, re.M):
            line = re.sub(r"--sample '[^']*'", "", line).replace("${meta.sample}", "S1")
            found |= set(line.split())
    return sorted(found)


def test_every_stub_file_opens(root, execute, tmp_path):
    names = stub_names(root)
    assert len(names) > 40 and not [name for name in names if "$" in name]
    done = execute("write_stub", "--sample", "S1", *names)
    assert done.returncode == 0, done.stderr
    for name in names:
        path = tmp_path / name
        if name.endswith(".h5ad"):
            data = anndata.read_h5ad(path)
            assert data.n_obs and data.uns["sample"] == "S1"
            assert {"counts", "corrected"} <= set(data.layers) and data.layers["counts"].dtype == np.int32
        elif name.endswith(".parquet"):
            assert len(pd.read_parquet(path)) == 1
        elif name.endswith(".h5"):
            with h5py.File(path) as handle:
                assert "matrix" in handle
        elif name.endswith(".json"):
            assert isinstance(json.loads(path.read_text()), dict)
        elif name.endswith((".tsv", ".tsv.gz", ".csv")):
            text = gzip.decompress(path.read_bytes()).decode() if name.endswith(".gz") else path.read_text()
            assert text.splitlines()[0].count("," if name.endswith(".csv") else "\t") >= 1, name
        else:
            assert path.read_text()


def test_stub_matrices_are_counts_for_the_readers(execute, tmp_path):
    execute("write_stub", "cohort/samplesheet.csv", "S1.droplets.h5ad")
    sheet = pd.read_csv(tmp_path / "cohort" / "samplesheet.csv")
    assert len(sheet) == 12
    counts = reading.read_counts(tmp_path / "cohort" / sheet["raw"][0])
    assert counts.matrix.sum() > 0 and len(counts.barcodes) == counts.matrix.shape[0]


def test_stub_samplesheet_passes_the_design_check(execute, tmp_path):
    execute("write_stub", "cohort/samplesheet.csv")
    done = execute("check_design", "--samplesheet", "cohort/samplesheet.csv")
    assert done.returncode == 0, done.stderr
    assert set(pd.read_csv(tmp_path / "design.tsv", sep="\t")["tier"]) == {"exploratory"}


# -- collect_skipped.py ---------------------------------------------------------------------------------------------

HEADER = "stage\tsample\tlineage\tcontrast\treason\n"


def test_reasons_are_joined_once_in_samplesheet_order(execute, tmp_path):
    (tmp_path / "study.json").write_text(json.dumps({"samples": [{"sample": "z"}, {"sample": "a"}]}))
    few, pair, quality = (
        "call_cells\ta\t\t\t3 cells\n",
        "design\t\t\tx_vs_y\tno pair\n",
        'quality\tz\t\t\tsays "none" left\n',
    )
    (tmp_path / "1.tsv").write_text(HEADER + few + pair)
    (tmp_path / "2.tsv").write_text(HEADER)
    (tmp_path / "3.tsv").write_text(HEADER + quality + few)
    done = execute("collect_skipped", "--study", "study.json", "3.tsv", "1.tsv", "2.tsv")
    assert done.returncode == 0, done.stderr
    written = (tmp_path / "skipped.tsv").read_text()
    assert written == HEADER + quality + few + pair
    execute("collect_skipped", "--study", "study.json", "2.tsv", "1.tsv", "3.tsv")
    assert (tmp_path / "skipped.tsv").read_text() == written, "the order of the pieces does not matter"


def test_no_reason_leaves_the_header(execute, tmp_path):
    (tmp_path / "study.json").write_text('{"samples": []}')
    (tmp_path / "1.tsv").write_text(HEADER)
    assert execute("collect_skipped", "--study", "study.json", "1.tsv").returncode == 0
    assert (tmp_path / "skipped.tsv").read_text() == HEADER


# -- check_design.py ------------------------------------------------------------------------------------------------

COLUMNS = "sample,donor,compartment,condition,raw"
ROWS = [
    "d1_csf,d1,CSF,treated,a.h5",
    "d1_blood,d1,blood,treated,b.h5",
    "d2_csf,d2,CSF,control,c.h5",
    "d2_blood,d2,blood,control,d.h5",
]


def sheet_with(row=None, text=None, columns=COLUMNS, extra=()):
    rows = [*ROWS, *extra]
    if row is not None:
        rows[row] = text
    return "\n".join([columns, *rows]) + "\n"


MISTAKES = {
    "missing column": (
        sheet_with(columns="sample,patient,compartment,condition,raw"),
        {},
        "sheet.csv row 1: column 'donor' is missing; rename 'patient' to 'donor'",
    ),
    "duplicate sample": (
        sheet_with(2, "d1_csf,d2,CSF,control,c.h5"),
        {},
        "sheet.csv row 4, column sample: 'd1_csf' is already in row 2; names are unique",
    ),
    "two conditions": (
        sheet_with(1, "d1_blood,d1,blood,control,b.h5"),
        {},
        "donor 'd1' has two conditions (row 2 'treated', row 3 'control')",
    ),
    "one compartment": (
        "\n".join([COLUMNS, ROWS[0], ROWS[2]]) + "\n",
        {},
        "column compartment: all samples have 'CSF'; at least two are needed",
    ),
    "one condition": (
        "\n".join([COLUMNS, *(row.replace("control", "treated") for row in ROWS)]) + "\n",
        {},
        "column condition: all samples have 'treated'; at least two are needed",
    ),
    "no reference condition": (
        sheet_with().replace("control", "placid"),
        {},
        "column condition has treated, placid and no obvious reference: choose one with --reference_condition",
    ),
    "unknown reference": (
        sheet_with(),
        {"reference_condition": "contrl"},
        "--reference_condition 'contrl' is not in column condition of the samplesheet; did you mean 'control'?",
    ),
    "unknown parameter": (
        sheet_with(),
        {"ambient_metod": "none"},
        "unknown parameter --ambient_metod; did you mean --ambient_method?",
    ),
    "value out of range": (sheet_with(), {"max_mt": 200}, "--max_mt is 200; it must be from 0 to 100"),
    "no input": (sheet_with(0, "d1_csf,d1,CSF,treated,"), {}, "row 2 (sample 'd1_csf'): no input; give 'raw'"),
    "bad name": (sheet_with(0, "d1/csf,d1,CSF,treated,a.h5"), {}, "row 2, column sample: 'd1/csf' may hold letters"),
    "compartment twice": (
        sheet_with(extra=["d1_csf2,d1,CSF,treated,e.h5"]),
        {},
        "row 6: donor 'd1' already has a sample of compartment 'CSF' in row 2",
    ),
    "unknown covariate": (sheet_with(), {"covariates": "age"}, "--covariates 'age' is not a column of the samplesheet"),
    "empty file": ("", {}, "sheet.csv is empty: it needs a header with sample, donor, compartment, condition"),
    "only a header": (COLUMNS + "\n", {}, "sheet.csv has a header but no sample"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_nothing_is_written(root, execute, tmp_path, mistake):
    text, parameters, words = MISTAKES[mistake]
    (tmp_path / "sheet.csv").write_text(text)
    (tmp_path / "params.json").write_text(json.dumps(parameters))
    arguments = ("--samplesheet", "sheet.csv", "--params", "params.json", "--schema", root / "nextflow_schema.json")
    done = execute("check_design", *arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and words in done.stderr, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["params.json", "sheet.csv"]


def test_the_pipeline_gets_the_problem_as_a_file(execute, tmp_path):
    text, _, words = MISTAKES["two conditions"]
    (tmp_path / "sheet.csv").write_text(text)
    done = execute("check_design", "--samplesheet", "sheet.csv", "--problems", "problems.txt")
    assert done.returncode == 0
    assert words in (tmp_path / "problems.txt").read_text() and not (tmp_path / "study.json").exists()


def test_a_samplesheet_that_is_no_text_is_named(execute, tmp_path):
    (tmp_path / "sheet.csv").write_bytes(b"PK\x03\x04\xff\xfe\x00")
    done = execute("check_design", "--samplesheet", "sheet.csv")
    assert done.returncode == 2 and "sheet.csv: not a text file in UTF-8" in done.stderr


@pytest.mark.parametrize(
    ("resource", "groups", "words"),
    [
        (
            "consensuss",
            None,
            "--lr_resource 'consensuss' is no resource of LIANA and no file; did you mean 'consensus'?",
        ),
        ("ligand\tpartner\nA\tB\n", None, "pairs.tsv: column 'receptor' missing; it needs ligand, receptor"),
        ("ligand\treceptor\nA\tB\n", "group\tligand\nx\tA\n", "groups.tsv: column 'receptor' missing"),
        ("ligand\treceptor\nA\tB\n", "group\tligand\treceptor\nx\tA\tB\n", None),
    ],
)
def test_pairs_are_read_before_anything_is_computed(execute, tmp_path, resource, groups, words):
    (tmp_path / "sheet.csv").write_text(sheet_with())
    arguments = ["--samplesheet", "sheet.csv", "--lr_resource", resource]
    if "\t" in resource:
        (tmp_path / "pairs.tsv").write_text(resource)
        arguments[-1] = "pairs.tsv"
    if groups:
        (tmp_path / "groups.tsv").write_text(groups)
        arguments += ["--interaction_groups", "groups.tsv"]
    done = execute("check_design", *arguments)
    assert done.returncode == (2 if words else 0), done.stderr
    assert (tmp_path / "plan.txt").exists() == (words is None)
    if words:
        assert len(done.stderr.splitlines()) == 1 and words in done.stderr


def test_a_sound_samplesheet_writes_study_and_plan(root, execute, tmp_path):
    (tmp_path / "sheet.csv").write_text(sheet_with())
    (tmp_path / "params.json").write_text('{"seed": 3, "referenceCompartment": null}')
    done = execute(
        "check_design",
        *("--samplesheet", "sheet.csv", "--params", "params.json"),
        *("--schema", root / "nextflow_schema.json", "--problems", "problems.txt"),
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "problems.txt").read_text() == ""
    assert pd.read_csv(tmp_path / "samples.tsv", sep="\t")["row"].tolist() == [2, 3, 4, 5]
    plan = (tmp_path / "plan.txt").read_text()
    assert "treated_vs_control, CSF against blood: 1 treated against 1 control donor pairs: descriptive" in plan


# -- start-up -------------------------------------------------------------------------------------------------------


def imported(*command):
    """Packages that a Python command imports, from -X importtime."""
    done = subprocess.run([sys.executable, "-X", "importtime", *map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return {line.rsplit("|", 1)[1].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}


def test_help_imports_nothing_heavy(root):
    names = list(door.steps())
    assert len(names) >= 25
    heavy = {name: imported(root / "bin" / "sc-compartments", name, "--help") & HEAVY for name in names}
    assert {name: found for name, found in heavy.items() if found} == {}


def test_executables_are_executable_and_end_alike(root):
    program = root / "bin" / "sc-compartments"
    assert program.stat().st_mode & 0o111 and program.read_text().startswith("#!/usr/bin/env python3\n")
    for name, path in door.steps().items():
        tree = ast.parse(path.read_text())
        assert "main" in {statement.name for statement in tree.body if isinstance(statement, ast.FunctionDef)}, name


def light_processes(root):
    """Steps of the processes with label 'light'."""
    found = set()
    for module in (root / "modules").glob("*.nf"):
        for body in re.split(r"^process ", module.read_text(), flags=re.M)[1:]:
            if re.search(r"^\s*label 'light'", body, re.M):
                found |= set(re.findall(r"'(\w+)'", "".join(re.findall(r"code\(([^)]*)\)", body))))
    return sorted(found)


def test_light_steps_import_no_heavy_package(root):
    """What a light step imports of the library, all at once: never scanpy, torch and the like."""
    names = light_processes(root)
    assert "check_design" in names and "compare_composition" in names
    modules = set()
    for name in names:
        for node in ast.walk(ast.parse(door.steps()[name].read_text())):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("compartments"):
                deep = node.module.count(".") > 1
                modules |= {node.module if deep else f"{node.module}.{one.name}" for one in node.names}
    heavy = {"celltypist", "igraph", "jinja2", "liana", "plotly", "pydeseq2", "scanpy", "sklearn", "skimage", "torch"}
    assert imported("-c", f"import {', '.join(sorted(modules))}") & heavy == set()
