"""Interactions against known truth: planted edges found, decoys not called, the hub claim made only where it is true.

Annotated cells are simulated directly (true labels, no empty droplets, doublets or dying cells; 70 % of the ambient
counts removed), so that the figures are those of the interaction statistics alone.
"""

import sys
import warnings
from dataclasses import replace
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
from scipy import sparse

from benchmarks import gates
from compartments.cohort.ambient_genes import ambient_partners
from compartments.cohort.depth import common_depth
from compartments.compare import centrality
from compartments.compare.candidates import PARTNERS
from compartments.compare.edges import compare_edges
from compartments.compare.hubs import compare_centrality
from compartments.compare.liana import COLUMNS, rank_aggregate
from compartments.compare.pair_scores import score_pseudobulk
from compartments.compare.pathways import compare_groups
from compartments.compare.scored_cells import log_normalise, testable_cells
from compartments.core import pairs
from compartments.core.gene_sets import read_gmt
from compartments.core.left_out import LeftOut
from compartments.core.matrix import memberships, thin
from compartments.simulate.cohort import Cohort
from compartments.simulate.edges import PAIR_LOG2FC
from compartments.simulate.presets import DROPLET_BASE, effects_in
from compartments.simulate.settings import Settings
from compartments.simulate.sources import ProfileSource
from compartments.study.design import make_study

ROOT = Path(__file__).resolve().parents[2]

STEP = "interactions"
STAGE = "compare_interactions"
AMBIENT_LEFT = 0.3
CELLS = {"CSF": 1400, "blood": 4750}  # of an untreated donor, the middle of what such studies capture
FIRST = 50  # edges looked at
N_PERMS = 2  # the p within a sample is no part of any claim


def simulate(preset, n_condition, n_reference, seed, cells, pairs_only=False):
    """A cohort of annotated cells.

    Parameters
    ----------
    pairs_only : bool
        Of all that the preset changes keep the planted pairs (at the same log2 fold change on both ends), the decoys
        and the genes that change alike in both compartments.

    Returns
    -------
    study : Study
    samples : dict of sample to (counts, corrected, lineages)
    genes : Index
    edges : DataFrame, planted edges (``kind`` true or decoy)
    typical : dict of DataFrame, lineages x genes
        By compartment: expected counts per cell with the condition, before donors and samples differ.
    """
    settings = Settings(
        preset=preset,
        n_condition=n_condition,
        n_reference=n_reference,
        seed=seed,
        condition="treated",
        reference="untreated",
        cells=cells,
        empties=0,
        doublet_rate=0.0,
        dying=0.0,
        batches=1,
    )
    source = ProfileSource(ROOT / "assets" / "profiles.tsv.gz", 3000)
    gene_sets = read_gmt(ROOT / "assets" / "migration_sets.gmt")
    cohort = Cohort.plan(settings, source, DROPLET_BASE, effects_in(preset, DROPLET_BASE), gene_sets)
    if pairs_only:
        cohort = replace(cohort, expression=_of_pairs(cohort))
    typical = {c: source.typical(settings.mean_umi) * factors for c, factors in cohort.changed.items()}
    samples = {}
    for number, name in enumerate(cohort.samples["sample"]):
        stream = np.random.default_rng([seed, 5, number])
        sample = cohort.draw_one(number, stream)
        left = sample.ambient.copy()
        left.data = stream.binomial(left.data, AMBIENT_LEFT)
        samples[name] = (
            sparse.csr_matrix(sample.native + sample.ambient),
            sparse.csr_matrix(sample.native + left),
            sample.cells["lineage"].to_numpy(object),
        )
    sheet = cohort.samples[["sample", "donor", "compartment", "condition"]]
    study = make_study(sheet.assign(row=range(2, 2 + len(sheet))))
    return study, samples, source.genes, cohort.edges, typical


