"""How tests and benches run the pipeline, and what they compare."""

import fcntl
import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
CUT_OFF = "D04_CSF"
# of every run of a study of several compartments
RESULTS = [
    "report.html",
    "findings.tsv",
    "design.tsv",
    "skipped.tsv",
    "samples.tsv",
    "cohort/cohort.h5ad",
    "composition/effects.tsv",
    "composition/counts.tsv",
    "composition/calibration.tsv",
    "migration/scores.tsv",
    "migration/effects.tsv",
    "interactions/liana.parquet",
    "interactions/effects.tsv",
    "interactions/centrality.tsv",
    "coupling/coupling.tsv",
    "pipeline_info/trace.tsv",
    "pipeline_info/timeline.html",
    "pipeline_info/execution.html",
    "pipeline_info/versions.yml",
]


def tracked(folder):
    """Copy what git tracks or would track, so that a test may change or hide a file; environments by a link."""
    listed = ["git", "ls-files", "-zco", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".tools").symlink_to(ROOT / ".tools")
    return folder


def step(name, *arguments, project=ROOT):
    """The command line of a step of the copy ``project``."""
    return [sys.executable, str(project / "bin" / "sc-compartments"), name, *map(str, arguments)]


def command(project, *arguments):
    """The command line of a run of the copy ``project``."""
    return [str(project / "tools" / "nextflow"), "run", str(project), "-ansi-log", "false", *map(str, arguments)]


def variables(**more):
    """Environment of a run."""
    return os.environ | {"NXF_OFFLINE": "true", "NXF_ANSI_LOG": "false", "NXF_SYNTAX_PARSER": "v1"} | more


def nextflow(project, folder, *arguments, prefix=(), **more):
    """Run the copy ``project`` in ``folder``; exit status, and output and errors as one text."""
    done = subprocess.run(
        [*prefix, *command(project, *arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        env=variables(**more),
        timeout=1700,
    )
    return SimpleNamespace(code=done.returncode, text=done.stdout + done.stderr)


def once(tmp_path_factory, name, make):
    """``make(folder)`` once for all workers of a test run; the folder."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".done").exists():
            folder.mkdir()
            make(folder)
            (folder / ".done").touch()
    return folder


def tables(out):
    """Path -> bytes of every table and summary below ``out``; what describes the run itself apart."""
    found = [path for pattern in ("*.tsv", "*.tsv.gz", "*.json", "*.parquet") for path in out.rglob(pattern)]
    names = {path.relative_to(out): path for path in found}
    own = {"pipeline_info", "ro-crate-metadata.json"}
    return {str(name): path.read_bytes() for name, path in names.items() if name.parts[0] not in own}


def differing(one, other):
    """Names of tables that only one of two results has, or that differ in a byte."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def trace(out):
    """The tasks of a run, with the bare name of the process."""
    table = pd.read_csv(out / "pipeline_info" / "trace.tsv", sep="\t")
    return table.assign(process=table["process"].str.split(":").str[-1])


def arguments_of(cohort):
    """Arguments of a run on the small cohort."""
    given = {
        "input": cohort / "sheet.csv",
        "celltypist_model": cohort / "model.pkl",
        "reference_condition": "untreated",
    }
    options = [word for name, value in given.items() for word in (f"--{name}", value)]
    return [*options, "--ambient_method", "none", "--n_perms", "20"]


def write_cut_off(matrix, folder):
    """A matrix folder as 10x writes it, every entry twelve times, cut off behind what a first look reads."""
    folder.mkdir()
    with h5py.File(matrix) as handle:
        group = handle["matrix"]
        n_genes, n_cells = group["shape"][:]
        ids, names = group["features/id"][:].astype(str), group["features/name"][:].astype(str)
        barcodes, values, rows = group["barcodes"][:].astype(str), group["data"][:], group["indices"][:]
        columns = np.repeat(np.arange(n_cells), np.diff(group["indptr"][:]))
    features = "".join(f"{one}\t{name}\tGene Expression\n" for one, name in zip(ids, names, strict=True))
    (folder / "features.tsv.gz").write_bytes(gzip.compress(features.encode()))
    (folder / "barcodes.tsv.gz").write_bytes(gzip.compress("".join(f"{one}\n" for one in barcodes).encode()))
    header = f"%%MatrixMarket matrix coordinate integer general\n{n_genes} {n_cells} {12 * len(values)}\n"
    entries = "".join(f"{r + 1} {c + 1} {v}\n" for r, c, v in zip(rows, columns, values, strict=True))
    lines = (header + 12 * entries).splitlines(keepends=True)
    (folder / "matrix.mtx").write_text("".join(lines[: len(lines) * 2 // 3]))
