"""This program beside what users run instead (others.py), on the same cells, machine and day.

    python -m benchmarks.pipeline.side_by_side [--cells 50000] [--ways script modules] [--interactions 3] [--memory 22]
    python -m benchmarks.pipeline.side_by_side --show

Cells are those of the ladder, and what this program costs is its stored rung (`make bench-scale` must have run it, in
the same folder). Costs of the others are rows of side_by_side.tsv, beside this file, a row per step as it ends; a way
whose run is refused memory (`--memory`, GiB) is stored as far as it got. LIANA is run on so many samples, and counted
for all. `--show` prints sums over the same steps, their largest memory, and how far results agree
(side_by_side_results.tsv): cells with the same lineage, the largest difference of a lineage's share, the adjusted Rand
index of clusters, and of 15 nearest cells by the components the share that is among this program's nearest 30.
"""

import argparse
import csv
import sys
from datetime import date
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score

from benchmarks.cohort.sketch_beside_whole import preserved
from benchmarks.pipeline import bench_scale
from benchmarks.pipeline.others import rows_of
from benchmarks.pipeline.scale_cells import make
from benchmarks.scoreboard import machine
from benchmarks.timed import ROOT, spent
from benchmarks.unequal import FOLDER as DATA

COSTS, RESULTS = (Path(__file__).with_name(name) for name in ("side_by_side.tsv", "side_by_side_results.tsv"))
SAME_STEPS = (
    *("READ_COUNTS", "CALL_CELLS", "REMOVE_AMBIENT", "FILTER_CELLS", "SCORE_DOUBLETS", "ANNOTATE_CELLS"),
    *("SUM_SAMPLE", "MERGE_SAMPLES", "EMBED_COHORT", "RUN_LIANA"),
)
OF_SAMPLE = ("read", "filter", "doublets", "labels")
OF_COHORT = ("variable", "harmony", "neighbours", "umap", "clusters")
MODEL = DATA / "models" / "Immune_All_Low.pkl"
LINEAGES = ROOT / "assets" / "celltypist_immune_all_low_lineage.tsv"
COMPARED = 2000  # cells whose neighbours are looked at


def stored(path):
    """Rows of a table of costs or results; its first column is of cells."""
    return pd.read_csv(path, sep="\t") if path.exists() else pd.DataFrame(columns=["cells", "peak_mb"])


def keep(path, rows, key):
    """Store rows in place of those with the same key."""
    new, before = pd.DataFrame(rows), stored(path)
    same = before.set_index(key).index.isin(new.set_index(key).index) if len(before) else np.zeros(0, bool)
    whole = pd.concat([before[~same], new], ignore_index=True) if len(before) else new
    whole.sort_values(key[:-1], kind="stable").to_csv(path, sep="\t", index=False, quoting=csv.QUOTE_NONE)


def row_of(cells, way, step, tasks, wall, cpu, peak, ended=True):
    """One row of costs; ``peak`` in MB."""
    figures = {"tasks": tasks, "wall_s": round(wall, 1), "cpu_s": round(cpu, 1), "peak_mb": round(peak)}
    about = {"ended": "yes" if ended else "no", "date": date.today().isoformat(), "machine": machine()}
    return {"cells": cells, "way": way, "step": step} | figures | about


def script(cells, sheet, folder, given):
    """The script: its own rows, and one of the step in which it was stopped."""
    printed = folder / "script.tsv"
    words = ["-m", "benchmarks.pipeline.others", "script", sheet, MODEL, folder, "--interactions", given.interactions]
    shell = ["bash", "-c", 'exec "$@" > script.tsv', "bash", sys.executable, *words]
    code, wall, cpu, peak = spent(shell, folder, most_gib=given.memory)
    lines = [line.split("\t") for line in printed.read_text().splitlines() if line.count("\t") == 4]
    rows = [row_of(cells, "script", line[0], int(line[1]), *map(float, line[2:])) for line in lines]
    if code:
        spent_before = [sum(float(line[k]) for line in lines) for k in (2, 3)]
        left = wall - spent_before[0], cpu - spent_before[1]
        rows.append(row_of(cells, "script", "stopped", 1, *left, peak * 2**30 / 1e6, ended=False))
    keep(COSTS, rows, ["cells", "way", "step"])


def modules(cells, sheet, folder, given):
    """Each module in a process of its own; sums over the samples are stored after every task."""
    samples, done = [row["sample"] for row in rows_of(sheet)], {}

    def task(step, sources, output, *more):
        words = ["-m", "benchmarks.pipeline.others", step.split(",")[0], *sources, output, *more]
        code, wall, cpu, peak = spent([sys.executable, *words], folder, most_gib=given.memory)
        one = [1, wall, cpu, peak * 2**30 / 1e6]
        before = done.get(step, [0, 0, 0, 0])
        done[step] = [*(a + b for a, b in zip(before[:3], one[:3], strict=True)), max(before[3], one[3])]
        keep(COSTS, [row_of(cells, "modules", step, *done[step], ended=not code)], ["cells", "way", "step"])
        if code:
            raise MemoryError(step)

    for sample in samples:
        last = sheet
        for step in OF_SAMPLE:
            output = folder / f"{sample}.{step}.h5ad"
            task(step, [last], output, "--sample", sample, "--model", MODEL)
            last = output
    task("merge", [folder / f"{sample}.labels.h5ad" for sample in samples], last := folder / "merge.h5ad")
    for step in OF_COHORT:
        task(step, [last], output := folder / f"{step}.h5ad")
        last = output
    task("clusters, .5", [folder / "umap.h5ad"], folder / "clusters_5.h5ad", "--resolution", 0.5)
    for sample in samples[: given.interactions]:
        task("interactions", [folder / f"{sample}.labels.h5ad"], folder / f"{sample}.liana.h5ad")


