"""What users run instead of this program, on the same cells: a script of scanpy, and modules that hand files on.

    python -m benchmarks.pipeline.others script SHEET MODEL FOLDER [--interactions 3]
    python -m benchmarks.pipeline.others STEP INPUT ... OUTPUT [--model MODEL] [--resolution 1.0]

The script does all in one process: read and check, Scrublet, join, CellTypist, variable genes, PCA of scaled values,
Harmony, neighbours, UMAP, Leiden, LIANA of each sample. The modules are the steps of nf-core/scdownstream in its order,
written anew after its scripts (2024-10): each reads h5ad, does one thing and writes all of it again. CellTypist and
Scrublet see one sample there, 10,000 variable genes and principal components are of counts, and there are two
clusterings. The script prints a row per step: seconds, CPU seconds, its largest memory so far in MB.
"""

import argparse
import csv
import resource
import time
import warnings
from pathlib import Path

import anndata
import scanpy as sc

MADE = ("X_pca_harmony", "X_umap")
FEWEST = 10  # cells of a label that interactions are scored for


def rows_of(sheet):
    """Rows of a samplesheet."""
    with open(sheet, newline="") as handle:
        return list(csv.DictReader(handle))


def read(path, row):
    """Counts of one sample's file, with what the samplesheet says of it."""
    data = sc.read_10x_h5(path)
    data.var_names_make_unique()
    data.obs_names = [f"{row['sample']}_{barcode}" for barcode in data.obs_names]
    for name in ("sample", "donor", "compartment", "condition"):
        data.obs[name] = row[name]
    return data


def sound(data):
    """Cells of 200 genes or more, with measures of quality."""
    data.var["mt"] = data.var_names.str.startswith("MT-")
    sc.pp.calculate_qc_metrics(data, qc_vars=["mt"], inplace=True, percent_top=None, log1p=False)
    sc.pp.filter_cells(data, min_genes=200)
    return data


def normalised(data):
    """Log-normalised values in place."""
    sc.pp.normalize_total(data, target_sum=1e4)
    sc.pp.log1p(data)
    return data


def labels(data, model):
    """CellTypist's label of each cell of log-normalised data."""
    import celltypist

    found = celltypist.annotate(data, model=celltypist.models.Model.load(str(model)), majority_voting=False)
    return found.predicted_labels["predicted_labels"].astype("category")


def integrate(data, key):
    """Harmony of the principal components."""
    import harmonypy

    found = harmonypy.run_harmony(data.obsm["X_pca"], data.obs, key).Z_corr
    data.obsm["X_pca_harmony"] = found if found.shape[0] == data.n_obs else found.T


def interactions(data):
    """LIANA's consensus between the labels of one sample that have enough cells."""
    import liana

    sizes = data.obs["label"].value_counts()
    data = data[data.obs["label"].isin(sizes.index[sizes >= FEWEST])].copy()
    data.obs["label"] = data.obs["label"].cat.remove_unused_categories()
    liana.mt.rank_aggregate(data, groupby="label", use_raw=False, n_perms=1000, verbose=False)


class Laps:
    """Prints what each step of this process has cost."""

    def __init__(self):
        self.wall, self.cpu = time.perf_counter(), 0.0

    def __call__(self, step, tasks=1):
        wall, cpu = time.perf_counter(), time.process_time()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        print(step, tasks, round(wall - self.wall, 1), round(cpu - self.cpu, 1), round(peak), sep="\t", flush=True)
        self.wall, self.cpu = wall, cpu


