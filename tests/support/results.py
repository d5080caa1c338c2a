"""A results tree with the layout of a finished run, made of random numbers with a known shape. Used by the tests of
findings and report; nothing in it is measured."""

import json
import math

import anndata
import numpy as np
import pandas as pd
from scipy import sparse

from compartments.compare.detectable import with_more_donors
from compartments.compare.moderated import fit_moderated, interval, minimum_detectable_effect, permutation_p
from compartments.core.files import write_json, write_parquet, write_tsv
from compartments.core.multiple_testing import benjamini_hochberg
from compartments.study.arms import donors_per_arm, tier
from compartments.study.plan import design_table
from compartments.study.samplesheet import parse_samplesheet
from compartments.study.study import Study, make_study

LINEAGES = {  # lineage: broad lineage, share in blood, change of treated in the other compartment and in blood (log2)
    "CD4 T": ("T", 0.38, -3.0, -3.0),
    "CD8 T": ("T", 0.16, -2.5, -2.5),
    "Treg": ("T", 0.03, -2.0, -2.0),
    "gdT": ("T", 0.03, -2.0, -2.0),
    "NK": ("NK", 0.11, -1.0, -1.0),
    "B": ("B", 0.10, -2.5, -2.5),
    "Plasma": ("Plasma", 0.01, -0.4, -0.4),
    "Classical monocyte": ("Monocyte", 0.12, -0.3, -0.3),
    "cDC2": ("DC", 0.02, -0.3, -0.3),
    "pDC": ("DC", 0.02, 0.0, -3.0),
}
SETS = {"CSF_MIGRATION_CORE": True, "GOBP_LEUKOCYTE_MIGRATION": True, "CHEMOKINE_RECEPTORS": False}


def make_sheet(arms=(("treated", 2), ("untreated", 4)), compartments=("blood", "CSF"), absolute=True, simulated=True):
    """Samplesheet text: every donor in every compartment."""
    lines = ["sample,donor,compartment,condition,raw,simulated" + (",cells_per_ul" if absolute else "")]
    for condition, n in arms:
        for i in range(n):
            donor = f"{condition[:2].upper()}{i + 1}"
            for k, compartment in enumerate(compartments):
                total = f",{[1800, 3, 40][k] / (5 if condition == 'treated' else 1)}" if absolute else ""
                lines.append(
                    f"{donor}_{compartment},{donor},{compartment},{condition},/data/{donor}_{compartment}.h5,"
                    f"{str(simulated).lower()}{total}"
                )
    return "\n".join(lines) + "\n"


def make(folder, seed=1, cells=200, **sheet):
    """Write a whole tree into ``folder``; ``cells`` is the number of cells of each sample in ``cohort/``."""
    rng = np.random.default_rng(seed)
    study = make_study(parse_samplesheet(make_sheet(**sheet)))
    folder.mkdir(parents=True, exist_ok=True)
    study.save(folder / "study.json")
    write_tsv(study.samples, folder / "samples.tsv")
    write_tsv(design_table(study), folder / "design.tsv")
    for name in ("composition", "expression", "migration", "interactions", "coupling", "cohort", "pipeline_info"):
        (folder / name).mkdir(exist_ok=True)
    _samples(folder, study, rng)
    _cohort(folder, study, rng, cells)
    composition = _composition(folder, study, rng)
    _expression(folder, study, rng)
    make_pseudobulk(folder, study, rng)
    _migration(folder, study, rng)
    _interactions(folder, study, rng)
    _liana(folder, study, rng)
    _coupling(folder, study, composition)
    skipped = "stage\tsample\tlineage\tcontrast\treason\n"
    skipped += f"compare_expression\t\tpDC\t{study.contrasts['contrast'].iloc[0]}\tonly 1 treated pair with 10 cells\n"
    (folder / "skipped.tsv").write_text(skipped)
    (folder / "pipeline_info" / "versions.yml").write_text(
        "COMPARE_COMPOSITION: numpy=2.5.5\nCOMPARE_COMPOSITION: python=3.12.9\nEMBED_COHORT: scanpy=1.12.4\n"
    )
    write_json(
        {
            "input": "samplesheet.csv",
            "seed": 1,
            "equiv_margin": 1,
            "ambient_method": "soupem",
            "de_engine": "pydeseq2",
            "lr_resource": "consensus",
            "simulate": "alemtuzumab",
            "min_cells_pb": 10,
            "n_perms": 1000,
        },
        folder / "pipeline_info" / "params.json",
    )
    return study


