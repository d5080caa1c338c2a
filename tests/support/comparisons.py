"""Tables of comparisons for a results tree: fitted to random values of the donors with a known change."""

import math

import numpy as np
import pandas as pd

from compartments.compare.detectable import with_more_donors
from compartments.compare.engine import ARMS, TESTS, Measured, compare
from compartments.compare.moderated import permutation_p, sign_flip_p
from compartments.core.files import write_json
from compartments.core.multiple_testing import benjamini_hochberg
from compartments.study.arms import donors_per_arm
from compartments.study.terms import terms_of
from tests.support.tables import LINEAGES, PLACES, Gaps, shares, write

ACTIVITIES = {("pathway", "HALLMARK_A"): True, ("pathway", "STAT1"): False, ("regulator", "STAT1"): True}
SETS = {"CSF_MIGRATION_CORE": True, "GOBP_LEUKOCYTE_MIGRATION": True, "CHEMOKINE_RECEPTORS": False}
COUPLING = {  # of coupling.tsv: what does not follow from the effects
    "p_value": (0.004, 0.4),
    "verdict": ("partly_uncoupled", "cannot_tell"),
    "drivers": ("pDC", ""),
}


def doses(study):
    """Share of the effects that each sample carries: all with the condition, and a part of it at times between."""
    first, *others = study.asked()
    change = next((each for each in (first, *others) if each.kind == "change"), None)

    def dose(sample):
        if first.kind == "compartments":
            return 1.0
        if change is not None:
            return float(sample.condition == change.condition and sample.group == change.group)
        if study.order:
            return study.order[sample.condition] / max(study.order.values())
        return float(sample.condition == first.condition)

    return {sample.sample: dose(sample) for sample in study.samples.itertuples()}


def values_of(study, rng, change, noise=0.3):
    """One value per sample (ln units): donor effect, noise, and ``change(compartment)`` in log2 times the dose."""
    donors, dose = {d: rng.normal(0, 0.35) for d in study.samples["donor"]}, doses(study)
    return {
        r.sample: donors[r.donor] + rng.normal(0, noise) + dose[r.sample] * math.log(2) * change(r.compartment)
        for r in study.samples.itertuples()
    }


def raised_elsewhere(study):
    """Change of a feature that rises by 2 log2 in all compartments but the reference; in the only one."""
    base = study.reference_compartment if len(study.compartments) > 1 else ""
    return lambda compartment: 0.0 if compartment == base else 2.0


def fit(study, values, keys, to_log2, column, gaps):
    """Rows of an effects table and of its donor values from one value per sample and feature, by the real engine."""
    effects, donors = [], []
    table = pd.DataFrame(values)
    table.columns = pd.Index(list(values), tupleize_cols=False)
    if gaps.lost or gaps.absent:
        table = table.where(np.array([[gaps.has(sample, *feature) for feature in table] for sample in table.index]))
    for term in terms_of(study):
        found = compare(term, Measured(table.columns, term.values(table), unit=to_log2))
        rows = found.effects[[*TESTS, "df_residual", *ARMS]].rename(columns={"estimate": column}).assign(**term.keys)
        rows[["p_permutation", "permutation_floor"]] = _permuted(found)
        rows["q_value"] = benjamini_hochberg(rows["p_value"])
        effects.append(_named(rows, keys).assign(call="", call_p=np.nan, call_q=np.nan))
        shown = found.donors()
        units = term.units.loc[found.values.index]
        for name, part in zip(("log2_sample", "log2_reference_sample"), term.parts, strict=False):
            of_sample = table.loc[units[part.column], found.values.columns].to_numpy() / to_log2
            shown[name] = of_sample[np.isfinite(found.values.to_numpy())]
        donors.append(_named(shown.set_index(shown.columns[0]), keys))
    return tuple(pd.concat([part for part in parts if len(part)], ignore_index=True) for parts in (effects, donors))


def _permuted(found):
    """Permutation p of every feature that all units have, and the smallest possible."""
    term, z = found.term.of(found.term.in_arms()), found.values.to_numpy()
    if term.repeated or not np.isfinite(z).all() or term.absent():
        return np.nan, np.nan
    p, floor = sign_flip_p(z) if term.one_arm else permutation_p(z, term.has(term.arms[0]))
    return np.column_stack([p, np.full(z.shape[1], floor)])


def _named(rows, keys):
    """Rows whose index is a tuple each, which becomes columns."""
    names = pd.DataFrame(list(rows.index), columns=keys)
    return pd.concat([names, rows.reset_index(drop=True)], axis=1)


