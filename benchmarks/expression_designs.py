"""Pseudobulks of studies in which donors are their own controls, wholly or in part: sheets, studies, counts."""

import types
from dataclasses import replace

import numpy as np
import pandas as pd

from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet
from compartments.study.study import CHANGE, COMPARTMENTS, MIXED, TREND

SD = {"donor": 0.35, "donor compartment": 0.2, "donor condition": 0.2, "sample": 0.2}  # ln


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
