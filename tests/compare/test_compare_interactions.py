"""The step and all of its comparisons together."""

from functools import partial

import numpy as np
import pandas as pd

from compartments.compare import across, pair_scores, pathways
from compartments.compare.compare_interactions import assume
from compartments.compare.edges import compare_edges
from compartments.compare.hubs import compare_centrality
from compartments.compare.liana import COLUMNS
from compartments.core.contract import Contract
from compartments.core.left_out import LeftOut
from tests.support.signalling import (
    GENES,
    GROUPS,
    PAIRS,
    STEP,
    edge,
    in_arm,
    make_cohort,
    make_networks,
    raise_pair,
    score,
)


def test_executable(execute, tmp_path, root):
    study, pseudobulk = make_cohort(change=raise_pair)
    study.save(tmp_path / "study.json")
    pseudobulk.write_h5ad(tmp_path / "pseudobulk.h5ad")
    pairs, migration, groups = (tmp_path / f"{name}.tsv" for name in ("pairs", "migration", "pathways"))
    PAIRS.to_csv(pairs, sep="\t", index=False)
    migration.write_text("group\trole\tgene\nchemokine\tligand\tL1\nchemokine\treceptor\tR1\n")
    groups.write_text("group\tligand\treceptor\nmine\tL2\tR2\nstrange\tX\tY\n")
    nodes, edges = make_networks(study, in_arm("treated", "CSF", 3.0))
    measures = set(Contract.of(STEP).names("interactions/centrality.tsv")) - {"donor", "compartment", "condition"}
    nodes = nodes.reindex(columns=sorted(measures))
    for kind, table in (("centrality", nodes), ("network", edges)):
        for sample, rows in table.groupby("sample"):
            rows.to_csv(tmp_path / f"{sample}.{kind}.tsv", sep="\t", index=False)
    liana = pd.DataFrame({c: ["A"] for c in ("source", "target", "ligand_complex", "receptor_complex")})
    liana = liana.assign(**dict.fromkeys(COLUMNS[4:], 0.5)).astype({"source": "category"})
    for sample in ("D0_CSF", "D5_blood"):
        liana.assign(sample=sample).to_parquet(tmp_path / f"{sample}.liana.parquet")
    results = tmp_path / "interactions"
    command = ["compare_interactions", "--study", "study.json", "--pseudobulk", "pseudobulk.h5ad"]
    command += ["--lr_resource", pairs, "--migration_pairs", migration, "--groups", groups]
    command += ["--centrality", *sorted(tmp_path.glob("*.centrality.tsv"))]
    command += ["--networks", *sorted(tmp_path.glob("*.network.tsv")), "--liana", *tmp_path.glob("*.liana.parquet")]
    done = execute(*command)
    assert done.returncode == 0, done.stderr
    effects = pd.read_csv(results / "effects.tsv", sep="\t")
    assert edge(effects)["q_value"] < 0.01
    found = pd.read_csv(results / "groups.tsv", sep="\t")
    assert set(found["group"]) == {"chemokine", "mine"}
    hubs = pd.read_csv(results / "centrality_effects.tsv", sep="\t")
    assert hubs["call"].eq("hub_gained_in_CSF").sum() == 1
    donors_behind(results)
    joined = pd.read_parquet(results / "liana.parquet")
    assert joined["sample"].tolist() == ["D0_CSF", "D5_blood"]
    assert joined["condition"].tolist() == ["treated", "control"]
    assert len(pd.read_csv(results / "network.tsv", sep="\t")) == len(edges)
    assert len(pd.read_csv(results / "cross_compartment.tsv", sep="\t"))
    assert list(pd.read_csv(results / "not_testable.tsv", sep="\t"))[-1] == "reason"
    assert "'strange'" in (tmp_path / "skipped.tsv").read_text()
    tables = {p.name: p.read_bytes() for p in results.glob("*effects.tsv")} | {
        "g": (results / "groups.tsv").read_bytes()
    }
    assert execute(*command).returncode == 0
    again = {p.name: p.read_bytes() for p in results.glob("*effects.tsv")} | {
        "g": (results / "groups.tsv").read_bytes()
    }
    assert tables == again

    groups.write_text("group\tligand\nmine\tL2\n")
    bad = execute(*command)
    assert bad.returncode == 2
    assert "column 'receptor' missing" in bad.stderr
    assert len(bad.stderr.strip().splitlines()) == 1
    pairs.write_text("ligand\treceptor\nCcl5\tCcr5\n")
    groups.write_text("group\tligand\treceptor\nmine\tL2\tR2\n")
    bad = execute(*command)
    assert bad.returncode == 2
    assert "none of its 2 genes" in bad.stderr
    assert len(bad.stderr.strip().splitlines()) == 1