def write_donors(donors, keys, folder, place):
    """The values of :func:`fit` that are beside effects."""
    write(donors[[*keys, "contrast", "term", "compartment", "donor", "condition", "value"]], folder, place)


def without(effects, *columns):
    """The table without columns that its file does not have."""
    return effects.drop(columns=list(columns))


def composition(folder, study, rng, gaps):
    """Effects, donors, calls, power, counts and summary; a lineage without cells counts 0 and stays."""
    values = {}
    for level in ("lineage", "lineage_broad", "lineage_marker"):
        for name, (_, _, there, blood) in LINEAGES.items():
            change = {study.reference_compartment: blood}
            values[(level, name)] = values_of(study, rng, lambda c, change=change, there=there: change.get(c, there))
    effects, donors = fit(study, values, ["level", "lineage"], math.log(2), "log2fc", Gaps(gaps.lost))
    scale = "abs" if study.absolute else "rel"
    effects.insert(2, "scale", scale)
    effects = effects.assign(df_prior=effects["df"] - effects["df_residual"], df_arms=effects["df"])
    write(with_more_donors(effects, terms=list(terms_of(study))), folder, "composition/power.tsv")
    donors = donors.rename(columns={"value": "log2_value"}).assign(variance=0.01, n_cells=50)
    donors["log2_seen"] = donors["log2_value"]
    made = calls(study, effects)
    write(effects, folder, "composition/effects.tsv")
    write(donors, folder, "composition/donors.tsv")
    columns = ["level", "lineage", "contrast", "compartment", "call", "p_value", "q_value", "holds", "tier"]
    write(pd.DataFrame(made, columns=columns), folder, "composition/calls.tsv")
    counts = [
        {"sample": s, "level": "lineage", "lineage": lineage, "n_cells": int(rng.poisson(600 * share))}
        for s in study.samples["sample"]
        for lineage, share in zip(LINEAGES, shares(), strict=True)
    ]
    counts = [row for row in counts if gaps.has(row["sample"], row["lineage"])]
    write(pd.DataFrame(counts), folder, "composition/counts.tsv")
    within = effects[effects["term"].str.startswith("within:") & (effects["level"] == "lineage")]
    terms = [
        {"level": "lineage", "contrast": k[0], "term": k[1], "compartment": k[2], "zero_log2": 0.0}
        | {"tipping_factor": float(2 ** -part["log2fc"].max())}
        for k, part in within.groupby(["contrast", "term", "compartment"], sort=False)
    ]
    summary = {"equiv_margin": 1.0, "cv_total": 0.15, "scale": scale, "warnings": [], "terms": terms}
    write_json(summary, folder / "composition" / "composition.json")
    return effects


def calls(study, effects):
    """Rows of ``calls.tsv``; the call that holds is written into the interaction rows of ``effects``."""
    key = ["level", "lineage", "contrast"]
    p = {tuple(r[k] for k in [*key, "term", "compartment"]): r for r in effects.to_dict("records")}
    reference, made = study.reference_compartment, []
    prefix = "" if study.absolute else "relatively_"

    def one_sided(r, sign):
        return r["p_value"] / 2 if sign * r["log2fc"] > 0 else 1 - r["p_value"] / 2

    for i, row in effects[effects["term"] == "interaction"].iterrows():
        if not np.isfinite(row["p_value"]):
            continue
        group = tuple(row[k] for k in key)
        own = p[(*group, f"within:{row['compartment']}", row["compartment"])]
        base = p[(*group, f"within:{reference}", reference)]
        tests = {
            "depleted_both": max(one_sided(own, -1), one_sided(base, -1)),
            f"discordant_{row['compartment']}_retained": max(one_sided(base, -1), one_sided(row, 1)),
            f"discordant_{reference}_retained": max(one_sided(own, -1), one_sided(row, -1)),
        }
        for call, p_call in tests.items():
            place = {c: row[c] for c in ("level", "lineage", "contrast", "compartment")}
            values = {"call": prefix + call, "p_value": p_call, "q_value": min(1.0, p_call * 2), "holds": p_call < 0.05}
            made.append(place | values | {"tier": row["tier"]})
        call = min(tests, key=tests.get)
        if tests[call] * 2 <= 0.05:
            effects.loc[i, ["call", "call_p", "call_q"]] = [prefix + call, tests[call], tests[call] * 2]
        else:
            effects.loc[i, "call"] = "inconclusive"
    return made


