"""Wall time, CPU time and peak memory of compare_expression.py: 24 samples x 15 lineages x 15,000 genes by default.

Memory is the proportional set size of the process and its workers together, sampled twice a second.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bin"))

from compartments import design, simulate  # noqa: E402


def write_cohort(folder, n_condition, n_reference, n_lineages, n_genes, seed):
    """``study.json`` and ``pseudobulk.h5ad`` of simulated lineages, deep enough for most genes to be tested."""
    import anndata

    rng = np.random.default_rng(seed)
    blocks, obs = [], []
    for number in range(n_lineages):
        study = simulate.pseudobulk_study(
            rng, n_condition, n_reference, n_genes=n_genes, fraction_interaction=0.05, cells=(1500, 4000)
        )
        samples = study.samples.assign(lineage=f"lineage{number:02d}")
        obs.append(samples.set_index(samples["sample"] + ":" + samples["lineage"]).rename_axis(None))
        blocks.append(sparse.csr_matrix(study.counts.to_numpy().astype(np.int64)))
    corrected = sparse.vstack(blocks).tocsr()
    ambient = (corrected * 0.03).astype(np.float32)
    obs = pd.concat(obs).assign(total_counts=np.asarray(corrected.sum(1)).ravel())
    data = anndata.AnnData(
        obs=obs.astype({column: object for column in ("sample", "donor", "compartment", "condition", "lineage")}),
        var=pd.DataFrame({"gene_id": study.counts.columns.to_numpy()}, index=study.counts.columns.rename(None)),
        layers={
            "counts": (corrected + ambient.rint().astype(np.int64)).tocsr(),
            "corrected": corrected,
            "n_expressing": corrected.minimum(20).astype(np.int32),
            "ambient": ambient,
        },
    )
    data.write_h5ad(folder / "pseudobulk.h5ad")
    sheet = study.samples.drop(columns="n_cells").assign(filtered="cells.h5ad").to_csv(index=False)
    design.make_study(design.parse_samplesheet(sheet)).save(folder / "study.json")


def tree_memory(pid):
    """Proportional set size of a process and its children, GiB; 0 for one that has ended."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        own = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) / 2**20
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (OSError, StopIteration):
        return 0.0
    return own + sum(tree_memory(child) for child in children)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--donors", type=int, nargs=2, default=[6, 6], metavar=("CONDITION", "REFERENCE"))
    parser.add_argument("--lineages", type=int, default=15)
    parser.add_argument("--genes", type=int, default=15_000)
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_cohort(folder, *options.donors, options.lineages, options.genes, options.seed)
        command = [sys.executable, str(ROOT / "bin" / "compare_expression.py"), "--study", "study.json"]
        command += ["--pseudobulk", "pseudobulk.h5ad", "--cpus", str(options.cpus)]
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=os.environ | {"OMP_NUM_THREADS": "1"})
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, tree_memory(process.pid))
            time.sleep(0.5)
        if process.returncode:
            sys.exit(process.returncode)
        wall = time.perf_counter() - start
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        fits = json.loads((folder / "expression.json").read_text())["fits"]
        tests = sum(fit["n_genes"] for fit in fits)
    cpu = used.ru_utime + used.ru_stime
    print(
        f"{2 * sum(options.donors)} samples x {options.lineages} lineages x {options.genes} genes, {options.cpus} cpus"
    )
    print(f"fits {len(fits)}, tests {tests}")
    print(f"wall {wall:.1f} s, CPU {cpu:.1f} s, peak memory {peak:.2f} GiB")


if __name__ == "__main__":
    main()