def _samples(folder, study, rng):
    for row in study.samples.itertuples():
        place = folder / "samples" / row.sample
        place.mkdir(parents=True)
        n = int(rng.integers(200, 900))
        summaries = {
            "read": {"kind": "raw", "n_droplets": 20_000, "n_genes": 12_000, "source": "raw"},
            "calls": {
                "n_cells": n + 60,
                "method": "emptydrops",
                "median_umis_cells": 4300.0,
                "knee": 600.0,
                "curve_rank": [1, 10, 100, 1000, 10000],
                "curve_total": [20000, 9000, 4000, 120, 60],
            },
            "ambient": {
                "method": "soupem",
                "reason": None,
                "n_cells": n + 60,
                "soup_umi_per_droplet": 80.0,
                "fraction_removed": float(rng.uniform(0.01, 0.06)),
                "contamination_median": float(rng.uniform(0.01, 0.05)),
                "contamination_min": 0.002,
                "contamination_max": 0.4,
                "traumatic_tap": None,
            },
            "qc": {"n_cells_called": n + 60, "n_cells": n, "median_n_genes": 1400.0, "median_total_counts": 4300.0},
            "doublets": {"n_cells": n, "n_doublets": int(n * 0.02), "threshold": 0.31, "threshold_source": "automatic"},
            "labels": {
                "n_cells": n,
                "model": "demo.pkl",
                "model_gene_overlap": 0.98,
                "marker_agreement": 0.93,
                "warnings": "",
            },
            "liana": {"n_interactions": 2000, "resource": "consensus"},
        }
        for stage, values in summaries.items():
            write_json({"sample": row.sample} | values, place / f"{row.sample}.{stage}.json")
        qc = pd.DataFrame(
            {
                "sample": row.sample,
                "metric": ["counts", "genes", "mt"],
                "lower": [500.0, 250.0, math.nan],
                "upper": [40000.0, 6000.0, 12.0],
                "n_removed": rng.integers(5, 40, 3),
                "n_removed_only": rng.integers(0, 5, 3),
            }
        )
        write_tsv(qc, place / f"{row.sample}.qc.tsv")


def _cohort(folder, study, rng, cells):
    names = list(LINEAGES)
    frames = []
    for row in study.samples.itertuples():
        lineage = rng.choice(len(names), cells, p=_shares())
        angle = 2 * np.pi * lineage / len(names)
        frames.append(
            pd.DataFrame(
                {
                    "cell": [f"{row.sample}:{i:06d}" for i in range(cells)],
                    "sample": row.sample,
                    "donor": row.donor,
                    "compartment": row.compartment,
                    "condition": row.condition,
                    "lineage": np.array(names)[lineage],
                    "lineage_broad": np.array([LINEAGES[n][0] for n in names])[lineage],
                    "total_counts": rng.lognormal(8.3, 0.5, cells).round(),
                    "n_genes": rng.lognormal(7.2, 0.35, cells).round(),
                    "pct_mt": rng.gamma(4, 1, cells),
                    "doublet_score": rng.beta(2, 20, cells),
                    "umap_1": 8 * np.cos(angle) + rng.normal(size=cells),
                    "umap_2": 8 * np.sin(angle) + rng.normal(size=cells),
                    "leiden": lineage,
                }
            )
        )
    table = pd.concat(frames, ignore_index=True)
    umap = ["cell", "umap_1", "umap_2", "leiden"]
    write_tsv(table.drop(columns=umap[1:]), folder / "cohort" / "cells.tsv.gz")
    write_tsv(table[umap], folder / "cohort" / "umap.tsv.gz")
    write_tsv(
        pd.DataFrame({"metric": ["lisi_donor", "lisi_sample"], "before": [1.4, 1.2], "after": [3.2, 2.9]}),
        folder / "cohort" / "mixing.tsv",
    )
    (folder / "cohort" / "warnings.tsv").write_text("warning\nTR1_CSF has fewer than 200 cells\n")


def _shares():
    shares = np.array([v[1] for v in LINEAGES.values()])
    return shares / shares.sum()


def _value(study, rng, change, noise=0.3):
    """One value per sample (ln units): donor effect, noise, and ``change(compartment)`` in log2 for treated donors."""
    donors = {d: rng.normal(0, 0.35) for d in study.samples["donor"]}
    treated = study.contrasts["condition"].iloc[0]
    return {
        r.sample: donors[r.donor]
        + rng.normal(0, noise)
        + (math.log(2) * change(r.compartment) if r.condition == treated else 0.0)
        for r in study.samples.itertuples()
    }