def _genes(study, rng, lineage, gaps):
    """Rows of ``expression/<contrast>.parquet`` for one lineage: one frame per term."""
    for term in terms_of(study, [s for s in study.samples["sample"] if gaps.has(s, lineage)]):
        n = donors_per_arm(term)
        effect, se = rng.normal(0, 1, 300), rng.uniform(0.3, 0.8, 300)
        p = 2 * 0.5 * np.exp(-((effect / se) ** 2) / 2)
        yield pd.DataFrame(
            {
                **term.keys,
                "lineage": lineage,
                "gene": [f"GENE{i}" for i in range(300)],
                "base_mean": rng.lognormal(3, 1, 300),
                "log2fc": effect,
                "log2fc_shrunken": effect * 0.7,
                "se": se,
                "stat": effect / se,
                "p_value": p,
                "engine": "voom" if (lineage, term.name) == ("NK", "interaction") else "pydeseq2",
                "q_value": benjamini_hochberg(p),
                "q_global": benjamini_hochberg(p),
                "n_condition": n[0],
                "n_reference": n[1],
                "tier": "exploratory",
                "robust": rng.random(300) < 0.5,
                "call": "",
            }
        )


def expression(folder, study, rng, gaps):
    """Genes of three lineages, the target gene, and the summary."""
    tables = pd.concat(
        [part for lineage in ("CD4 T", "NK", "Classical monocyte") for part in _genes(study, rng, lineage, gaps)]
    )
    for contrast, table in tables.groupby("contrast", sort=False):
        for ending in ("parquet", "tsv.gz"):
            write(table.reset_index(drop=True), folder, f"expression/{contrast}.{ending}")
    target = []
    for lineage in LINEAGES:
        kept = study.samples[[gaps.has(s, lineage) for s in study.samples["sample"]]]
        for (compartment, condition), n in kept.groupby(["compartment", "condition"], sort=False).size().items():
            row = {"gene": "CD52", "lineage": lineage, "compartment": compartment, "condition": condition}
            row |= {"n_samples": n, "n_cells": 90, "mean_log2_cpm": 6 + rng.normal(), "sd_log2_cpm": 0.4}
            target.append(row | {"percent_expressing": 60.0})
    write(pd.DataFrame(target), folder, "expression/target_gene.tsv")
    write_json({"de_engine": "pydeseq2"}, folder / "expression" / "expression.json")


def liana(folder, study, rng, gaps):
    """Ranks of all pairs of lineages with two pairs of genes."""
    pairs = pd.DataFrame({"source": list(LINEAGES)}).merge(pd.DataFrame({"target": list(LINEAGES)}), how="cross")
    genes = pd.DataFrame({"ligand_complex": ["CXCL10", "CCL3"], "receptor_complex": ["CXCR3", "CCR5"]})
    table = study.samples[PLACES].merge(pairs.merge(genes, how="cross"), how="cross")
    strength = np.tile(rng.normal(size=2 * len(pairs)), len(study.samples)) + rng.normal(0, 0.3, len(table))
    ranks = pd.Series(-strength).groupby(table["sample"]).rank(pct=True)
    table = table.assign(magnitude_rank=ranks)
    there = [gaps.has(*row) for row in zip(table["sample"], table["source"], table["target"], strict=True)]
    write(table[there], folder, "interactions/liana.parquet")


def migration(folder, study, rng, gaps):
    """Scores of gene sets in all cells and two lineages; all but the reference compartment rise."""
    values = {
        (name, lineage): values_of(study, rng, raised_elsewhere(study), noise=0.1)
        for name in SETS
        for lineage in ("all", "CD4 T", "pDC")
    }
    effects, donors = fit(study, values, ["gene_set", "lineage"], 1.0, "estimate", gaps)
    write_donors(donors, ["gene_set", "lineage"], folder, "migration/donors.tsv")
    effects.insert(1, "primary", effects["gene_set"].map(SETS))
    rows = (effects["term"] == "interaction") & (effects["q_value"] <= 0.05)
    effects.loc[rows, "call"] = effects.loc[rows, "compartment"] + "_only"
    effects = without(effects, "df_residual", "p_permutation", "permutation_floor")
    write(effects, folder, "migration/effects.tsv")
    rows = [
        r._asdict() | {"lineage": lineage, "gene_set": name, "score": values[(name, lineage)][r.sample], "n_cells": 200}
        for (name, lineage) in values
        for r in study.samples[PLACES].itertuples(index=False)
        if gaps.has(r.sample, lineage)
    ]
    write(pd.DataFrame(rows).assign(n_genes=40, coverage=0.9), folder, "migration/scores.tsv")


