"""The steps of the cohort on five times the cells of a rung: 200 samples of the 200,000 rung's 40, without the engine.

    python -m benchmarks.pipeline.cohort_steps [--cells 200000] [--times 5] [--without STEP ...]
    python -m benchmarks.pipeline.cohort_steps --show

The rung must have run (`make bench-scale RUNGS=200000`). Each of its samples stands for itself and, as other donors,
for as many more: cells drawn again, each lineage as often as a log-normal share of its own says (sd 0.3), a tenth of
the counts of each cell lost, and the sums of what is left. What else a sample gives to the cohort (looks into its file,
tables of pairs) is the first sample's under the new name. Then the commands of the rung's tasks are run again with all
samples, one after the other. Costs are rows of cohort_steps.tsv, beside this file, stored as each step ends; a step
whose folder holds its results is not run again. What needs the results of a step that is left out (`--without`) gets
those of the rung.
"""

import argparse
import gzip
import hashlib
import re
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path

import anndata
import numpy as np
import pandas as pd

from benchmarks.gates import row
from benchmarks.pipeline.bench_scale import LARGEST_GIB
from benchmarks.pipeline.scale_cells import PER_SAMPLE, barcodes, plan
from benchmarks.pipeline.side_by_side import keep, stored
from benchmarks.scoreboard import machine
from benchmarks.timed import ROOT, spent
from compartments.cohort.sample import read_annotated
from compartments.cohort.sums import sums_of
from compartments.core.matrix import thin

TABLE = Path(__file__).with_name("cohort_steps.tsv")
STEP = "cohort_steps"
KEPT, SPREAD = 0.9, 0.3
FILES = ("filtered.h5ad", "doublets.tsv.gz", "labels.tsv.gz", "sums.h5ad")
PACKED = {"compression": "gzip", "compression_opts": 1}
# a task that reads results as they lie in the results folder gives each staged file its place there
PLACED = re.compile(r"""ln -s "\$PWD"/(staged/\d+)/\* 'results/samples/[^/']+/([^/']+)'\n""")


def run(quick=False):
    """Rows of the scoreboard, of what is stored; no quick form."""
    largest = {} if quick else stored(TABLE).groupby("cells")["peak_mb"].max() * 1e6 / 2**30
    return [
        row(STEP, "largest step of the cohort, GiB", f"{cells:,} cells", value, f"<= {LARGEST_GIB[cells]}", 1, 1)
        for cells, value in largest.items()
    ]


def tasks_of(rung):
    """Of the rung's trace: process without its workflow, tag and folder of each task, in the order of their start."""
    trace = pd.read_csv(rung / "out" / "pipeline_info" / "trace.tsv", sep="\t").sort_values("task_id")
    trace["process"] = trace["process"].str.split(":").str[-1]
    trace["folder"] = trace["workdir"].map(Path)
    return trace[trace["status"].isin(["COMPLETED", "CACHED"])]


def samples_of(cells, times):
    """New sample -> sample of the rung that it is drawn from, itself first; in samplesheet order."""
    small, large = plan(cells), plan(cells * times)
    return {one["sample"]: small[k % len(small)]["sample"] for k, one in enumerate(large)}


def draw(new, files, seed, place):
    """Write the FILES of sample ``new``: cells drawn from ``files`` (ending -> path) of another, as many as it has."""
    rng = np.random.default_rng([5, seed])
    data = anndata.read_h5ad(files["filtered.h5ad"])
    tables = {kind: pd.read_csv(files[kind], sep="\t", index_col="barcode") for kind in FILES[1:3]}
    lineage = tables["labels.tsv.gz"]["lineage"].reindex(data.obs_names).astype(str)
    weights = lineage.map({name: rng.lognormal(0, SPREAD) for name in sorted(set(lineage))}).to_numpy(float)
    drawn = np.sort(rng.choice(data.n_obs, data.n_obs, p=weights / weights.sum()))
    again, old = data[drawn].copy(), data.obs_names[drawn]
    again.layers["counts"] = again.layers["corrected"] = thin(again.layers["counts"], KEPT, rng, np.int32)
    again.obs_names, again.uns["sample"] = barcodes(data.n_obs), new
    paths = {kind: place / f"{new}.{kind}" for kind in FILES}
    again.write_h5ad(paths["filtered.h5ad"], **PACKED)
    for kind, table in tables.items():
        table.reindex(old).set_axis(pd.Index(again.obs_names, name="barcode")).to_csv(paths[kind], sep="\t")
    sums_of(read_annotated(*(paths[kind] for kind in FILES[:3]))).write_h5ad(paths["sums.h5ad"], **PACKED)


def renamed(path, old, new, target):
    """Copy a file of one sample as another's: tables, JSON and parquet."""
    if path.suffix == ".parquet":
        table = pd.read_parquet(path)
        table.assign(sample=pd.Categorical([new] * len(table))).to_parquet(target, index=False)
        return
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt") as source, opened(target, "wt") as copy:
        copy.write(source.read().replace(old, new))


def files_of(links, sample):
    """Ending -> real path, of the files of one sample among names -> paths."""
    return {name.removeprefix(f"{sample}."): path for name, path in links.items() if name.startswith(f"{sample}.")}