def _fit(study, values, keys, to_log2, column):
    """Rows of an effects table and of its donor values from one value per sample and feature."""
    features = list(values)
    effects, donors = [], []
    for contrast, term, compartment in study.terms():
        units = study.units(term, compartment)
        units = units[units["condition"].isin([contrast.condition, contrast.reference])]
        z = np.array([[values[f][s] for f in features] for s in units["sample"]])
        if term == "interaction":
            z = z - np.array([[values[f][s] for f in features] for s in units["reference_sample"]])
        treated = (units["condition"] == contrast.condition).to_numpy()
        n = donors_per_arm(units, contrast)
        if min(n) == 0:
            continue
        df = len(units) - 2
        word = tier(*n, df)
        empty = pd.DataFrame(
            {c: np.nan for c in ("estimate", "se", "df", "p_value", "p_plain")}, index=range(len(features))
        )
        if word in ("inferential", "exploratory"):
            fit = fit_moderated(z, np.column_stack([np.ones(len(z)), treated]), names=range(len(features)))
        else:
            fit = empty.assign(estimate=z[treated].mean(0) - z[~treated].mean(0))
        low, high = interval(fit["estimate"], fit["se"], fit["df"])
        q = benjamini_hochberg(fit["p_value"])
        for k, feature in enumerate(features):
            base = dict(zip(keys, feature, strict=True)) | {
                "contrast": contrast.contrast,
                "term": term,
                "compartment": compartment,
            }
            row = fit.iloc[k]
            effects.append(
                base
                | {
                    column: row["estimate"] / to_log2,
                    "se": row["se"] / to_log2,
                    "df": row["df"],
                    "df_residual": df,
                    "ci_low": low.iloc[k] / to_log2,
                    "ci_high": high.iloc[k] / to_log2,
                    "p_value": row["p_value"],
                    "q_value": q[k],
                    "p_plain": row["p_plain"],
                    "p_permutation": permutation_p(z[:, k], treated)[0],
                    "permutation_floor": permutation_p(z[:, k], treated)[1],
                    "mde80": minimum_detectable_effect(row["se"] / to_log2, row["df"]),
                    "n_condition": n[0],
                    "n_reference": n[1],
                    "tier": word,
                    "call": "",
                    "call_p": np.nan,
                    "call_q": np.nan,
                }
            )
            for unit, value in zip(units.itertuples(), z[:, k], strict=True):
                donors.append(base | {"donor": unit.donor, "condition": unit.condition, "value": value / to_log2})
    return pd.DataFrame(effects), pd.DataFrame(donors)