def _of_pairs(cohort):
    """What changes with the planted pairs, at the same log2 fold change on both ends, the decoys and in all alike."""
    expression, true = cohort.expression, cohort.edges[cohort.edges["kind"] == "true"]
    ends = {
        (gene, lineage)
        for genes, lineage in true[["ligand", "source"]].to_numpy().tolist()
        + true[["receptor", "target"]].to_numpy().tolist()
        for gene in genes.split("_")
    }
    planted = pd.MultiIndex.from_frame(expression[["gene", "lineage"]]).isin(ends)
    planted &= expression["kind"].isin(["hub", "interaction"]).to_numpy()
    changed = expression.assign(log2fc=expression["log2fc"].mask(planted, PAIR_LOG2FC))
    return changed[planted | expression["kind"].isin(["decoy", "de_common"])]


def pseudobulk(samples, genes):
    """``pseudobulk.h5ad`` of simulated samples, as the cohort step writes it."""
    obs, layers = [], {name: [] for name in ("counts", "corrected", "n_expressing", "ambient")}
    for sample, (counts, corrected, lineages) in samples.items():
        names, codes = np.unique(lineages.astype(str), return_inverse=True)
        members = memberships(codes, len(names))
        layers["counts"].append(members @ counts)
        layers["corrected"].append(members @ corrected)
        layers["n_expressing"].append(members @ (corrected > 0).astype(float))
        layers["ambient"].append(members @ (counts - corrected))
        obs.append(pd.DataFrame({"sample": sample, "lineage": names, "n_cells": np.bincount(codes)}))
    obs = pd.concat(obs, ignore_index=True)
    obs.index = obs["sample"] + ":" + obs["lineage"]
    stacked = {name: sparse.csr_matrix(sparse.vstack(blocks)) for name, blocks in layers.items()}
    return anndata.AnnData(obs=obs, var=pd.DataFrame(index=list(genes)), layers=stacked)


def true_changes(edges, typical):
    """How much more the condition changes ligand and receptor in CSF than in blood, log2, in truth.

    Complexes by their weakest subunit, as in the score. Without the condition the compartments express alike.
    """
    found = []
    for role, lineage in PARTNERS.items():
        weakest = {
            compartment: [
                min(means.at[k, gene] for gene in genes.split("_"))
                for genes, k in zip(edges[role], edges[lineage], strict=True)
            ]
            for compartment, means in typical.items()
        }
        found.append(np.log2(weakest["CSF"]) - np.log2(weakest["blood"]))
    return found


def average_precision(hits):
    """Area under the precision-recall curve of a ranked list of hits and misses."""
    hits = np.asarray(hits, bool)
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean()) if hits.any() else np.nan


def evaluate_edges(effects, planted, typical):
    """What comes first (as the table is sorted) against what was planted and against all that changed in truth, and
    what is said of the decoys.
    """
    keys = ["source", "target", "ligand", "receptor"]
    rows = effects[(effects["term"] == "interaction") & (effects["status"] == "tested")]
    found = pd.MultiIndex.from_frame(rows[keys])
    true, decoy = (pd.MultiIndex.from_frame(planted.loc[planted["kind"] == k, keys]) for k in ("true", "decoy"))
    decoys = rows[found.isin(decoy)]
    ligand, receptor = true_changes(rows[keys], typical)
    moved = [np.abs(change) > 1e-9 for change in (ligand, receptor)]
    either, both = moved[0] | moved[1], moved[0] & moved[1] & (np.sign(ligand) == np.sign(receptor))
    by_truth = found[np.argsort(-np.abs(ligand + receptor), kind="stable")]
    return {
        "recall": float(true.isin(found[:FIRST]).mean()) if len(true) else np.nan,
        "recall_of_truth": float(true.isin(by_truth[:FIRST]).mean()) if len(true) else np.nan,
        "area": average_precision(found.isin(true)),
        "area_both": average_precision(both),
        "changed": float(either[:FIRST].mean()),
        "both": float(both[:FIRST].mean()),
        "testable": float(true.isin(found).mean()) if len(true) else np.nan,
        "decoys": len(decoys),
        "decoys_p": int((decoys["p_value"] < 0.05).sum()),
        "decoys_q": int((decoys["q_value"] < 0.05).sum()),
        "type_one": float((rows["p_value"].dropna() < 0.05).mean()),
    }