def activities(folder, study, rng, gaps):
    """Activities of two pathways and a regulator in all cells and two lineages; what is up elsewhere, and what not."""
    values = {
        (*source, lineage): values_of(study, rng, raised_elsewhere(study) if raised else lambda c: 0.0, noise=0.1)
        for source, raised in ACTIVITIES.items()
        for lineage in ("all", "CD4 T", "pDC")
    }
    keys = ["kind", "source", "lineage"]
    effects, donors = fit(study, values, keys, 1.0, "estimate", gaps)
    unknown = ("df_residual", "p_permutation", "permutation_floor", "call", "call_p", "call_q")
    write(without(effects, *unknown), folder, "activities/effects.tsv")
    write_donors(donors, keys, folder, "activities/donors.tsv.gz")
    rows = [
        r._asdict() | dict(zip(keys, key, strict=True)) | {"score": values[key][r.sample], "n_cells": 200}
        for key in values
        for r in study.samples[PLACES].itertuples(index=False)
        if gaps.has(r.sample, key[-1])
    ]
    rows = pd.DataFrame(rows).assign(n_genes=40, coverage=0.9)
    write(rows, folder, "activities/scores.tsv")


def interactions(folder, study, rng, gaps):
    """Groups of pairs, the share of each lineage in the networks, single pairs, and the networks."""
    groups = {
        ("chemokine", "all", "all"): values_of(study, rng, raised_elsewhere(study), 0.1),
        ("adhesion", "all", "all"): values_of(study, rng, lambda c: 0.0, 0.1),
    }
    unknown = ("df_residual", "p_permutation", "permutation_floor", "call_p", "call_q")
    effects, donors = fit(study, groups, ["group", "source", "target"], 1.0, "estimate", gaps)
    donors = donors.assign(level="all", n_edges=1)
    write_donors(donors, ["group", "level", "source", "target", "n_edges"], folder, "interactions/group_donors.tsv")
    effects = without(effects, *unknown, "call").assign(level="all")
    write(effects, folder, "interactions/groups.tsv")
    _centrality(folder, study, rng, gaps, unknown)
    pairs = [("pDC", "CD4 T", "CXCL10", "CXCR3"), ("Classical monocyte", "NK", "CCL3", "CCR5")]
    edges = {pair: values_of(study, rng, lambda c: 0.0) for pair in pairs}
    effects, _ = fit(study, edges, ["source", "target", "ligand", "receptor"], math.log(2), "log2fc", gaps)
    effects = without(effects, *unknown, "call")
    write(effects.assign(status="tested"), folder, "interactions/effects.tsv")
    write(_top_edges(study, effects, edges, gaps), folder, "interactions/top_edges.tsv")
    network = [
        sample._asdict() | {"network": kind, "source": source, "target": target, "strength": strength}
        for sample in study.samples[PLACES].itertuples(index=False)
        for kind in ("all", "migration")
        for source in LINEAGES
        for target in LINEAGES
        if source != target
        for strength in [rng.lognormal(0, 0.3) * (3 if "pDC" in (source, target) else 1)]
        if gaps.has(sample.sample, source, target)
    ]
    network = pd.DataFrame(network)
    write(network.assign(strength_downsampled=network["strength"]), folder, "interactions/network.tsv")


def _centrality(folder, study, rng, gaps, unknown):
    base = study.reference_compartment
    shares = {
        (network, lineage): values_of(
            study, rng, lambda c, lineage=lineage: 2.0 if lineage == "pDC" and c != base else 0.0, 0.1
        )
        for network in ("all", "migration")
        for lineage in LINEAGES
    }
    effects, donors = fit(study, shares, ["network", "lineage"], 1.0, "estimate", gaps)
    write_donors(donors, ["network", "lineage"], folder, "interactions/centrality_donors.tsv")
    rows = (effects["term"] == "interaction") & (effects["q_value"] <= 0.05) & (effects["lineage"] == "pDC")
    effects.loc[rows, "call"] = "hub_gained_in_" + effects.loc[rows, "compartment"]
    write(without(effects, *unknown), folder, "interactions/centrality_effects.tsv")
    table = []
    for (network, lineage), values in shares.items():
        for r in study.samples[PLACES].itertuples(index=False):
            share = 0.1 * math.exp(values[r.sample]) / (1 + math.exp(values[r.sample]))
            table.append(
                r._asdict()
                | {"network": network, "lineage": lineage, "n_cells": 50, "out_strength": share, "in_strength": share}
                | {"share": share, "share_downsampled": share, "rank": 1, "p_permutation": 0.01, "pagerank": 0.1}
                | {"hub": 0.1, "authority": 0.1, "betweenness": 0.0}
            )
    table = [row for row in table if gaps.has(row["sample"], row["lineage"])]
    write(pd.DataFrame(table), folder, "interactions/centrality.tsv")