def _composition(folder, study, rng):
    values = {}
    for level in ("lineage", "lineage_broad", "lineage_marker"):
        for name, (_, _, there, blood) in LINEAGES.items():
            change = {study.reference_compartment: blood}
            values[(level, name)] = _value(study, rng, lambda c, change=change, there=there: change.get(c, there))
    effects, donors = _fit(study, values, ["level", "lineage"], math.log(2), "log2fc")
    scale = "abs" if study.absolute else "rel"
    effects.insert(2, "scale", scale)
    write_tsv(with_more_donors(effects), folder / "composition" / "power.tsv")
    donors = donors.rename(columns={"value": "log2_value"}).assign(variance=0.01, n_cells=50)
    key = ["level", "lineage", "contrast"]
    p = {tuple(r[k] for k in [*key, "term", "compartment"]): r for r in effects.to_dict("records")}
    reference, made = study.reference_compartment, []
    prefix = "" if study.absolute else "relatively_"
    for i, row in effects[effects["term"] == "interaction"].iterrows():
        if not np.isfinite(row["p_value"]):
            continue
        group = tuple(row[k] for k in key)
        own = p[(*group, f"within:{row['compartment']}", row["compartment"])]
        base = p[(*group, f"within:{reference}", reference)]

        def one_sided(r, sign):
            return r["p_value"] / 2 if sign * r["log2fc"] > 0 else 1 - r["p_value"] / 2

        calls = {
            "depleted_both": max(one_sided(own, -1), one_sided(base, -1)),
            f"discordant_{row['compartment']}_retained": max(one_sided(base, -1), one_sided(row, 1)),
            f"discordant_{reference}_retained": max(one_sided(own, -1), one_sided(row, -1)),
        }
        for call, p_call in calls.items():
            place = {c: row[c] for c in ("level", "lineage", "contrast", "compartment")}
            values = {"call": prefix + call, "p_value": p_call, "q_value": min(1.0, p_call * 2), "holds": p_call < 0.05}
            made.append(place | values | {"tier": row["tier"]})
        call = min(calls, key=calls.get)
        if calls[call] * 2 <= 0.05:
            effects.loc[i, ["call", "call_p", "call_q"]] = [prefix + call, calls[call], calls[call] * 2]
        else:
            effects.loc[i, "call"] = "inconclusive"
    write_tsv(effects, folder / "composition" / "effects.tsv")
    write_tsv(donors, folder / "composition" / "donors.tsv")
    columns = ["level", "lineage", "contrast", "compartment", "call", "p_value", "q_value", "holds", "tier"]
    write_tsv(pd.DataFrame(made, columns=columns), folder / "composition" / "calls.tsv")
    counts = [
        {"sample": s, "level": "lineage", "lineage": lineage, "n_cells": int(rng.poisson(600 * share))}
        for s in study.samples["sample"]
        for lineage, share in zip(LINEAGES, _shares(), strict=True)
    ]
    write_tsv(pd.DataFrame(counts), folder / "composition" / "counts.tsv")
    within = effects[effects["term"].str.startswith("within:") & (effects["level"] == "lineage")]
    terms = [
        {"level": "lineage", "contrast": k[0], "term": k[1], "compartment": k[2], "zero_log2": 0.0}
        | {"tipping_factor": float(2 ** -part["log2fc"].max())}
        for k, part in within.groupby(["contrast", "term", "compartment"], sort=False)
    ]
    summary = {"equiv_margin": 1.0, "scale": scale, "warnings": [], "terms": terms}
    write_json(summary, folder / "composition" / "composition.json")
    return effects


def _expression(folder, study, rng):
    genes = [f"GENE{i}" for i in range(300)]
    for contrast in study.contrasts["contrast"]:
        frames = []
        for _, term, compartment in (t for t in study.terms() if t[0].contrast == contrast):
            for lineage in ("CD4 T", "NK", "Classical monocyte"):
                effect, se = rng.normal(0, 1, 300), rng.uniform(0.3, 0.8, 300)
                p = 2 * 0.5 * np.exp(-((effect / se) ** 2) / 2)
                frames.append(
                    pd.DataFrame(
                        {
                            "lineage": lineage,
                            "gene": genes,
                            "term": term,
                            "compartment": compartment,
                            "base_mean": rng.lognormal(3, 1, 300),
                            "log2fc": effect,
                            "log2fc_shrunken": effect * 0.7,
                            "se": se,
                            "stat": effect / se,
                            "p_value": p,
                            "q_value": benjamini_hochberg(p),
                            "q_global": benjamini_hochberg(p),
                            "n_condition": 2,
                            "n_reference": 4,
                            "tier": "exploratory",
                            "robust": rng.random(300) < 0.5,
                            "call": "",
                        }
                    )
                )
        table = pd.concat(frames, ignore_index=True)
        write_parquet(table, folder / "expression" / f"{contrast}.parquet")
        write_tsv(table, folder / "expression" / f"{contrast}.tsv.gz")
    target = [
        {"gene": "CD52", "lineage": name, "compartment": place, "condition": condition, "n_samples": 2, "n_cells": 90}
        | {"mean_log2_cpm": 6 + rng.normal(), "sd_log2_cpm": 0.4, "percent_expressing": 60.0}
        for name in LINEAGES
        for place in study.compartments
        for condition in study.samples["condition"].unique()
    ]
    write_tsv(pd.DataFrame(target), folder / "expression" / "target_gene.tsv")
    write_json({"de_engine": "pydeseq2"}, folder / "expression" / "expression.json")


def make_pseudobulk(folder, study, rng, genes=300):
    """``cohort/pseudobulk.h5ad`` of Poisson counts."""
    places = ["sample", "donor", "compartment", "condition"]
    obs = study.samples[places].merge(pd.DataFrame({"lineage": list(LINEAGES)}), how="cross").assign(n_cells=40)
    obs.index = obs["sample"] + ":" + obs["lineage"]
    counts = sparse.csr_array(rng.poisson(rng.lognormal(3, 1, genes), (len(obs), genes)))
    var = pd.DataFrame(index=[f"GENE{i}" for i in range(genes)])
    anndata.AnnData(obs=obs, var=var, layers={"corrected": counts}).write_h5ad(folder / "cohort" / "pseudobulk.h5ad")


