"""Made-up signalling: pseudobulks of a few genes and lineages with planted pairs, networks with a planted hub."""

import anndata
import numpy as np
import pandas as pd
from scipy import sparse

from benchmarks.expression_designs import sheet_of, study_of_kind
from compartments.compare import pair_scores
from compartments.study.design import make_study
from compartments.study.study import CHANGE, COMPARTMENTS, MIXED, TREND, WITHIN

GENES = ["L1", "L2", "R1", "R2", "R3", *(f"G{i}" for i in range(40))]
PAIRS = pd.DataFrame({"ligand": ["L1", "L2", "L1_L2", "L1", "L2"], "receptor": ["R1", "R2", "R1", "R2_R3", "R3"]})
STEP = "compare_interactions"
LINEAGES = ["A", "B", "C"]
GROUPS = {"near": np.array([True, True, False, False, False]), "far": np.array([False, False, True, True, True])}


def make_cohort(n_condition=4, n_reference=4, seed=0, n_cells=60, change=None):
    """A study of donors with one condition each, and its :func:`make_bulk`."""
    conditions = ["treated"] * n_condition + ["control"] * n_reference
    rows = [(f"D{d}_{c}", f"D{d}", c, condition) for d, condition in enumerate(conditions) for c in ("blood", "CSF")]
    samples = pd.DataFrame(rows, columns=["sample", "donor", "compartment", "condition"])
    study = make_study(samples.assign(row=np.arange(len(samples)) + 2))
    return study, make_bulk(samples, seed, n_cells, change)


def make_bulk(samples, seed=0, n_cells=60, change=None):
    """Pseudobulks of samples; ``change(rate, row)`` may alter the expected counts per cell of a sample's lineage.

    ``rate`` is an array over ``GENES``; ``row`` has lineage, n_cells and the columns of ``samples``.
    """
    rng = np.random.default_rng(seed)
    base = rng.gamma(2.0, 1.0, (len(LINEAGES), len(GENES))) + 0.5
    obs, counts, expressing, donors = [], [], [], {}
    for sample in samples.to_dict("records"):
        if sample["donor"] not in donors:
            donors[sample["donor"]] = np.exp(rng.normal(0, 0.2, base.shape))
        donor = donors[sample["donor"]]
        for k, lineage in enumerate(LINEAGES):
            row = {**sample, "lineage": lineage, "n_cells": n_cells, "ambient_method": "none"}
            rate = base[k] * donor[k] * np.exp(rng.normal(0, 0.1, len(GENES)))
            if change:
                rate = change(rate, row)
            cells = rng.poisson(rate, (row["n_cells"], len(GENES)))
            obs.append(row)
            counts.append(cells.sum(0))
            expressing.append((cells > 0).sum(0))
    counts = sparse.csr_matrix(np.array(counts))
    layers = {"counts": counts, "corrected": counts.copy(), "n_expressing": sparse.csr_matrix(np.array(expressing))}
    layers["ambient"] = sparse.csr_matrix(counts.shape, dtype=np.float32)
    obs = pd.DataFrame(obs)
    obs.index = obs["sample"] + ":" + obs["lineage"]
    return anndata.AnnData(obs=obs, var=pd.DataFrame(index=GENES), layers=layers)


# donors of a study of each kind: of either group of ``change``, of each sort of ``mixed``
DONORS = {WITHIN: 5, MIXED: 3, CHANGE: 4, COMPARTMENTS: 5, TREND: 5}
STRENGTHS = {"after": 1.0, "m6": 1.0, "m1": 1 / 6, "untreated": 1.0}


def strength(row):
    """How much of the effect a sample has: all of it in CSF, after, of the drug; on a line over time."""
    there = row["compartment"] == "CSF" and row.get("group", "drug") == "drug"
    return STRENGTHS.get(row["condition"], 0.0) * there


def across_of(kind):
    """The term that compares compartments."""
    return COMPARTMENTS if kind == COMPARTMENTS else "interaction"


def raise_by_strength(rate, row):
    """As :func:`raise_pair` for studies of each kind."""
    gene = {"A": "L1", "B": "R1"}.get(row["lineage"])
    if gene:
        rate[GENES.index(gene)] *= 4 ** strength(row)
    return rate


def cohort_of(kind, change=raise_by_strength, seed=0, n=None):
    """Study of a kind and its pseudobulks."""
    study = study_of_kind(sheet_of(kind, n or DONORS[kind]))
    return study, make_bulk(study.samples[study.properties], seed, change=change)


def score(study, pseudobulk, **options):
    return pair_scores.score_pseudobulk(pseudobulk, study.samples["sample"], PAIRS, **options)


def raise_pair(rate, row):
    """L1 in A and R1 in B doubled twice in treated CSF."""
    if row["condition"] == "treated" and row["compartment"] == "CSF":
        gene = {"A": "L1", "B": "R1"}.get(row["lineage"])
        if gene:
            rate[GENES.index(gene)] *= 4
    return rate


def edge(table, source="A", target="B", ligand="L1", receptor="R1", term="interaction"):
    chosen = table[["source", "target", "ligand", "receptor", "term"]].eq([source, target, ligand, receptor, term])
    return table[chosen.all(axis=1)].iloc[0]


def make_networks(study, share, seed=0):
    """Nodes and edges of all samples; ``share(row)`` is how much stronger lineage A talks than the others."""
    rng = np.random.default_rng(seed)
    names = ["A", "B", "C", "D", "E"]
    nodes, edges = [], []
    for row in study.samples.itertuples():
        s = rng.uniform(0.9, 1.1, (5, 5))
        s[0] *= share(row)
        s[:, 0] *= share(row)
        np.fill_diagonal(s, 0)
        strength = (s.sum(0) + s.sum(1)) / (2 * s.sum())
        rank = pd.Series(strength).rank(ascending=False).astype(int)
        nodes.append(pd.DataFrame({"sample": row.sample, "network": "all", "lineage": names, "rank": rank}))
        a, b = np.nonzero(~np.eye(5, dtype=bool))
        place = {"sample": row.sample, "network": "all", "source": np.array(names)[a], "target": np.array(names)[b]}
        edges.append(pd.DataFrame(place | {"strength": s[a, b], "strength_downsampled": s[a, b]}))
    return pd.concat(nodes, ignore_index=True), pd.concat(edges, ignore_index=True)


def in_arm(condition, compartment, high, low=1.0):
    return lambda row: high if (row.condition, row.compartment) == (condition, compartment) else low