def ready(samples, links, place):
    """Files of all samples in one folder: those of the rung by links, the others drawn or renamed."""
    place.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor() as pool:
        waiting = []
        for seed, (new, old) in enumerate(samples.items()):
            files = files_of(links, old)
            if new == old:
                for kind, path in files.items():
                    link(place / f"{new}.{kind}", path)
                continue
            if not (place / f"{new}.sums.h5ad").exists():
                waiting.append(pool.submit(draw, new, files, seed, place))
            for kind in files.keys() - set(FILES):
                renamed(files[kind], old, new, place / f"{new}.{kind}")
        for one in waiting:
            one.result()


def files_in(folder):
    """Files that a task wrote, not those that it was given or that are the engine's."""
    return [path for path in folder.rglob("[!.]*") if path.is_file() and not path.is_symlink()]


def digest(path):
    """What a file holds, in short."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "md5").hexdigest()


def link(path, target):
    """A symbolic link in place of what is there."""
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def stage(task, samples, made, place, folder):
    """Lay out what a task of the rung read, for all samples; its commands, to be run in ``folder``.

    What an earlier step of the cohort made is what it made here (``made``, digest of the one -> path of the other).
    """
    shutil.rmtree(folder, ignore_errors=True)
    old = set(samples.values())
    sheet = f"{len(old) * PER_SAMPLE}.csv"
    # links of the engine's are to whole paths; what a script links itself it will link again
    for path in (path for path in task.rglob("*") if path.is_symlink() and path.readlink().is_absolute()):
        name = path.relative_to(task)
        (folder / name.parent).mkdir(parents=True, exist_ok=True)
        sample = next((one for one in old if name.name.startswith(f"{one}.")), None)
        if sample:
            kind = name.name.removeprefix(f"{sample}.")
            for new in (new for new, of in samples.items() if of == sample):
                link(folder / name.parent / f"{new}.{kind}", place / f"{new}.{kind}")
        elif name.name == sheet:
            rows = pd.DataFrame(plan(len(samples) * PER_SAMPLE))
            rows.assign(filtered=rows["sample"] + ".h5").to_csv(folder / name, index=False)
        else:
            link(folder / name, path.resolve() if path.is_dir() else made.get(digest(path), path.resolve()))
    text = (task / ".command.sh").read_text().split("# capture process environment")[0]
    return "".join(of_all(line, samples) for line in text.splitlines(keepends=True))


def of_all(line, samples):
    """A line of a task's commands with the files of all samples where it names those of the rung's."""
    placed = PLACED.fullmatch(line)
    if placed:
        number, name = placed.groups()
        news = [(new, name.removeprefix(old)) for new, old in samples.items() if name.startswith(f"{old}.")]
        link = 'mkdir -p results/samples/{0} && ln -s "$PWD"/{1}/{0}{2} results/samples/{0}/{0}{2}\n'
        return "".join(link.format(new, number, kind) for new, kind in news) or line
    first, *others = sorted(set(samples.values()))
    for one in others:
        line = re.sub(rf"\s(?=\S*{one}\.)\S+", "", line)
    return re.sub(
        rf"\s(?=\S*{first}\.)(\S+)", lambda found: "".join(" " + found[1].replace(first, new) for new in samples), line
    )


def measure(given):
    """Run the steps of the cohort that are still to be run."""
    rung = given.folder.resolve() / str(given.cells)
    cells, samples = given.cells * given.times, samples_of(given.cells, given.times)
    tasks = tasks_of(rung)
    cohort = tasks[tasks["tag"].isna() | (tasks["tag"] == "-")]
    links = {
        path.name: path.resolve()
        for task in cohort["folder"]
        for path in task.rglob("*")
        if path.is_symlink() and path.name.split(".")[0] in samples
    }
    links |= {path.name: path for task in tasks["folder"] for path in files_in(task) if path.suffix == ".gz"}
    place, made = given.folder.resolve() / f"{cells}_cohort", {}
    ready(samples, links, place / "samples")
    for task in cohort[~cohort["process"].isin(given.without)].itertuples():
        folder = place / task.process
        if not (folder / "ended").exists():
            text = stage(task.folder, samples, made, place / "samples", folder)
            (folder / "run.sh").write_text(text)
            code, wall, cpu, peak = spent(["bash", "run.sh"], folder, {"COMPARTMENTS_TOOLS": str(ROOT / ".tools")})
            figures = {"wall_s": wall, "cpu_s": cpu, "peak_mb": peak * 2**30 / 1e6}
            figures["written_mb"] = sum(path.stat().st_size for path in files_in(folder)) / 1e6
            about = {"ended": "no" if code else "yes", "date": date.today().isoformat(), "machine": machine()}
            found = {"cells": cells, "process": task.process} | {k: round(v) for k, v in figures.items()} | about
            keep(TABLE, [found], ["cells", "process"])
            print(task.process, figures, about["ended"], flush=True)
            if code:
                sys.exit(f"{task.process}: see {folder}")
            (folder / "ended").touch()
        made |= {digest(path): folder / path.relative_to(task.folder) for path in files_in(task.folder)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=200_000, help="of the rung (%(default)s)")
    parser.add_argument("--times", type=int, default=5, help="so many times its samples (%(default)s)")
    parser.add_argument("--folder", default="results/scale", type=Path, help="of the ladder (%(default)s)")
    parser.add_argument("--without", nargs="*", default=[], metavar="STEP", help="steps not to run")
    parser.add_argument("--show", action="store_true", help="print what is stored, and run nothing")
    given = parser.parse_args()
    if not given.show:
        measure(given)
    print(stored(TABLE).drop(columns=["date", "machine"]).to_string(index=False))


if __name__ == "__main__":
    main()