def _liana(folder, study, rng):
    pairs = pd.DataFrame({"source": list(LINEAGES)}).merge(pd.DataFrame({"target": list(LINEAGES)}), how="cross")
    genes = pd.DataFrame({"ligand_complex": ["CXCL10", "CCL3"], "receptor_complex": ["CXCR3", "CCR5"]})
    table = study.samples[["sample", "donor", "compartment", "condition"]].merge(
        pairs.merge(genes, how="cross"), how="cross"
    )
    strength = np.tile(rng.normal(size=2 * len(pairs)), len(study.samples)) + rng.normal(0, 0.3, len(table))
    ranks = pd.Series(-strength).groupby(table["sample"]).rank(pct=True)
    table = table.assign(magnitude_rank=ranks, present=rng.random(len(table)) < 0.9)
    write_parquet(table, folder / "interactions" / "liana.parquet")


def _migration(folder, study, rng):
    values = {}
    for name in SETS:
        for lineage in ("all", "CD4 T", "pDC"):
            values[(name, lineage)] = _value(
                study, rng, lambda c: 0.0 if c == study.reference_compartment else 2.0, noise=0.1
            )
    effects, _ = _fit(study, values, ["gene_set", "lineage"], 1.0, "estimate")
    effects.insert(1, "primary", effects["gene_set"].map(SETS))
    write_tsv(_only(study, effects), folder / "migration" / "effects.tsv")
    rows = [
        r._asdict() | {"lineage": lineage, "gene_set": name, "score": values[(name, lineage)][r.sample], "n_cells": 200}
        for (name, lineage) in values
        for r in study.samples[["sample", "donor", "compartment", "condition"]].itertuples(index=False)
    ]
    write_tsv(pd.DataFrame(rows).assign(n_genes=40, coverage=0.9), folder / "migration" / "scores.tsv")


def _only(study, effects):
    """``<compartment>_only`` on interaction rows with small q."""
    rows = (effects["term"] == "interaction") & (effects["q_value"] <= 0.05)
    effects.loc[rows, "call"] = effects.loc[rows, "compartment"] + "_only"
    return effects


def _interactions(folder, study, rng):
    groups = {
        ("chemokine", "all", "all"): _value(
            study, rng, lambda c: 0.0 if c == study.reference_compartment else 2.0, 0.1
        ),
        ("adhesion", "all", "all"): _value(study, rng, lambda c: 0.0, 0.1),
    }
    effects, _ = _fit(study, groups, ["group", "source", "target"], 1.0, "estimate")
    write_tsv(effects, folder / "interactions" / "groups.tsv")
    shares = {
        (network, lineage): _value(
            study,
            rng,
            lambda c, lineage=lineage: 2.0 if lineage == "pDC" and c != study.reference_compartment else 0.0,
            0.1,
        )
        for network in ("all", "migration")
        for lineage in LINEAGES
    }
    effects, _ = _fit(study, shares, ["network", "lineage"], 1.0, "estimate")
    rows = (effects["term"] == "interaction") & (effects["q_value"] <= 0.05) & (effects["lineage"] == "pDC")
    effects.loc[rows, "call"] = "hub_gained_in_" + effects.loc[rows, "compartment"]
    write_tsv(effects, folder / "interactions" / "centrality_effects.tsv")
    table = []
    for (network, lineage), values in shares.items():
        for r in study.samples[["sample", "donor", "compartment", "condition"]].itertuples(index=False):
            share = 0.1 * math.exp(values[r.sample]) / (1 + math.exp(values[r.sample]))
            table.append(
                r._asdict()
                | {"network": network, "lineage": lineage, "n_cells": 50, "out_strength": share, "in_strength": share}
                | {"share": share, "share_downsampled": share, "rank": 1, "p_permutation": 0.01, "pagerank": 0.1}
                | {"hub": 0.1, "authority": 0.1, "betweenness": 0.0}
            )
    write_tsv(pd.DataFrame(table), folder / "interactions" / "centrality.tsv")
    pairs = [("pDC", "CD4 T", "CXCL10", "CXCR3"), ("Classical monocyte", "NK", "CCL3", "CCR5")]
    edges = {pair: _value(study, rng, lambda c: 0.0) for pair in pairs}
    effects, _ = _fit(study, edges, ["source", "target", "ligand", "receptor"], math.log(2), "log2fc")
    write_tsv(effects.assign(status="tested"), folder / "interactions" / "effects.tsv")
    arms = study.contrasts.set_index("contrast")[["condition", "reference"]]
    top = [
        dict(zip(("source", "target", "ligand", "receptor"), pair, strict=True))
        | {"contrast": row.contrast, "compared": row.compartment, "score": values[sample.sample] / math.log(2)}
        | sample._asdict()
        for row in effects[effects["term"] == "interaction"][["contrast", "compartment"]].drop_duplicates().itertuples()
        for pair, values in edges.items()
        for sample in study.samples[["sample", "donor", "compartment", "condition"]].itertuples(index=False)
        if sample.condition in set(arms.loc[row.contrast])
        and sample.compartment in (row.compartment, study.reference_compartment)
    ]
    columns = ["source", "target", "ligand", "receptor", "contrast", "compared"]
    columns += ["sample", "donor", "compartment", "condition", "score"]
    write_tsv(pd.DataFrame(top, columns=columns), folder / "interactions" / "top_edges.tsv")
    network = [
        sample._asdict() | {"network": kind, "source": source, "target": target, "strength": strength}
        for sample in study.samples[["sample", "donor", "compartment", "condition"]].itertuples(index=False)
        for kind in ("all", "migration")
        for source in LINEAGES
        for target in LINEAGES
        if source != target
        for strength in [rng.lognormal(0, 0.3) * (3 if "pDC" in (source, target) else 1)]
    ]
    network = pd.DataFrame(network)
    write_tsv(network.assign(strength_downsampled=network["strength"]), folder / "interactions" / "network.tsv")


