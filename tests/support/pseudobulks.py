"""Pseudobulks of simulated studies: as files that a step reads, as a lineage, and the design of their donors."""

import types
from dataclasses import replace

import anndata
import numpy as np
import pandas as pd
from scipy import sparse

from compartments.cohort import pseudobulk
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet
from compartments.study.study import BETWEEN, CHANGE, COMPARTMENTS, MIXED, TREND, Contrast
from compartments.study.terms import Part, Term


def write_inputs(folder, simulated, sheet=None):
    """``study.json`` and ``pseudobulk.h5ad`` of {lineage: PseudobulkStudy} with the same samples."""
    blocks, obs = [], []
    for lineage, study in simulated.items():
        samples = study.samples.assign(lineage=lineage)
        obs.append(samples.set_index(samples["sample"] + ":" + lineage).rename_axis(None))
        blocks.append(study.counts.to_numpy())
    counts = sparse.csr_matrix(np.vstack(blocks).astype(np.int64))
    obs = pd.concat(obs).assign(total_counts=np.asarray(counts.sum(1)).ravel())
    text = ["sample", "donor", "compartment", "condition", "lineage"]
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


def sheet_of(kind, n):
    """Samples of CSF and blood: ``n`` donors of either group of ``change``, of each sort of ``mixed``, else in all."""
    conditions = {COMPARTMENTS: ["untreated"], TREND: ["baseline", "m1", "m6"]}.get(kind, ["after", "baseline"])
    donors = range({CHANGE: 2, MIXED: 3}.get(kind, 1) * n)
    rows = [(f"D{d:02d}", c, t) for d in donors for c in ("CSF", "blood") for t in conditions]
    if kind == MIXED:  # both, before, after
        rows = [r for r in rows if int(r[0][1:]) < n or (r[2] == "baseline") == (int(r[0][1:]) < 2 * n)]
    samples = pd.DataFrame(rows, columns=["donor", "compartment", "condition"])
    samples.insert(0, "sample", samples["donor"] + "_" + samples["compartment"] + "_" + samples["condition"])
    if kind == CHANGE:
        samples["group"] = np.where(samples["donor"].str[1:].astype(int) < n, "drug", "placebo")
    return samples


def study_of_kind(samples, **given):
    """Study of :func:`sheet_of`, its contrasts those of the kind that the samples were made for alone."""
    if "m1" in set(samples["condition"]):
        given |= {"condition_order": "baseline:0,m1:1,m6:6", "trend": True}
    sheet = samples.drop(columns="n_cells", errors="ignore").assign(filtered=samples["sample"] + ".h5")
    study = make_study(parse_samplesheet(sheet.to_csv(index=False)), **given)
    return replace(study, contrasts=study.contrasts.tail(1))


SD = {"donor": 0.35, "donor compartment": 0.2, "donor condition": 0.2, "sample": 0.2}  # ln


def counts_of(rng, samples, n_genes=300, changed=None, log2fc=0.0, level=4.5):
    """Counts of samples whose donors vary, also in what compartments and conditions do to them (``SD``, genes unlike).

    Genes ``changed`` differ by ``log2fc`` in the first sample's compartment, condition and group.
    """
    noise = rng.normal(0, 0.5, (len(samples), 1)) + np.log(rng.lognormal(level, 1.2, n_genes))
    for columns, sd in SD.items():
        codes, names = pd.factorize(samples[columns.split()].agg(" ".join, axis=1))
        own = sd * np.sqrt(rng.chisquare(8, n_genes) / 8)
        noise = noise + (own * rng.normal(size=(len(names), n_genes)))[codes]
    if changed is not None:
        factors = [c for c in ("compartment", "condition", "group") if c in samples]
        noise[np.ix_((samples[factors] == samples[factors].iloc[0]).all(axis=1), changed)] += log2fc * np.log(2)
    counts = pd.DataFrame(rng.poisson(np.exp(noise)), columns=[f"G{i}" for i in range(n_genes)])
    return types.SimpleNamespace(counts=counts, samples=samples.assign(n_cells=100))


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
