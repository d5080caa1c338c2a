"""Donors and samples: several conditions of a donor, what its samples share, a traumatic tap."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from compartments.core.errors import UserError
from compartments.simulate.designs import DESIGNS
from compartments.simulate.people import Noise, plan_donors, plan_samples
from compartments.simulate.presets import DROPLET_BASE, effects_in
from compartments.simulate.settings import Settings
from compartments.simulate.sources import ProfileSource
from compartments.study.samplesheet import parse_samplesheet
from tests.support.simulated import SMALL


def settings_of(preset, **changes):
    return dataclasses.replace(Settings(), preset=preset, **(DESIGNS[preset].usual | changes))


def planned(settings, base=DROPLET_BASE):
    effects = effects_in(settings.preset, base)
    return plan_samples(np.random.default_rng(1), settings, plan_donors(settings), base, effects)


def test_donors_have_their_conditions_in_order():
    donors = plan_donors(settings_of("before_after", n_condition=2, n_reference=1))
    found = donors[["donor", "condition", "dose"]].to_numpy().tolist()
    both = [[donor, *visit] for donor in ("D01", "D02") for visit in (("before", 0.0), ("after", 1.0))]
    assert found == [*both, ["D03", "before", 0.0]]
    assert (donors.groupby("donor")[["sex", "batch", "group"]].nunique() == 1).all(axis=None)
    groups = plan_donors(settings_of("before_after_controlled"))
    assert groups.groupby("group")["donor"].nunique().to_dict() == {"control": 3, "treated": 3}


@pytest.mark.parametrize(
    ("preset", "n", "columns"),
    [
        ("before_after", 16, ["donor", "compartment", "condition"]),
        ("before_after_controlled", 24, ["donor", "compartment", "condition"]),
        ("time_points", 18, ["donor", "compartment", "condition"]),
        ("one_condition", 8, ["donor", "compartment"]),
    ],
)
def test_a_sample_of_each_donor_compartment_and_condition(preset, n, columns):
    samples, proportions = planned(settings_of(preset))
    assert len(samples) == n == len(samples.drop_duplicates(columns)) and samples["sample"].is_unique
    assert list(proportions.index) == samples["sample"].tolist()
    assert np.allclose(proportions.sum(axis=1), 1)


def test_samples_of_a_donor_share_what_is_its_own():
    """Correlation of abundance within donors is that of the two spreads; none between donors."""
    settings = settings_of("before_after", n_condition=300)
    samples, proportions = planned(settings, DROPLET_BASE.loc[:, ["blood"]])
    logs = np.log(proportions.loc[:, (proportions > 0).all()].to_numpy())
    changed = logs - logs.mean(axis=1, keepdims=True)
    before, after = (changed[(samples["condition"] == name).to_numpy()] for name in ("before", "after"))
    before, after = before - before.mean(axis=0), after - after.mean(axis=0)
    rho = settings.sd_donor**2 / (settings.sd_donor**2 + settings.sd_sample**2)
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] == pytest.approx(rho, abs=0.04)
    assert np.corrcoef(before.ravel(), np.roll(after, 1, axis=0).ravel())[0, 1] == pytest.approx(0, abs=0.04)


def test_half_of_the_effects_at_the_second_time_point():
    settings = settings_of("time_points", n_condition=300)
    samples, proportions = planned(settings, DROPLET_BASE.loc[:, ["blood"]])
    ratio = np.log2(proportions["CD4_T"] / proportions["cMono"]).to_numpy()
    means = pd.Series(ratio).groupby(samples["condition"].to_numpy()).mean()
    assert means["m1"] - means["baseline"] == pytest.approx(-1.25, abs=0.15)  # half of -3 + 0.5
    assert means["m6"] - means["baseline"] == pytest.approx(-2.5, abs=0.15)


def test_expression_of_a_donor_is_its_own_in_every_sample(root):
    source = ProfileSource(root / "assets" / "profiles.tsv.gz", 600)
    settings = settings_of("before_after", batches=1)
    samples, _ = planned(settings)
    noise = Noise(settings, source, list(DROPLET_BASE.columns))
    rows = samples[(samples["compartment"] == "blood") & samples["donor"].isin(["D01", "D03"])]  # women, the reference
    numbers = samples["donor"].factorize()[0]
    own = [noise.factors(row, numbers[row.Index], row.Index) for row in rows.itertuples()]
    logs = [np.log(factors[:, factors[0] > 0]).ravel() for factors in own]
    shared = settings.sd_expression_donor**2
    rho = (shared + settings.sd_batch**2) / (shared + settings.sd_batch**2 + settings.sd_expression_sample**2)
    other = settings.sd_batch**2 / (shared + settings.sd_batch**2 + settings.sd_expression_sample**2)
    found = np.corrcoef(logs)
    assert found[0, 1] == pytest.approx(rho, abs=0.03) and found[2, 3] == pytest.approx(rho, abs=0.03)
    assert found[:2, 2:] == pytest.approx(other, abs=0.03)


def test_a_design_needs_donors():
    for preset, arm in (("before_after", "condition"), ("before_after_controlled", "reference")):
        with pytest.raises(UserError, match=f"0 donors in the {arm} arm: give at least one donor per arm"):
            plan_donors(settings_of(preset, **{f"n_{arm}": 0}))


def test_a_single_compartment_has_no_traumatic_tap():
    with pytest.raises(UserError, match="--traumatic_tap 'D01': blood gets into another compartment; sample two"):
        planned(settings_of("one_compartment", traumatic_tap="D01"), DROPLET_BASE.loc[:, ["blood"]])


def test_traumatic_tap_and_decoys_preset(execute, tmp_path):
    done = execute("simulate_cohort", "--preset", "decoys", "--outdir", "decoys", "--filtered", *SMALL)
    assert done.returncode == 0, done.stderr
    samples = pd.read_csv(tmp_path / "decoys" / "truth" / "samples.tsv", sep="\t").set_index("sample")
    assert samples.index[samples["admixture"] > 0].tolist() == ["D01_CSF"]
    import anndata

    red = {
        sample: anndata.read_h5ad(tmp_path / "decoys" / "truth" / f"{sample}.h5ad")
        .var["soup"][["HBB", "HBA1", "HBA2"]]
        .sum()
        for sample in ("D01_CSF", "D02_CSF", "D02_blood")
    }
    assert red["D01_CSF"] == pytest.approx(0.6, abs=0.06) and red["D02_CSF"] == pytest.approx(0.3, abs=0.06)
    assert red["D02_blood"] < 0.12
    effects = pd.read_csv(tmp_path / "decoys" / "truth" / "expression_effects.tsv", sep="\t")
    wide = effects.pivot(index=["gene", "lineage"], columns="compartment", values="log2fc")
    assert len(wide) and (wide["CSF"] == wide["blood"]).all()
    sheet = parse_samplesheet((tmp_path / "decoys" / "samplesheet.csv").read_text())
    assert all((tmp_path / "decoys" / path).is_file() for path in sheet["filtered"])