def donors_behind(results):
    """The values beside each table of estimates: without weights the differences of their means are the estimates."""
    tables = {
        "edge_donors.parquet": ("effects.tsv", ["source", "target", "ligand", "receptor"], "log2fc"),
        "group_donors.tsv": ("groups.tsv", ["group", "level", "source", "target"], "estimate"),
        "centrality_donors.tsv": ("centrality_effects.tsv", ["network", "lineage"], "estimate"),
    }
    for place, (effects, keys, estimate) in tables.items():
        read = pd.read_parquet if place.endswith("parquet") else partial(pd.read_csv, sep="\t")
        values, rows = read(results / place), pd.read_csv(results / effects, sep="\t")
        keys = [*keys, "contrast", "term", "compartment"]
        means = values.groupby([*keys, "condition"], observed=True)["value"].mean().unstack()
        rows = rows[rows[estimate].notna()].set_index(keys)[estimate]
        assert len(rows) and set(means.index) == set(rows.index), place
        np.testing.assert_allclose((means["treated"] - means["control"])[rows.index], rows, atol=0.1)
        assert values.groupby(keys, observed=True)["donor"].nunique().between(2, 8).all()


def test_unpaired_donors_have_no_interaction_but_within_terms():
    study, pseudobulk = make_cohort()
    kept = [f"D{d}_{'CSF' if d % 2 else 'blood'}" for d in range(8)]
    study = study.subset(kept)
    pseudobulk = pseudobulk[pseudobulk.obs["sample"].isin(kept)].copy()
    scores = score(study, pseudobulk)
    effects = compare_edges(study, scores, LeftOut(STEP)).effects
    assert set(effects["term"]) == {"within:CSF", "within:blood"}
    assert set(effects["tier"]) == {"exploratory"}
    left_out = LeftOut(STEP)
    table = pathways.compare_groups(study, scores, GROUPS, left_out).effects
    assert set(table["term"]) == {"within:CSF", "within:blood"}
    assert any("interaction" in row["reason"] for row in left_out.rows)
    nodes, edges = make_networks(study, lambda row: 1.0)
    hubs = compare_centrality(study, nodes, edges, LeftOut(STEP)).effects
    assert set(hubs["term"]) == {"within:CSF", "within:blood"}
    assert len(across.cross_compartments(study, scores, GROUPS, LeftOut(STEP))) == 0


def test_ambient_that_nobody_removed_makes_no_edge():
    """L1 of B leaks into all cells of treated CSF: an edge of every lineage rises, and none is tested but B's."""

    def leak(rate, row):
        rate[GENES.index("L1")] = 60.0 if row["lineage"] == "B" else 0.2
        if row["condition"] == "treated" and row["compartment"] == "CSF":
            rate[GENES.index("L1")] += 6.0
        return rate

    study, pseudobulk = make_cohort(change=leak)
    resource = PAIRS[:2]
    found = {}
    for taken in (False, True):
        left_out = LeftOut(STEP)
        if taken:
            assume(pseudobulk, left_out)
            assert "no ambient RNA was removed from 16 samples" in left_out.rows[0]["reason"]
        scores = pair_scores.score_pseudobulk(pseudobulk, study.samples["sample"], resource)
        effects = compare_edges(study, scores, left_out).effects
        found[taken] = effects[(effects["ligand"] == "L1") & (effects["source"] != "B")]
    assert (found[False]["q_value"] < 0.05).any()
    assert set(found[True]["status"]) == {"ambient"} and found[True]["p_value"].isna().all()
    others = effects[(effects["ligand"] == "L2") | (effects["source"] == "B")]
    assert (others["status"] == "tested").mean() > 0.6