def script(sheet, model, folder, n_interactions):
    """All steps in one process; leaves cells.h5ad, without a matrix, in the folder."""
    lap, rows = Laps(), rows_of(sheet)
    parts = [sound(read(Path(sheet).parent / row["filtered"], row)) for row in rows]
    lap("read", len(rows))
    for part in parts:
        sc.pp.scrublet(part, random_state=0)
    lap("doublets", len(rows))
    data = anndata.concat(parts, merge="first")
    del parts
    data.layers["counts"] = data.X.copy()
    normalised(data)
    lap("merge")
    data.obs["label"] = labels(data, model)
    lap("labels")
    sc.pp.highly_variable_genes(data, n_top_genes=2000, batch_key="donor")
    lap("variable genes")
    some = data[:, data.var["highly_variable"]].copy()
    sc.pp.scale(some, max_value=10)
    sc.tl.pca(some, n_comps=50)
    lap("PCA")
    integrate(some, "donor")
    lap("Harmony")
    sc.pp.neighbors(some, use_rep="X_pca_harmony")
    lap("neighbours")
    sc.tl.umap(some)
    lap("UMAP")
    sc.tl.leiden(some, flavor="igraph", n_iterations=2)
    lap("clusters")
    kept = anndata.AnnData(obs=some.obs[["sample", "label", "leiden"]], obsm={name: some.obsm[name] for name in MADE})
    kept.write_h5ad(Path(folder) / "cells.h5ad")
    for row in rows[:n_interactions]:
        interactions(data[data.obs["sample"] == row["sample"]].copy())
    lap("interactions", len(rows[:n_interactions]))


def module_filter(data, _given):
    """Thresholds of the modules at their defaults: cells with a count, genes with one."""
    data = sound(data)
    sc.pp.filter_genes(data, min_counts=1)
    return data


def module_doublets(data, _given):
    """Scrublet, its doublets taken out."""
    sc.pp.scrublet(data, batch_key="sample", random_state=0)
    return data[~data.obs["predicted_doublet"].astype(bool)].copy()


def module_labels(data, given):
    """CellTypist of one sample."""
    data.obs["label"] = labels(normalised(data.copy()), given.model)
    return data


def module_variable(data, _given):
    """Counts of 10,000 variable genes."""
    counts = data.X.copy()
    sc.pp.log1p(data)
    sc.pp.highly_variable_genes(data, n_top_genes=10_000, batch_key="sample")
    data.X = counts
    return data[:, data.var["highly_variable"]].copy()


def module_harmony(data, _given):
    """Principal components of what is in X, and Harmony."""
    sc.pp.pca(data)
    integrate(data, "sample")
    return data


def module_neighbours(data, _given):
    """The graph of nearest cells."""
    sc.pp.neighbors(data, use_rep="X_pca_harmony")
    return data


def module_umap(data, _given):
    """The map."""
    sc.tl.umap(data)
    return data


def module_clusters(data, given):
    """Leiden at one resolution."""
    sc.tl.leiden(data, resolution=given.resolution, flavor="igraph", n_iterations=2)
    return data


def module_interactions(data, _given):
    """LIANA of one sample."""
    interactions(normalised(data))
    return data


MODULES = {
    "filter": module_filter,
    "doublets": module_doublets,
    "labels": module_labels,
    "variable": module_variable,
    "harmony": module_harmony,
    "neighbours": module_neighbours,
    "umap": module_umap,
    "clusters": module_clusters,
    "interactions": module_interactions,
}


def module(step, given):
    """One step from files to a file."""
    *sources, output = given.files
    if step == "read":
        row = next(row for row in rows_of(sources[0]) if row["sample"] == given.sample)
        data = read(Path(sources[0]).parent / row["filtered"], row)
    elif step == "merge":
        data = anndata.concat([sc.read_h5ad(path) for path in sources], join="outer")
        sc.pp.filter_genes(data, min_cells=1)
        data.write_h5ad(f"{output}.outer.h5ad")
    else:
        data = MODULES[step](sc.read_h5ad(sources[0]), given)
    data.write_h5ad(output)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["script", "read", "merge", *MODULES])
    parser.add_argument("files", nargs="+", help="script: samplesheet, model, folder; read: samplesheet, output")
    parser.add_argument("--interactions", type=int, default=3, help="samples that LIANA is run on (%(default)s)")
    parser.add_argument("--model", help="CellTypist's")
    parser.add_argument("--sample", help="of read")
    parser.add_argument("--resolution", type=float, default=1.0)
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    script(*given.files, given.interactions) if given.step == "script" else module(given.step, given)


if __name__ == "__main__":
    main()