def _top_edges(study, effects, edges, gaps):
    """Donors' values of the pairs, per comparison between compartments."""
    arms = study.contrasts.set_index("contrast")[["condition", "reference"]]
    top = [
        dict(zip(("source", "target", "ligand", "receptor"), pair, strict=True))
        | {"contrast": row.contrast, "compared": row.compartment, "score": values[sample.sample] / math.log(2)}
        | sample._asdict()
        for row in effects[effects["term"] == "interaction"][["contrast", "compartment"]].drop_duplicates().itertuples()
        for pair, values in edges.items()
        for sample in study.samples[PLACES].itertuples(index=False)
        if sample.condition in set(arms.loc[row.contrast])
        and sample.compartment in (row.compartment, study.reference_compartment)
        and gaps.has(sample.sample, *pair[:2])
    ]
    columns = ["source", "target", "ligand", "receptor", "contrast", "compared", *PLACES, "score"]
    return pd.DataFrame(top, columns=columns)


def coupling(folder, study, effects):
    """tau_U of the differences between compartments, and without each lineage."""
    rows, drivers = [], []
    interactions = effects[(effects["term"] == "interaction") & (effects["level"] == "lineage")]
    for (contrast, compartment), part in interactions.groupby(["contrast", "compartment"], sort=False):
        if not part["se"].notna().all():
            continue
        u, se = part["log2fc"].to_numpy(), part["se"].to_numpy()
        tau = float(u.std(ddof=1))
        place = {"contrast": contrast, "compartment": compartment, "level": "lineage"}
        numbers = {
            "scale": part["scale"].iloc[0],
            "tau_u": tau,
            "tau_low": tau / 2,
            "tau_high": tau * 1.8,
            "q_statistic": float(((u - u.mean()) ** 2 / se**2).sum()),
            "q_df1": len(u) - 1,
            "q_df2": float(part["df"].median()),
            "mean_u": float(u.mean()),
            "mean_u_low": float(u.mean() - 0.7),
            "mean_u_high": float(u.mean() + 0.7),
            "ccc": 0.6,
            "n_lineages": len(u),
            "n_condition": int(part["n_condition"].iloc[0]),
            "n_reference": int(part["n_reference"].iloc[0]),
            "tier": part["tier"].iloc[0],
            "reason": "no discordance shown, but differences above 1 log2 are not excluded",
        }
        rows.append(place | numbers | {column: pair[tau <= 0.5] for column, pair in COUPLING.items()})
        for lineage in part["lineage"]:
            rest = float(part.loc[part["lineage"] != lineage, "log2fc"].std(ddof=1))
            drivers.append(place | {"left_out": lineage, "kind": "lineage", "tau_u": rest})
    columns = ["contrast", "compartment", "level", "scale", "tau_u"]
    write(pd.DataFrame(rows, columns=None if rows else columns), folder, "coupling/coupling.tsv")
    write(pd.DataFrame(drivers, columns=None if drivers else columns[:3]), folder, "coupling/drivers.tsv")


def calibration(folder, study):
    """Claims of relabelled donors, all in line with chance."""
    rows = [
        {"contrast": contrast.contrast, "term": term, "compartment": compartment, "claim": claim, "n_tests": 10}
        | {"n_expected": expected, "n_claimed": claimed, "share_any": 0.1, "share_at_most": most}
        for contrast, term, compartment in study.terms()
        for claim, expected, claimed, most in (("p_below_05", 0.5, 0.4, math.nan), ("q_below_05", math.nan, 0.0, 0.05))
    ]
    scheme = {"n_relabellings": 12, "n_possible": 12, "exact": True, "n_condition": 3, "n_reference": 3}
    write(pd.DataFrame(rows).assign(**scheme, effect_left=0.0), folder, "composition/calibration.tsv")