def _coupling(folder, study, effects):
    rows, drivers = [], []
    interactions = effects[(effects["term"] == "interaction") & (effects["level"] == "lineage")]
    for (contrast, compartment), part in interactions.groupby(["contrast", "compartment"], sort=False):
        if not part["se"].notna().all():
            continue
        u, se = part["log2fc"].to_numpy(), part["se"].to_numpy()
        tau = float(u.std(ddof=1))
        rows.append(
            {
                "contrast": contrast,
                "compartment": compartment,
                "level": "lineage",
                "scale": part["scale"].iloc[0],
                "tau_u": tau,
                "tau_low": tau / 2,
                "tau_high": tau * 1.8,
                "q_statistic": float(((u - u.mean()) ** 2 / se**2).sum()),
                "q_df1": len(u) - 1,
                "q_df2": float(part["df"].median()),
                "p_value": 0.004 if tau > 0.5 else 0.4,
                "mean_u": float(u.mean()),
                "mean_u_low": float(u.mean() - 0.7),
                "mean_u_high": float(u.mean() + 0.7),
                "ccc": 0.6,
                "n_lineages": len(u),
                "n_condition": int(part["n_condition"].iloc[0]),
                "n_reference": int(part["n_reference"].iloc[0]),
                "tier": part["tier"].iloc[0],
                "verdict": "partly_uncoupled" if tau > 0.5 else "cannot_tell",
                "reason": "no discordance shown, but differences above 1 log2 are not excluded",
                "drivers": "pDC" if tau > 0.5 else "",
            }
        )
        for lineage in part["lineage"]:
            tau_without = float(part.loc[part["lineage"] != lineage, "log2fc"].std(ddof=1))
            drivers.append(
                {"contrast": contrast, "compartment": compartment, "level": "lineage", "left_out": lineage}
                | {"kind": "lineage", "tau_u": tau_without}
            )
    columns = "contrast compartment level scale tau_u tau_low tau_high q_statistic q_df1 q_df2 p_value mean_u"
    columns += " mean_u_low mean_u_high ccc n_lineages n_condition n_reference tier verdict reason drivers"
    write_tsv(pd.DataFrame(rows, columns=columns.split()), folder / "coupling" / "coupling.tsv")
    columns = ["contrast", "compartment", "level", "left_out", "kind", "tau_u"]
    write_tsv(pd.DataFrame(drivers, columns=columns), folder / "coupling" / "drivers.tsv")


def load(folder):
    """Study of a tree, and its parameters."""
    return Study.load(folder / "study.json"), json.loads((folder / "pipeline_info" / "params.json").read_text())
