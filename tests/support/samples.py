"""Samples of a cohort as the steps before leave them, and what is merged of them."""

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

from compartments.cohort import gathering, merging
from compartments.cohort.on_disk import counts_of_samples
from compartments.cohort.sample import read_annotated
from compartments.cohort.sums import sums_of
from compartments.core.files import write_tsv
from compartments.core.left_out import LeftOut
from compartments.counts.references import unite_genes
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet

LINEAGES = {"CD4_T": "T", "CD8_T": "T", "B": "B", "pDC": "pDC", "unassigned": "unassigned"}
N_GENES = 150


def make_study_of(n_donors=4):
    rows = ["sample,donor,compartment,condition,filtered,expected_cells,sex,note"]
    rows += [
        f"D{d}_{c},D{d},{c},{'treated' if d % 2 else 'untreated'},x.h5,{100 + d},{'FM'[d % 2]},n{d}"
        for d in range(n_donors)
        for c in ("CSF", "blood")
    ]
    sheet = parse_samplesheet("\n".join(rows))
    return make_study(sheet, reference_compartment="", reference_condition="", contrasts=None, covariates=[])


def write_sample(folder, sample, rng, n=60, donor=0, genes=None, doublets=3, method="none"):
    """Three files of a sample; expression depends on lineage, donor, compartment and sex."""
    names = [f"G{i}" for i in range(N_GENES)] + ["XIST", "RPS4Y1", "DDX3Y"]
    names = [name for name in names if genes is None or name in genes]
    lineage = rng.choice(list(LINEAGES), n, p=[0.4, 0.2, 0.2, 0.1, 0.1])
    of_all = np.random.default_rng(99)
    base = {name: of_all.gamma(0.5, 2, N_GENES) for name in LINEAGES}
    place = np.exp(0.8 * of_all.normal(size=N_GENES) * (1 if "CSF" in sample else -1))
    person = np.exp(0.7 * np.random.default_rng(donor).normal(size=N_GENES))
    rate = np.array([base[x] for x in lineage]) * place * person
    sex = np.tile([3.0, 0, 0] if donor % 2 == 0 else [0, 2.0, 2.0], (n, 1))
    full = rng.poisson(np.hstack([rate, sex])).astype(np.int32)
    order = [f"G{i}" for i in range(N_GENES)] + ["XIST", "RPS4Y1", "DDX3Y"]
    counts = sparse.csr_matrix(full[:, [order.index(name) for name in names]])
    corrected = counts.copy()
    corrected.data = rng.binomial(corrected.data, 0.9).astype(np.int32)
    barcodes = [f"{sample[-1]}{i:04d}-1" for i in range(n)]
    metrics = {"total_counts": counts.sum(axis=1).A1, "n_genes": np.diff(counts.indptr), "pct_mt": 2.5}
    obs = pd.DataFrame({"contamination": 0.1} | metrics, index=barcodes)
    var = pd.DataFrame({"gene_id": [f"ENSG_{x}" for x in names], "soup_fraction": 1 / len(names)}, index=names)
    data = ad.AnnData(obs=obs, var=var, layers={"counts": counts, "corrected": corrected})
    data.uns |= {"sample": sample, "ambient_method": method}
    data.write_h5ad(folder / f"{sample}.filtered.h5ad")
    flags = np.arange(n) < doublets
    write_tsv(
        pd.DataFrame({"barcode": barcodes, "doublet_score": 0.1 + flags, "predicted_doublet": flags}),
        folder / f"{sample}.doublets.tsv.gz",
    )
    labels = pd.DataFrame(
        {
            "barcode": barcodes,
            "celltypist_label": lineage,
            "lineage": lineage,
            "lineage_broad": [LINEAGES[x] for x in lineage],
            "probability": 0.9,
            "confidence": np.where(lineage == "unassigned", "low", "high"),
            "marker_lineage": np.where(lineage == "B", "", lineage),
            "marker_agrees": lineage != "B",
            "marker_pdc": (lineage == "pDC") & (np.arange(n) % 2 == 0),
            "model_lineage": np.where(lineage == "unassigned", "CD4_T", lineage),
            "display_label": lineage,
            "probability_broad": 0.95,
            "label:Other": np.where(lineage == "B", "Naive B cells", ""),
            "lineage:Other": np.where(lineage == "B", "B", np.where(lineage == "pDC", "CD4_T", "")),
            "lineage_broad:Other": np.where(lineage == "B", "B", np.where(lineage == "pDC", "T", "")),
        }
    )
    write_tsv(labels, folder / f"{sample}.labels.tsv.gz")
    return data


def sums_in(folder):
    """Files of sums of the samples that ``folder`` has all three files of, made anew, as ``sum_sample`` does."""
    for path in sorted(folder.glob("*.filtered.h5ad")):
        sample = path.name.removesuffix(".filtered.h5ad")
        doublets, labels = folder / f"{sample}.doublets.tsv.gz", folder / f"{sample}.labels.tsv.gz"
        (folder / f"{sample}.sums.h5ad").unlink(missing_ok=True)
        if doublets.exists() and labels.exists():
            sums_of(read_annotated(path, doublets, labels)).write_h5ad(folder / f"{sample}.sums.h5ad")
    return sorted(folder.glob("*.sums.h5ad"))


def merge_all(folder, study):
    """All samples that ``folder`` has files of: gathered, merged, their pseudobulks, and the rows of those left out."""
    left_out = LeftOut("merge_samples")
    gathered = gathering.gather(gathering.match_files(study, sums_in(folder), left_out))
    united = unite_genes(gathered.var)
    merged = merging.merge(study, gathered, united, "none")
    return gathered, merged, merging.make_pseudobulk(gathered, united, merged), left_out.rows


def cells_of(folder, study):
    """All cells with their counts, as the file of the cohort has them."""
    _, merged, _, _ = merge_all(folder, study)
    samples = list(counts_of_samples(merged, sorted(folder.glob("*.filtered.h5ad"))))
    layers = {name: sparse.vstack([one[name] for one in samples], format="csr") for name in samples[0]}
    return ad.AnnData(obs=merged.obs, var=merged.var, layers=layers)


def arguments_of(folder):
    return ["--study", folder / "study.json", "--sums", *sums_in(folder)]
