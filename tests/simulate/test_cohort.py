"""A cohort: its samplesheet is one, and its truth is in the cells."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from compartments.core.gene_sets import read_gmt
from compartments.simulate.cohort import Cohort, true_cells
from compartments.simulate.designs import DESIGNS, sampled
from compartments.simulate.presets import DROPLET_BASE, effects_in
from compartments.simulate.settings import Settings
from compartments.simulate.sources import ProfileSource
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet


@pytest.fixture(scope="module")
def plan(root):
    """Plan a small cohort of a preset."""
    source = ProfileSource(root / "assets" / "profiles.tsv.gz", 2000)
    gene_sets = read_gmt(root / "assets" / "migration_sets.gmt")

    def planned(preset, given=(), **changes):
        usual = DESIGNS[preset].usual if preset in DESIGNS else {}
        small = {"cells": {"CSF": 50, "blood": 105}, "empties": 60, "preset": preset}
        base = sampled(DROPLET_BASE, list(given), preset)
        settings = dataclasses.replace(Settings(), **(usual | small | changes))
        return Cohort.plan(settings, source, base, effects_in(preset, base), gene_sets)

    return planned


def test_samplesheet_is_accepted(cohort):
    sheet = parse_samplesheet((cohort / "samplesheet.csv").read_text())
    study = make_study(sheet)
    assert study.reference_compartment == "blood" and study.absolute
    assert study.contrasts[["condition", "reference"]].values.tolist() == [["alemtuzumab", "untreated"]]
    assert (sheet["simulated"] == "true").all() and (sheet["filtered"] == "").all()
    assert len(sheet) == 12 and all((cohort / path).is_file() for path in sheet["raw"])


def test_planted_effects_are_in_the_cells(cohort):
    """Migration genes up in treated CSF, in lineages that migrate; not in blood."""
    import anndata

    planted = pd.read_csv(cohort / "truth" / "migration_genes.tsv", sep="\t")
    samples = pd.read_csv(cohort / "truth" / "samples.tsv", sep="\t")
    assert set(planted["compartment"]) == {"CSF"}
    rows = []
    for row in samples.itertuples():
        truth = anndata.read_h5ad(cohort / "truth" / f"{row.sample}.h5ad")
        genes = truth.var_names.isin(planted["gene"])
        counts = truth.layers["native"][(truth.obs["lineage"] == "CD4_T").to_numpy()]
        rows.append((row.compartment, row.condition, counts[:, genes].sum() / counts.sum()))
    share = (
        pd.DataFrame(rows, columns=["compartment", "condition", "share"])
        .groupby(["compartment", "condition"])["share"]
        .mean()
    )
    assert np.log2(share["CSF", "alemtuzumab"] / share["CSF", "untreated"]) == pytest.approx(0.9, abs=0.4)
    assert abs(np.log2(share["blood", "alemtuzumab"] / share["blood", "untreated"])) < 0.4


def test_two_arms_of_donors_are_what_they_were(plan):
    """Cohorts of a seed do not change with the designs that came later: the numbers are of the commit before them."""
    cohort = plan("alemtuzumab", seed=11, n_condition=1, n_reference=1)
    sheet = cohort.samplesheet()
    assert "group" not in sheet and sheet["sample"].tolist() == ["D01_CSF", "D01_blood", "D02_CSF", "D02_blood"]
    assert sheet["expected_cells"].tolist() == [40, 81, 45, 96]
    assert sheet["cells_per_ul"].tolist() == ["1.142", "2039", "2.961", "6725"]
    drawn = [(int(sample.native.sum()), int(sample.ambient.sum())) for _, sample in cohort.draw()]
    assert drawn == [(141498, 3283), (268141, 6859), (154105, 3748), (281641, 7943)]


@pytest.mark.parametrize(
    ("preset", "kinds"),
    [
        ("before_after", ["within"]),
        ("time_points", ["within", "within"]),
        ("before_after_controlled", ["within", "within", "change"]),
        ("one_condition", ["compartments"]),
        ("one_compartment", ["between"]),
    ],
)
def test_samplesheet_of_a_design_asks_its_questions(plan, preset, kinds):
    cohort = plan(preset)
    sheet = parse_samplesheet(cohort.samplesheet().to_csv(index=False))
    assert ("group" in sheet) == (preset == "before_after_controlled")
    study = make_study(sheet)
    assert study.contrasts["kind"].tolist() == kinds and study.reference_compartment == "blood"
    assert study.absolute == (preset != "one_condition")
    assert study.compartments == ["blood", "CSF"][: 1 + (preset != "one_compartment")]


def test_unpaired_donors_make_a_mixed_study(plan):
    sheet = parse_samplesheet(plan("before_after", n_reference=2).samplesheet().to_csv(index=False))
    assert make_study(sheet).contrasts["kind"].tolist() == ["mixed"]


def test_effects_of_a_design_are_in_its_cells(plan):
    """After against before in treated donors; nothing in controls, who are sampled twice too."""
    cohort = plan("before_after_controlled", n_condition=1, n_reference=1, cells={"CSF": 250, "blood": 20})
    genes = cohort.expression.query("kind == 'migration' and lineage == 'CD4_T'")["gene"]
    raised = cohort.source.genes.isin(genes)
    share = {}
    for number, row in enumerate(cohort.samples.itertuples()):
        if row.compartment == "CSF":
            sample = cohort.draw_one(number, np.random.default_rng(number))
            counts = sample.native[np.flatnonzero(sample.cells["lineage"] == "CD4_T")]
            share[row.group, row.condition] = np.log2(counts[:, np.flatnonzero(raised)].sum() / counts.sum())
    assert share["treated", "after"] - share["treated", "before"] == pytest.approx(0.9, abs=0.4)
    assert abs(share["control", "after"] - share["control", "before"]) < 0.4


def test_truth_of_one_condition_is_between_compartments(plan):
    cohort = plan("one_condition", n_reference=1)
    truth = cohort.truth([true_cells(row.sample, sample) for row, sample in cohort.draw()])
    effects = truth["lineage_effects.tsv"].set_index("lineage")["CSF_vs_blood"]
    shares = DROPLET_BASE / DROPLET_BASE.sum()
    assert effects["pDC"] == pytest.approx(np.log2(shares.loc["pDC", "CSF"] / shares.loc["pDC", "blood"]))
    assert np.isnan(effects["Granulocyte"])  # none in CSF
    assert set(truth["migration_genes.tsv"]["compartment"]) == {"CSF"} and len(truth["interactions.tsv"]) == 15
    assert "group" not in truth["samples.tsv"] and "dose" not in truth["samples.tsv"]
    raised = cohort.expression.query("kind == 'hub'").iloc[0]
    at = cohort.source.lineages.index("pDC"), cohort.source.genes.get_loc(raised["gene"])
    assert cohort.changed["CSF"][at] == pytest.approx(2 ** raised["log2fc"]) and cohort.changed["blood"][at] == 1


def test_truth_of_a_single_compartment_has_no_interaction(plan):
    for given in ("blood", "CSF"):
        cohort = plan("one_compartment", [given])
        effects = cohort.lineage_effects()
        assert list(effects) == [given] and effects.loc["pDC", given] == {"blood": -3.0, "CSF": 0.0}[given]
        assert set(cohort.expression["compartment"]) == {given}
    assert plan("before_after").described()["arms"][0]["doses"] == {"before": 0.0, "after": 1.0}
    assert "arms" not in plan("null").described()
