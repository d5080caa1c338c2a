"""Wall and CPU time, peak memory and bytes of each step of the cohort on real cells, drawn again and thinned.

Blood is 10x' PBMC 4k, CSF a CellBender output, of ../shared/data; 5,000 cells per sample, 21,890 genes, about 800
detected per cell. A donor has genes of its own and is one sample of each.
"""

import argparse
import os
import tempfile
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
from scipy import sparse

from benchmarks.timed import timed
from compartments.core.files import write_tsv
from compartments.core.matrix import log_normalise, memberships, thin, totals
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet

DATA = Path(os.environ.get("COMPARTMENTS_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
CELLS, GENES, DETECTED = 5_000, 21_890, 800
NAMES = {"T_CD4": "CD4_T", "T_CD8": "CD8_T", "MNP": "Monocyte", "B": "B", "NK": "NK", "?": "pDC"}


def real_cells():
    """Counts of PBMC and of CSF on the same genes, and the lineage of each cell (of CSF the nearest of PBMC)."""
    blood = anndata.read_h5ad(DATA / "pbmc4k" / "pbmc4k_2170_cells.h5ad")
    blood.var_names_make_unique()
    with h5py.File(DATA / "csf" / "csf_cellbender_v3_filtered.h5") as file:
        node = file["matrix"]
        stored = node["data"][:], node["indices"][:], node["indptr"][:]
        csf = sparse.csc_matrix(stored, shape=tuple(node["shape"][:])).T.tocsr()
        names = pd.Index(node["features/name"].asstr()[:])
    first = pd.Series(np.arange(len(names)), names)[~names.duplicated()]
    at = first.reindex(blood.var_names).fillna(-1).to_numpy(int)
    shared = np.flatnonzero(at >= 0)
    one, other = sparse.csr_matrix(blood.X)[:, shared], sparse.csr_matrix(csf[:, at[shared]])
    most = np.sort(np.argsort(-(totals(one, 0) + totals(other, 0)), kind="stable")[:GENES])
    one, other = one[:, most].astype(np.int32), other[:, most].astype(np.int32)
    lineage = blood.obs["Annotation"].astype(str).map(NAMES).to_numpy(object)
    kinds, codes = np.unique(lineage, return_inverse=True)
    centres = (memberships(codes, len(kinds)) @ log_normalise(one)).toarray() / np.bincount(codes)[:, None]
    centred = centres - centres.mean(0)
    nearest = (log_normalise(other) @ (centred / np.linalg.norm(centred, axis=1, keepdims=True)).T).argmax(1)
    genes = pd.Index(blood.var_names.to_numpy(object)[shared][most], dtype=object)
    return genes, {"blood": (one, lineage), "CSF": (other, kinds[nearest])}


def write_sample(folder, sample, genes, counts, lineage, donor, detected):
    """The three files of one sample."""
    rng = np.random.default_rng([donor, "CSF" in sample])
    rows = rng.integers(0, counts.shape[0], CELLS)
    own = np.exp(0.3 * np.random.default_rng([7, donor]).normal(size=len(genes)))
    drawn = counts[rows]
    share = np.minimum(own / 1.6, 1) * min(1.0, 1.7 * detected / np.diff(drawn.indptr).mean())
    drawn.data = rng.binomial(drawn.data, np.minimum(share, 1)[drawn.indices]).astype(np.int32)
    drawn.eliminate_zeros()
    corrected = thin(drawn, 0.95, rng, np.int32)
    barcodes = [f"{n:016d}-1" for n in range(CELLS)]
    umis = totals(drawn)
    obs = pd.DataFrame({"total_counts": umis, "n_genes": np.diff(drawn.indptr), "pct_mt": 2.5}, index=barcodes)
    var = pd.DataFrame({"gene_id": genes, "soup_fraction": totals(drawn, 0) / umis.sum()}, index=genes)
    data = anndata.AnnData(
        obs=obs.assign(contamination=0.05), var=var, layers={"counts": drawn, "corrected": corrected}
    )
    data.uns |= {"sample": sample, "ambient_method": "soupem"}
    data.write_h5ad(folder / f"{sample}.filtered.h5ad", compression="gzip", compression_opts=1)
    called = {
        "barcode": barcodes,
        "doublet_score": rng.beta(1, 20, CELLS),
        "predicted_doublet": rng.random(CELLS) < 0.03,
    }
    write_tsv(pd.DataFrame(called), folder / f"{sample}.doublets.tsv.gz")
    named = lineage[rows]
    labels = {"barcode": barcodes, "celltypist_label": named, "lineage": named, "lineage_broad": named}
    labels |= {"probability": 0.9, "confidence": "high", "marker_lineage": named, "marker_agrees": True}
    write_tsv(pd.DataFrame(labels | {"marker_pdc": named == "pDC"}), folder / f"{sample}.labels.tsv.gz")


def write_cohort(folder, n_cells, detected=DETECTED):
    """Samples of ``n_cells`` together, and study.json; their names."""
    genes, real = real_cells()
    of_donor = list(real) if n_cells >= 4 * CELLS else ["blood"]
    donors = range(n_cells // (len(of_donor) * CELLS))
    rows = [f"D{d:03d}_{c},D{d:03d},{c},{'ab'[d % 2]},x{d}{c}.h5" for d in donors for c in of_donor]
    sheet = "sample,donor,compartment,condition,filtered\n" + "\n".join(rows)
    study = make_study(parse_samplesheet(sheet), "", "a")
    study.save(folder / "study.json")
    for row in study.samples.itertuples():
        if not (folder / f"{row.sample}.labels.tsv.gz").exists():
            write_sample(folder, row.sample, genes, *real[row.compartment], int(row.donor[1:]), detected)
    return list(study.samples["sample"])


def steps_of(folder, samples, more):
    """Command lines of the steps."""
    parts = {kind: [folder / f"{sample}.{kind}" for sample in samples] for kind in ("sums.h5ad", "filtered.h5ad")}
    for sample in samples:
        files = (f"{folder}/{sample}.{kind}" for kind in ("filtered.h5ad", "doublets.tsv.gz", "labels.tsv.gz"))
        options = zip(("--filtered", "--doublets", "--labels"), files, strict=True)
        yield "sum_sample", [word for pair in options for word in pair]
    yield "merge_samples", ["--study", "study.json", "--sums", *parts["sums.h5ad"]]
    bulk = ["--merged", "merged.h5ad", "--pseudobulk", "cohort/pseudobulk.h5ad"]
    yield "embed_cohort", [*bulk, "--filtered", *parts["filtered.h5ad"], *more]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, nargs="+", default=[10_000, 50_000])
    parser.add_argument("--detected", type=int, default=DETECTED, help="genes of a cell")
    parser.add_argument("--folder", help="keep the files here, and take those that are there")
    options, more = parser.parse_known_args()
    print("cells\tstep\ttasks\twall_s\tcpu_s\tpeak_gib", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        for n_cells in options.cells:
            folder = Path(options.folder or temporary) / f"{n_cells}_{options.detected}"
            folder.mkdir(parents=True, exist_ok=True)
            found = {}
            for name, words in steps_of(folder, write_cohort(folder, n_cells, options.detected), more):
                found.setdefault(name, []).append(timed(folder, name, *words))
                if name != "sum_sample" or len(found[name]) == n_cells // CELLS:
                    wall, cpu, peak = np.array(found[name]).T
                    row = f"{wall.sum():.1f}\t{cpu.sum():.1f}\t{peak.max():.2f}"
                    print(f"{n_cells}\t{name}\t{len(wall)}\t{row}", flush=True)
            size = (folder / "cohort" / "cohort.h5ad").stat().st_size
            print(f"{n_cells}\tcohort.h5ad\t{size / n_cells / 10:.0f} MB per 100,000 cells", flush=True)


if __name__ == "__main__":
    main()