def evaluate_hub(study, samples, bulk, resource, groups, n_perms):
    """Centrality per sample, of cells thinned to one depth, without ambient genes, and the comparison of donors."""
    kept, genes = common_depth(bulk).set_index("sample")["umis_kept"], bulk.var_names
    spoilt = ambient_partners(bulk)
    networks = {"all": np.ones(len(resource), bool), "migration": np.any(list(groups.values()), axis=0)}
    nodes, edges = [], []
    for sample, (_, corrected, lineages) in samples.items():
        keep, _ = testable_cells(lineages, 5)
        counts = thin(corrected[keep], kept[sample], np.random.default_rng(1))
        ambient = centrality.ambient_in(spoilt, lineages[keep], genes)
        expression = centrality.Expression.of(log_normalise(counts), genes, resource, networks, ambient)
        found = centrality.score_centrality(expression, lineages[keep], n_perms, 1)
        for tables, table in zip((nodes, edges), found, strict=True):
            tables.append(table.assign(sample=sample))
    nodes, edges = pd.concat(nodes, ignore_index=True), pd.concat(edges, ignore_index=True)
    return nodes, compare_centrality(study, nodes, edges, LeftOut(STAGE)).effects


def describe_hubs(study, nodes, effects):
    """Whether pDC come first in the migration network of treated CSF, and what is claimed."""
    treated = study.samples.query("compartment == 'CSF' and condition == 'treated'")["sample"]
    chosen = nodes["sample"].isin(treated) & (nodes["lineage"] == "pDC") & (nodes["network"] == "migration")
    made = effects[effects["call"].str.startswith("hub_gained")]
    pdc = (made["lineage"] == "pDC") & (made["call"] == "hub_gained_in_CSF")
    claimed = (pdc & (made["network"] == "migration")).any()
    return {"first": (nodes.loc[chosen, "rank"] == 1).mean(), "claimed": claimed, "other": (~pdc).any()}


def describe_groups(effects):
    """Share of the groups of migration pairs, over all lineages, that are called up in CSF against blood."""
    rows = effects[(effects["term"] == "interaction") & (effects["level"] == "all")]
    return {"groups": ((rows["estimate"] > 0) & (rows["q_value"] < 0.05)).mean()}


def compare_with_liana(resource_name, n_perms=100, seed=1):
    """Largest difference of any number from LIANA's own, on the real cells that ship with scanpy, and how many edges.

    Returns
    -------
    worst : float
        Infinite if the edges themselves differ.
    n : int
    """
    import liana
    import scanpy

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adata = scanpy.datasets.pbmc68k_reduced().raw.to_adata()
        adata.X = sparse.csr_matrix(adata.X, dtype=np.float32)
        adata.X.eliminate_zeros()
        fixed = {"use_raw": False, "inplace": False, "verbose": False}
        settings = {"groupby": "bulk_labels", "resource_name": resource_name, "expr_prop": 0.1, "min_cells": 10}
        theirs = liana.mt.rank_aggregate(adata, n_perms=n_perms, seed=seed, **settings, **fixed)
    resource = pairs.read_resource(resource_name)
    lineages = adata.obs["bulk_labels"].to_numpy(str)
    ours = rank_aggregate(adata.X, adata.var_names, lineages, resource, n_perms, seed)
    keys, numbers = COLUMNS[:4], COLUMNS[4:]
    ours, theirs = (table.astype(dict.fromkeys(keys, str)).set_index(keys)[numbers] for table in (ours, theirs))
    if not (len(ours) == len(theirs) and ours.index.sort_values().equals(theirs.index.sort_values())):
        return np.inf, len(theirs)
    return float(np.abs(ours - theirs.loc[ours.index]).to_numpy().max()), len(theirs)


def evaluate_cohort(preset, arms, seed, pairs_only, resource, groups):
    """What is found in one cohort, centrality and groups too unless ``pairs_only``: dict of figures."""
    study, samples, genes, planted, typical = simulate(preset, *arms, seed, CELLS, pairs_only)
    bulk, names = pseudobulk(samples, genes), study.samples["sample"]
    scores = score_pseudobulk(bulk, names, resource)
    found = evaluate_edges(compare_edges(study, scores, LeftOut(STAGE)).effects, planted, typical)
    if not pairs_only:
        arms = study.samples.set_index("sample")[["condition", "compartment"]]
        bulk.obs = bulk.obs.join(arms, on="sample").assign(ambient_method="soupem")
        nodes, hubs = evaluate_hub(study, samples, bulk, resource, groups, N_PERMS)
        found |= describe_hubs(study, nodes, hubs)
        even = score_pseudobulk(bulk, names, resource, one_depth=True)
        found |= describe_groups(compare_groups(study, even, groups, LeftOut(STAGE)).effects)
    return found