def cells_of(way, folder):
    """Of a way's cells: lineage and cluster (index ``<sample>:<barcode>``), components and map."""
    if way == "ours":
        data = anndata.read_h5ad(folder / "out" / "cohort" / "cohort.h5ad", backed="r")
        obs = data.obs[["lineage", "leiden"]].astype(str)
    else:
        name = {"script": "cells.h5ad", "modules": "clusters.h5ad"}[way]
        data = anndata.read_h5ad(folder / name, backed="r")
        lineage = pd.read_csv(LINEAGES, sep="\t").set_index("celltypist_low")["lineage"]
        obs = pd.DataFrame({"lineage": data.obs["label"].astype(str).map(lineage), "leiden": data.obs["leiden"]})
        obs.index = [f"{s}:{b.removeprefix(f'{s}_')}" for s, b in zip(data.obs["sample"], data.obs_names, strict=True)]
    return obs, np.asarray(data.obsm["X_pca_harmony"]), np.asarray(data.obsm["X_umap"])


def agreement(way, ours, theirs):
    """How far two ways agree, on the cells that both have."""
    (one, components, places), (other, of_other, map_of_other) = ours, theirs
    shared = one.index.intersection(other.index)
    a, b = one.index.get_indexer(shared), other.index.get_indexer(shared)
    left, right = one.iloc[a], other.iloc[b]
    shares = pd.DataFrame({"a": left["lineage"].value_counts(), "b": right["lineage"].value_counts()}).fillna(0)
    rows = np.sort(np.random.default_rng(1).choice(len(shared), COMPARED, replace=False))
    return {
        "way": way,
        "shared_cells": len(shared) / len(one),
        "same_lineage": (left["lineage"].to_numpy() == right["lineage"].to_numpy()).mean(),
        "largest_share_difference": (shares["a"] - shares["b"]).abs().max() / len(shared),
        "clusters_ari": adjusted_rand_score(left["leiden"], right["leiden"]),
        "near_in_both": preserved(of_other[b], components[a], rows),
        "near_on_map": preserved(of_other, map_of_other, np.sort(b)[rows]),
        "near_on_map_ours": preserved(components, places, np.sort(a)[rows]),
    }


def totals(cells):
    """Of each way: CPU seconds of the same steps for all samples, and the largest memory of one process in MB."""
    ladder = bench_scale.stored()
    ladder = ladder[(ladder["cells"] == cells) & (ladder["genes"] == bench_scale.GENES)]
    own = ladder[ladder["process"].isin(SAME_STEPS)]
    found = {"ours": (own["cpu_s"].sum(), own["peak_mb"].max(), "yes" if (own["ended"] == "yes").all() else "no")}
    n_samples = own["tasks"].max()
    table = stored(COSTS)
    for way, part in table[table["cells"] == cells].groupby("way"):
        times = np.where(part["step"] == "interactions", n_samples / part["tasks"], 1)
        ended = "yes" if (part["ended"] == "yes").all() and "interactions" in set(part["step"]) else "no"
        found[way] = ((part["cpu_s"] * times).sum(), part["peak_mb"].max(), ended)
    return found


def shown():
    """Sums and agreement for people."""
    lines = [
        "| cells | way | CPU, s | of ours | largest memory, MB | of ours | ended |",
        "|---|---|---|---|---|---|---|",
    ]
    for cells in sorted(set(stored(COSTS)["cells"])):
        found = totals(cells)
        for way, (cpu, peak, ended) in found.items():
            ratios = [f"{value / of:.2f}" for value, of in zip((cpu, peak), found["ours"][:2], strict=True)]
            lines.append(f"| {cells:,} | {way} | {cpu:,.0f} | {ratios[0]} | {peak:,.0f} | {ratios[1]} | {ended} |")
    return "\n".join([*lines, "", stored(RESULTS).round(3).to_string(index=False)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=50_000)
    parser.add_argument("--ways", nargs="*", default=["script", "modules"], choices=["script", "modules"])
    parser.add_argument("--interactions", type=int, default=3, help="samples that LIANA is run on (%(default)s)")
    parser.add_argument("--memory", type=float, default=22, help="GiB that a process may take (%(default)s)")
    parser.add_argument("--folder", default="results/scale", type=Path, help="of the ladder (%(default)s)")
    parser.add_argument("--show", action="store_true", help="print what is stored, and run nothing")
    given = parser.parse_args()
    for way in [] if given.show else given.ways:
        rung, place = given.folder.resolve() / str(given.cells), given.folder.resolve() / f"{given.cells}_{way}"
        place.mkdir(parents=True, exist_ok=True)
        sheet = make(given.cells, given.folder.resolve() / "cells", bench_scale.GENES)
        try:
            {"script": script, "modules": modules}[way](given.cells, sheet, place, given)
        except MemoryError as stopped:
            print(f"{way}: stopped in {stopped}")
        if (place / {"script": "cells.h5ad", "modules": "clusters.h5ad"}[way]).exists():
            about = {"cells": given.cells, "date": date.today().isoformat()}
            found = agreement(way, cells_of("ours", rung), cells_of(way, place))
            keep(RESULTS, [about | found], ["cells", "way"])
    print(shown())


if __name__ == "__main__":
    main()
