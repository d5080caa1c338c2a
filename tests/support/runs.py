"""How tests and benches run the pipeline, and what they compare."""

import fcntl
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
DAMAGED = "D04_CSF"
LETTERS = str.maketrans("0123", "ACGT")
SMALL = 100  # genes of a small droplet
# of every run of a study of several compartments
RESULTS = [
    "report.html",
    "summary.json",
    "warnings.tsv",
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
    "pipeline_info/samples.json",
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
    """The command line of a run of the copy ``project``; without the report on paper, if it is not asked for."""
    given = [] if "--paper" in arguments else ["--paper", "false"]
    arguments = (*arguments, *given)
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


def write_damaged(matrix, damaged):
    """A 10x h5 file with so many small droplets behind its cells that no look reads all, one chunk of which is lost."""
    with h5py.File(matrix) as given, h5py.File(damaged, "w") as handle:
        given.copy("matrix", handle)
        group, n_cells = handle["matrix"], len(given["matrix/barcodes"])
        data, indices = given["matrix/data"][:], given["matrix/indices"][:]
        pointers = [*given["matrix/indptr"][:], *range(len(data) + SMALL, 2_000_000, SMALL)]
        n_small = len(pointers) - 1 - n_cells
        grown = {"data": [data, np.resize(data, n_small * SMALL)], "indptr": [pointers]}
        grown["indices"] = [indices, np.tile(np.arange(SMALL), n_small)]
        names = [np.base_repr(cell, 4).zfill(16).translate(LETTERS) for cell in range(n_cells + n_small)]
        grown |= {"barcodes": [names], "shape": [[given["matrix/shape"][0], len(names)]]}
        for name, parts in grown.items():
            del group[name]
            chunks = (10_000,) if name == "data" else None
            group.create_dataset(name, data=np.concatenate(parts).tolist(), chunks=chunks, compression="gzip")
        chunk = group["data"].id.get_chunk_info(105)
    with open(damaged, "r+b") as file:
        file.seek(chunk.byte_offset)
        file.write(bytes(chunk.size))
