"""Figures that the tables of expression, sets, edges and hubs have in common, of one study without any true change.

A figure is a sum and a count, so that over studies it is a rate or a mean with a standard error.
"""

import anndata
import numpy as np

from benchmarks.downstream import ABSENT, LINEAGES, pseudobulk
from compartments.cohort.ambient_genes import assume_ambient

TERMS = {"within CSF": "within:CSF", "interaction": "interaction"}


def analysed(drawn, rng, lineages):
    """Pseudobulks of some lineages as the steps take them, and the samples of which a tenth is taken as ambient.

    The mix of a sample is that of all its lineages, whichever are compared.
    """
    own = pseudobulk(drawn, rng, lineages)
    others = pseudobulk(drawn, rng, [lineage for lineage in LINEAGES if lineage not in lineages])
    bulk = anndata.concat([own, others])
    assumed = assume_ambient(bulk)
    return bulk[: own.n_obs].copy(), assumed


def errors(of, table):
    """Rejections of the rows of one term, the mean p (fingerprint of a study), and whether there is any hit."""
    q = table["q_value"].to_numpy(float)
    found = {f"type-I error, {of}": rejected(table), f"mean p, {of}": (table["p_value"].sum(), rejected(table)[1])}
    return found | {f"studies with a false hit at q < .05, {of}": (bool((q < 0.05).any()), 1)}


def rejected(table, column="p_value"):
    """How many p are below .05, and how many there are."""
    p = table[column].to_numpy(float)
    return (p < 0.05).sum(), np.isfinite(p).sum()


def bias(table, estimate="log2fc"):
    """Sum of the estimates that were tested, and how many there are."""
    estimates = table.loc[table["p_value"].notna(), estimate]
    return estimates.sum(), len(estimates)


def tested_lineages(of, term, table, drawn, lineages):
    """Lineages that are tested, those of them that both arms have, and rejections of the one that some donors lack."""
    there = np.isin(lineages, table.loc[table["p_value"].notna(), "lineage"])
    enough = drawn.enough(term)[[LINEAGES.index(lineage) for lineage in lineages]]
    found = {
        f"share of lineages tested, {of}": (there.sum(), len(there)),
        f"share of lineages tested where half of each arm has 10 cells, {of}": (there[enough].sum(), enough.sum()),
    }
    if drawn.setting.differs == "absent lineage":
        found[f"type-I error, {of}, the absent lineage"] = rejected(table[table["lineage"] == ABSENT])
    return found