def run(quick, studies=3):
    """Scoreboard rows.

    Parameters
    ----------
    quick : bool
        One cohort per setting, and fewer settings.
    studies : int
        Cohorts per setting.

    Returns
    -------
    list of dict
    """
    resource = pairs.read_resource("consensus")
    groups = pairs.read_groups(ROOT / "assets" / "interaction_groups.tsv", resource)
    seeds = range(1, 2 if quick else 1 + studies)
    rows = []

    def add(metric, setting, value, n, gate=""):
        rows.append(gates.row(STEP, metric, setting, value, gate, n, seeds[0]))

    def cohorts(preset, arms, pairs_only=False):
        return (evaluate_cohort(preset, arms, seed, pairs_only, resource, groups) for seed in seeds)

    for name in () if quick else ("consensus", "cellphonedb", "cellchatdb"):
        worst, n = compare_with_liana(name)
        setting = f"{name}, 700 real cells (pbmc68k_reduced)"
        add("largest difference from liana.mt.rank_aggregate", setting, worst, n, "<= .000001")

    def mean(found, key):
        return np.mean([f[key] for f in found])

    for arms in ((4, 4),) if quick else ((4, 4), (2, 4)):
        gated = arms == (4, 4)
        for pairs_only, name in ((True, "planted pairs only"), (False, "all that the preset changes")):
            setting = f"alemtuzumab {arms[0]}v{arms[1]}, {name}"
            found = list(cohorts("alemtuzumab", arms, pairs_only))

            def add_mean(metric, key, gate="", found=found, setting=setting, gated=gated):
                add(metric, setting, mean(found, key), len(found), gate if gated else "")

            add_mean(f"planted edges among the first {FIRST}", "recall", ">= 0.8")
            worst = min(f["recall"] for f in found)
            add(f"planted edges among the first {FIRST}, worst cohort", setting, worst, len(found))
            add_mean("planted edges, area under precision and recall", "area")
            add_mean(f"planted edges among the first {FIRST} by the true change of the score", "recall_of_truth")
            add_mean(f"first {FIRST} with both partners truly changed alike", "both")
            add_mean("edges with both partners truly changed alike, area under precision and recall", "area_both")
            add_mean(f"first {FIRST} with ligand or receptor truly changed", "changed")
            add_mean("planted edges that can be tested", "testable")
            decoys = sum(f["decoys"] for f in found)
            called = sum(f["decoys_q"] for f in found) / max(decoys, 1)
            add("decoys called interaction, q < .05", setting, called, decoys, "<= .05")
            add("decoys with p < .05", setting, sum(f["decoys_p"] for f in found) / max(decoys, 1), decoys)
            if not pairs_only:
                add_mean("treated CSF samples with pDC first", "first", ">= 0.8")
                add_mean("hub claimed for pDC in CSF", "claimed", ">= 0.8")
                add_mean("hub claimed for another", "other")
                add_mean("migration groups up in CSF more than in blood, q < .05", "groups")
    for arms in ((4, 4),) if quick else ((4, 4), (2, 4)):
        found = list(cohorts("null", arms))
        setting, n = f"null {arms[0]}v{arms[1]}", len(found)
        add("hub claimed for pDC in CSF", setting, mean(found, "claimed"), n, "== 0")
        add("hub claimed for another", setting, mean(found, "other"), n)
        add("migration groups up in CSF more than in blood, q < .05", setting, mean(found, "groups"), n)
        add("edges with p < .05", setting, mean(found, "type_one"), n, ".03-.07")
    return rows


if __name__ == "__main__":
    print(pd.DataFrame(run("--quick" in sys.argv)).to_string(index=False))
