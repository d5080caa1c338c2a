"""Pseudobulks of simulated studies: as files that a step reads, as a lineage, and the design of their donors."""

import anndata
import numpy as np
import pandas as pd
from scipy import sparse

from benchmarks.expression_designs import sheet_of, study_of_kind  # noqa: F401  for the tests
from compartments.cohort import pseudobulk
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet
from compartments.study.study import BETWEEN, Contrast
from compartments.study.terms import Part, Term


def write_inputs(folder, simulated, sheet=None):
    """``study.json`` and ``pseudobulk.h5ad`` of {lineage: PseudobulkStudy} with the same samples."""
    blocks, obs = [], []
    for lineage, study in simulated.items():
        samples = study.samples.assign(lineage=lineage)
        obs.append(samples.set_index(samples["sample"] + ":" + lineage).rename_axis(None))
        blocks.append(study.counts.to_numpy())
    counts = sparse.csr_matrix(np.vstack(blocks).astype(np.int64))
    obs = pd.concat(obs).assign(total_counts=np.asarray(counts.sum(1)).ravel(), ambient_method="none")
    text = ["sample", "donor", "compartment", "condition", "lineage", "ambient_method"]
    genes = pd.Index(study.counts.columns.to_numpy(), dtype=object)
    anndata.AnnData(
        obs=obs.astype(dict.fromkeys(text, object)),
        var=pd.DataFrame({"gene_id": genes}, index=genes),
        layers={
            "counts": counts,
            "corrected": counts,
            "n_expressing": counts.minimum(10).astype(np.int32),
            "ambient": sparse.csr_matrix(counts.shape, dtype=np.float32),
        },
    ).write_h5ad(folder / "pseudobulk.h5ad")
    sheet = study.samples.drop(columns="n_cells").assign(filtered="x.h5") if sheet is None else sheet
    made = make_study(parse_samplesheet(sheet.to_csv(index=False)))
    made.save(folder / "study.json")
    return made


def lineage_of(study, name="T", keep=None):
    """Lineage of a simulated study, optionally of some of its samples."""
    samples = study.samples.set_index("sample").rename_axis(None)
    rows = np.ones(len(samples), bool) if keep is None else samples.index.isin(keep)
    counts = study.counts.to_numpy()[rows]
    empty = sparse.csr_array(counts.shape, dtype=np.float32)
    return pseudobulk.Lineage(
        name, samples[rows], pd.Index(study.counts.columns), counts, sparse.csr_array(counts), empty
    )


def study_of(simulated):
    sheet = simulated.samples.drop(columns="n_cells").assign(filtered="x.h5")
    return make_study(parse_samplesheet(sheet.to_csv(index=False)))


def pairs_of(conditions, condition="treated", reference="untreated", **covariates):
    """The interaction of donors with these conditions, one each; covariates are of both samples."""
    donors = [f"D{i}" for i in range(len(conditions))]
    frame = {"donor": donors, "condition": conditions, "arm": conditions, "sample": [f"{d}_CSF" for d in donors]}
    frame |= {"reference_sample": [f"{d}_blood" for d in donors]} | covariates
    frame |= {f"reference_sample:{name}": values for name, values in covariates.items()}
    parts = (Part("sample", 1.0, "CSF", ""), Part("reference_sample", -1.0, "blood", ""))
    contrast = Contrast(f"{condition}_vs_{reference}", condition, reference)
    return Term(contrast, "interaction", "CSF", pd.DataFrame(frame, index=donors), parts, BETWEEN)


def expression_table(rng, n=200, slope=1.0):
    base = rng.normal(0, 2, n)
    own = slope * base + rng.normal(0, 0.1, n)
    parts = [("within:blood", "blood", base), ("within:CSF", "CSF", own), ("interaction", "CSF", own - base)]
    return pd.concat(
        pd.DataFrame(
            {
                "lineage": "T", "gene": [f"g{i}" for i in range(n)], "term": term, "compartment": compartment,
                "log2fc": value, "q_value": np.where(np.abs(value) > 1.5, 0.01, 0.9), "base_mean": 5.0,
            }
        )
        for term, compartment, value in parts
    )  # fmt: skip
