"""Activities of pathways and regulators: what they are, and their comparison between donors."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.expression_designs import sheet_of, study_of_kind
from benchmarks.studies import pseudobulk_study
from compartments.compare import activities, donor_scores
from compartments.core.contract import Contract
from compartments.core.left_out import LeftOut
from compartments.study.study import COMPARTMENTS
from tests.compare.test_genesets import scores_of
from tests.support.pseudobulks import lineage_of, study_of
from tests.support.signalling import DONORS, across_of

STEP = "score_activities"
GENES = [f"gene{i:05d}" for i in range(800)]


def rows_of(kind, source, genes, weights):
    return pd.DataFrame({"kind": kind, "source": source, "target": genes, "weight": weights})


NETWORK = pd.concat(
    [
        rows_of("pathway", "SET", GENES[:40], 1.0),
        rows_of("pathway", "OTHER", GENES[100:140], 1.0),
        rows_of("regulator", "UP", GENES[:40], np.linspace(1, 9, 40)),
        rows_of("regulator", "DOWN", GENES[:40], -2.0),
        rows_of("regulator", "FEW", GENES[:4], 1.0),
    ],
    ignore_index=True,
)


@pytest.fixture(scope="module")
def simulated():
    return pseudobulk_study(np.random.default_rng(3), 3, 4, n_genes=800, set_size=40, set_log2fc=2.0)


@pytest.fixture(scope="module")
def scored(simulated):
    left_out = LeftOut(STEP)
    return activities.score_lineages([lineage_of(simulated, name) for name in "AB"], NETWORK, left_out), left_out.rows


def test_an_activity_is_the_slope_on_the_weights(simulated, scored):
    """By hand: least squares of a sample's z-scores on scaled weights that are zero elsewhere."""
    lineage = lineage_of(simulated, "A")
    genes, _, z = donor_scores.standardised(lineage)
    table = scored[0].query("lineage == 'A'").set_index(["source", "sample"])
    for source, rows in NETWORK.groupby("source"):
        if source == "FEW":
            continue
        inside = rows[rows["target"].isin(genes)].set_index("target")["weight"]
        weight = (inside / np.sqrt((inside**2).mean())).reindex(genes).fillna(0).to_numpy()
        slopes = [np.polyfit(weight, values, 1)[0] for values in z]
        np.testing.assert_allclose(table.loc[source, "score"][lineage.samples.index], slopes, atol=1e-6)
        assert (table.loc[source, "n_genes"] == len(inside)).all()
    inside = genes.isin(GENES[:40])
    means = z[:, inside].mean(1) - z[:, ~inside].mean(1)
    np.testing.assert_allclose(table.loc["SET", "score"][lineage.samples.index], means, atol=1e-6)
    np.testing.assert_allclose(table.loc["DOWN", "score"], -table.loc["SET", "score"], atol=1e-6)


def test_the_scale_of_a_network_does_not_matter(simulated, scored):
    lineage = lineage_of(simulated, "A")
    other = NETWORK.assign(weight=NETWORK["weight"] * 17)
    found = activities.score_lineage(lineage, other, LeftOut(STEP))
    first = scored[0][scored[0]["lineage"] == "A"].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, first, check_exact=False, atol=1e-6)


def test_regulators_with_few_targets_are_counted_in_a_reason(scored):
    assert "FEW" not in set(scored[0]["source"])
    reasons = [row["reason"] for row in scored[1]]
    assert reasons == ["not_testable: 1 of 3 regulators have fewer than 5 genes detected, such as FEW"] * 2


def test_a_lineage_of_two_samples_is_left_out(simulated):
    left_out = LeftOut(STEP)
    lineage = lineage_of(simulated, "A", list(simulated.samples["sample"][:2]))
    assert activities.score_lineage(lineage, NETWORK, left_out).empty
    assert left_out.rows[0]["reason"].startswith("not_testable: 2 samples have enough cells")


def test_planted_pathway_and_regulator_are_found_and_values_are_behind_them(simulated, scored):
    study = study_of(simulated)
    joined = donor_scores.add_all_lineages(scored[0], 14, LeftOut(STEP), (), activities.FEATURE)
    assert set(joined["n_lineages"]) == {1, 2} and set(joined["lineage"]) == {"A", "B", "all"}
    found = activities.compare_activities(joined, study, LeftOut(STEP))
    assert set(found.effects) == set(Contract.of(STEP).names("activities/effects.tsv"))
    rows = found.effects[found.effects["term"] == "interaction"].set_index(["source", "lineage"])
    assert (rows.loc["SET", "q_value"] < 0.05).all() and (rows.loc["SET", "estimate"] > 0.5).all()
    assert (rows.loc["UP", "q_value"] < 0.05).all() and (rows.loc["DOWN", "estimate"] < -0.5).all()
    assert (rows.loc["OTHER", "q_value"] > 0.05).all() and set(rows["tier"]) == {"inferential"}
    keys = ["kind", "source", "lineage", "contrast", "term", "compartment"]
    values = found.donors()
    assert list(values.columns.sort_values()) == sorted([*keys, "donor", "condition", "value"])
    means = values.groupby([*keys, "condition"])["value"].mean().unstack()
    effects = found.effects.set_index(keys)["estimate"]
    np.testing.assert_allclose((means["treated"] - means["untreated"])[effects.index], effects)


def test_q_values_are_those_of_a_kind_and_single_lineages(simulated, scored):
    """An unrelated kind in the table changes no q of the other."""
    study = study_of(simulated)
    both = activities.compare_activities(scored[0], study, LeftOut(STEP)).effects
    alone = activities.compare_activities(scored[0].query("kind == 'pathway'"), study, LeftOut(STEP)).effects
    keys = ["source", "lineage", "term", "compartment"]
    one, two = (t.query("kind == 'pathway'").set_index(keys) for t in (both, alone))
    assert list(one.index) == list(two.index)
    families = both.query("kind == 'pathway'").groupby("term")["p_value"]
    lowest = families.transform(lambda p: p.min() * len(p))
    assert (one["q_value"].to_numpy() <= np.minimum(lowest, 1).max() + 1e-12).all()


@pytest.mark.parametrize("kind", DONORS)
def test_every_kind_of_contrast_is_compared_by_the_same_engine(kind):
    study = study_of_kind(sheet_of(kind, DONORS[kind]))
    scores = scores_of(study).rename(columns={"gene_set": "source"}).assign(kind="pathway")
    found = activities.compare_activities(scores, study, LeftOut(STEP)).effects
    rows = found[(found["term"] == across_of(kind)) & (found["source"] == "SET")]
    assert (rows["estimate"] - 1.5).abs().max() < 0.4 and (rows["p_value"] < 0.01).all()
    if kind != COMPARTMENTS:
        within = found[(found["term"] == "within:blood") & (found["source"] == "SET")]
        assert len(within) and within["estimate"].abs().max() < 0.4


def test_nothing_to_compare_is_an_empty_table():
    study = study_of_kind(sheet_of("within", 5))
    scores = scores_of(study).rename(columns={"gene_set": "source"}).assign(kind="pathway")
    found = activities.compare_activities(scores.iloc[:0], study, LeftOut(STEP))
    assert found.effects.empty and found.donors().empty
