"""Interactions against known truth: planted edges found, decoys not called, the hub claim made only where it is true.

Annotated cells are simulated directly (true labels, no empty droplets, doublets or dying cells; 70 % of the ambient
counts removed), so that the figures are those of the interaction statistics alone.
"""

import sys
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
from scipy import sparse

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bin"))

from compartments import centrality, interactions, liana_sample, simulate_droplets  # noqa: E402
from compartments.design import make_study  # noqa: E402
from compartments.simulate import preset_effects  # noqa: E402

STEP = "interactions"
AMBIENT_LEFT = 0.3
CELLS = {"CSF": 1400, "blood": 4750}  # of an untreated donor, the middle of what such studies capture
HUB_LOG2FC = 4.0


def simulate(preset, n_condition, n_reference, seed, cells, kinds=None, hub_log2fc=0.0):
    """A cohort of annotated cells.

    Parameters
    ----------
    kinds : collection of str, optional
        Keep only these kinds of changed expression (``interaction``, ``decoy``, ``migration``, ``de_common`` ...).
    hub_log2fc : float
        Added in treated CSF to every migration ligand and receptor of pDC, which makes pDC a hub in truth.

    Returns
    -------
    study : Study
    samples : dict of sample to (counts, corrected, lineages)
    genes : Index
    edges : DataFrame, planted edges (``kind`` true or decoy)
    """
    settings = simulate_droplets.Settings(
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
    source = simulate_droplets.ProfileSource(ROOT / "assets" / "profiles.tsv.gz", 3000)
    gene_sets = simulate_droplets.read_gene_sets(ROOT / "assets" / "migration_sets.gmt")
    base = simulate_droplets.DROPLET_BASE
    base = base.loc[[k for k in base.index if k in source.lineages]]
    effects = preset_effects(preset, base.index)
    rng = np.random.default_rng([seed, 1])
    donors = simulate_droplets.plan_donors(settings)
    sheet, proportions = simulate_droplets.plan_samples(rng, settings, donors, base, effects)
    expression, edges = simulate_droplets.plan_expression(rng, settings, source, base, effects, gene_sets)
    if kinds is not None:
        expression = expression[expression["kind"].isin(kinds)]
    if hub_log2fc:
        own = pd.read_csv(ROOT / "assets" / "interaction_groups.tsv", sep="\t", comment="#")["gene"].unique()
        raised = pd.DataFrame({"gene": [g for g in own if g in source.genes], "lineage": "pDC", "compartment": "CSF"})
        raised = raised.assign(log2fc=hub_log2fc, kind="hub")
        expression = pd.concat([raised, expression]).drop_duplicates(["gene", "lineage", "compartment"])
    noise = simulate_droplets.Noise(settings, source, list(base.columns))
    ceiling = simulate_droplets.condition_factors(expression, source)
    changed = {c: simulate_droplets.condition_factors(expression, source, c) for c in base.columns}
    samples = {}
    for number, row in enumerate(sheet.itertuples(index=False)):
        stream = np.random.default_rng([seed, 5, number])
        sample = simulate_droplets.draw_sample(
            stream,
            settings,
            source,
            proportions.loc[row.sample],
            row.n_cells,
            noise.factors(row, list(donors["donor"]).index(row.donor), number),
            changed[row.compartment] if row.condition == "treated" else np.ones_like(ceiling),
            ceiling,
            settings.red_cell_soup[row.compartment],
        )
        left = sample.ambient.copy()
        left.data = stream.binomial(left.data, AMBIENT_LEFT)
        samples[row.sample] = (
            sparse.csr_matrix(sample.native + sample.ambient),
            sparse.csr_matrix(sample.native + left),
            sample.cells["lineage"].to_numpy(object),
        )
    study = make_study(sheet[["sample", "donor", "compartment", "condition"]].assign(row=range(2, 2 + len(sheet))))
    return study, samples, source.genes, edges


def pseudobulk(samples, genes):
    """``pseudobulk.h5ad`` of simulated samples, as the cohort step writes it."""
    obs, layers = [], {name: [] for name in ("counts", "corrected", "n_expressing", "ambient")}
    for sample, (counts, corrected, lineages) in samples.items():
        names, codes = np.unique(lineages.astype(str), return_inverse=True)
        members = liana_sample.one_hot(codes, len(names))
        layers["counts"].append(members @ counts)
        layers["corrected"].append(members @ corrected)
        layers["n_expressing"].append(members @ (corrected > 0).astype(float))
        layers["ambient"].append(members @ (counts - corrected))
        obs.append(pd.DataFrame({"sample": sample, "lineage": names, "n_cells": np.bincount(codes)}))
    obs = pd.concat(obs, ignore_index=True)
    obs.index = obs["sample"] + ":" + obs["lineage"]
    stacked = {name: sparse.csr_matrix(sparse.vstack(blocks)) for name, blocks in layers.items()}
    return anndata.AnnData(obs=obs, var=pd.DataFrame(index=list(genes)), layers=stacked)


def evaluate_edges(effects, planted):
    """Recall of the planted edges among the 50 first (as the table is sorted) and what is said of the decoys."""
    keys = ["source", "target", "ligand", "receptor"]
    rows = effects[(effects["term"] == "interaction") & (effects["status"] == "tested")]
    found = pd.MultiIndex.from_frame(rows[keys])
    true, decoy = (pd.MultiIndex.from_frame(planted.loc[planted["kind"] == k, keys]) for k in ("true", "decoy"))
    decoys = rows[found.isin(decoy)]
    return {
        "recall": float(true.isin(found[:50]).mean()) if len(true) else np.nan,
        "testable": float(true.isin(found).mean()) if len(true) else np.nan,
        "decoys": len(decoys),
        "decoys_p": int((decoys["p_value"] < 0.05).sum()),
        "decoys_q": int((decoys["q_value"] < 0.05).sum()),
        "type_one": float((rows["p_value"].dropna() < 0.05).mean()),
    }


def evaluate_hub(study, samples, genes, resource, groups, n_perms):
    """Centrality per sample and the comparison of donors."""
    networks = {"all": np.ones(len(resource), bool), "migration": np.any(list(groups.values()), axis=0)}
    nodes, edges = [], []
    for sample, (_, corrected, lineages) in samples.items():
        keep, _ = liana_sample.testable_cells(lineages, 5)
        expression = centrality.Expression.of(liana_sample.log_normalise(corrected[keep]), genes, resource, networks)
        found = centrality.score_centrality(expression, lineages[keep], n_perms, 1)
        for tables, table in zip((nodes, edges), found, strict=True):
            tables.append(table.assign(sample=sample))
    nodes, edges = pd.concat(nodes, ignore_index=True), pd.concat(edges, ignore_index=True)
    return nodes, interactions.compare_centrality(study, nodes, edges)[0]


def run(quick):
    """Scoreboard rows.

    Parameters
    ----------
    quick : bool
        One cohort per setting instead of three, and fewer settings.

    Returns
    -------
    list of dict
    """
    resource = liana_sample.read_resource("consensus")
    groups = liana_sample.read_groups(ROOT / "assets" / "interaction_groups.tsv", resource)
    seeds = range(1, 2 if quick else 4)
    rows = []

    def add(metric, setting, value, n, gate="", passed=None):
        row = {"step": STEP, "metric": metric, "setting": setting, "value": round(float(value), 4), "gate": gate}
        rows.append(row | {"pass": None if passed is None else bool(passed), "n": int(n), "seed": seeds[0]})

    def cohorts(preset, arms, **changes):
        """Study, samples, genes, edge scores compared, planted edges of each seed."""
        for seed in seeds:
            study, samples, genes, planted = simulate(preset, *arms, seed, CELLS, **changes)
            scores = interactions.score_pseudobulk(pseudobulk(samples, genes), study.samples["sample"], resource)
            effects, _ = interactions.compare_edges(study, scores)
            yield study, samples, genes, evaluate_edges(effects, planted)

    def mean(found, key):
        return np.mean([f[key] for f in found])

    for arms in ((4, 4), (2, 4)):
        gated = arms == (4, 4)
        for kinds, name in (
            (("interaction", "decoy", "de_common"), "planted pairs only"),
            (None, "with migration programme and other genes"),
        ):
            if quick and kinds is None:
                continue
            setting = f"alemtuzumab {arms[0]}v{arms[1]}, {name}"
            found = [f for *_, f in cohorts("alemtuzumab", arms, kinds=kinds)]
            recall = mean(found, "recall")
            strict = gated and kinds is not None
            add(
                "planted edges among the first 50",
                setting,
                recall,
                len(seeds),
                *((">= .8", recall >= 0.8) if strict else ()),
            )
            add("planted edges that can be tested", setting, mean(found, "testable"), len(seeds))
            decoys = sum(f["decoys"] for f in found)
            called = sum(f["decoys_q"] for f in found) / max(decoys, 1)
            add("decoys called interaction, q < .05", setting, called, decoys, "<= .05", called <= 0.05)
            add("decoys with p < .05", setting, sum(f["decoys_p"] for f in found) / max(decoys, 1), decoys)

    def hubs(preset, arms, **changes):
        first, claims, other, type_one = [], [], [], []
        for study, samples, genes, found in cohorts(preset, arms, **changes):
            nodes, effects = evaluate_hub(study, samples, genes, resource, groups, 20)
            treated = study.samples.query("compartment == 'CSF' and condition == 'treated'")["sample"]
            chosen = nodes["sample"].isin(treated) & (nodes["lineage"] == "pDC") & (nodes["network"] == "migration")
            first.append((nodes.loc[chosen, "rank"] == 1).mean())
            made = effects[effects["call"].str.startswith("hub_gained")]
            pdc = (made["lineage"] == "pDC") & (made["call"] == "hub_gained_in_CSF") & (made["network"] == "migration")
            claims.append(pdc.any())
            other.append((~((made["lineage"] == "pDC") & (made["call"] == "hub_gained_in_CSF"))).any())
            type_one.append(found["type_one"])
        return np.mean(first), np.mean(claims), np.mean(other), np.mean(type_one)

    for arms in ((4, 4),) if quick else ((4, 4), (2, 4)):
        setting = f"alemtuzumab {arms[0]}v{arms[1]}, pDC a hub in truth"
        first, claimed, other, _ = hubs("alemtuzumab", arms, hub_log2fc=HUB_LOG2FC)
        gates = arms == (4, 4)
        add(
            "treated CSF samples with pDC first",
            setting,
            first,
            len(seeds),
            *((">= .8", first >= 0.8) if gates else ()),
        )
        add("hub claimed for pDC in CSF", setting, claimed, len(seeds), *((">= .8", claimed >= 0.8) if gates else ()))
        add("hub claimed for another", setting, other, len(seeds))
    for arms in ((4, 4),) if quick else ((4, 4), (2, 4)):
        setting = f"null {arms[0]}v{arms[1]}"
        _, claimed, other, type_one = hubs("null", arms)
        add("hub claimed for pDC in CSF", setting, claimed, len(seeds), "0", claimed == 0)
        add("hub claimed for another", setting, other, len(seeds))
        add("edges with p < .05", setting, type_one, len(seeds), ".03-.07", 0.03 <= type_one <= 0.07)
    return rows


if __name__ == "__main__":
    print(pd.DataFrame(run("--quick" in sys.argv)).to_string(index=False))
