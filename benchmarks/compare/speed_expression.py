"""Wall time, CPU time and peak memory of compare_expression: 24 samples x 15 lineages x 15,000 genes by default."""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from benchmarks import studies
from benchmarks.timed import timed
from compartments.core.matrix import totals
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet


def write_cohort(folder, n_condition, n_reference, n_lineages, n_genes, seed):
    """``study.json`` and ``pseudobulk.h5ad`` of simulated lineages, deep enough to test most genes; their names."""
    import anndata

    rng = np.random.default_rng(seed)
    blocks, obs = [], []
    for number in range(n_lineages):
        study = studies.pseudobulk_study(
            rng, n_condition, n_reference, n_genes=n_genes, fraction_interaction=0.05, cells=(1500, 4000)
        )
        samples = study.samples.assign(lineage=f"lineage{number:02d}")
        obs.append(samples.set_index(samples["sample"] + ":" + samples["lineage"]).rename_axis(None))
        blocks.append(sparse.csr_matrix(study.counts.to_numpy().astype(np.int64)))
    corrected = sparse.vstack(blocks).tocsr()
    ambient = (corrected * 0.03).astype(np.float32)
    obs = pd.concat(obs).assign(total_counts=totals(corrected), ambient_method="soupem")
    data = anndata.AnnData(
        obs=obs.astype(dict.fromkeys(("sample", "donor", "compartment", "condition", "lineage"), object)),
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
    make_study(parse_samplesheet(sheet)).save(folder / "study.json")
    return study.counts.columns.to_numpy()


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
        options_of_step = ["--study", "study.json", "--pseudobulk", "pseudobulk.h5ad", "--cpus", options.cpus]
        wall, cpu, peak = timed(folder, "compare_expression", *options_of_step)
        fits = json.loads((folder / "expression" / "expression.json").read_text())["fits"]
        tests = sum(fit["n_genes"] for fit in fits)
    print(
        f"{2 * sum(options.donors)} samples x {options.lineages} lineages x {options.genes} genes, {options.cpus} cpus"
    )
    print(f"fits {len(fits)}, tests {tests}")
    print(f"wall {wall:.1f} s, CPU {cpu:.1f} s, peak memory {peak:.2f} GiB")


if __name__ == "__main__":
    main()
