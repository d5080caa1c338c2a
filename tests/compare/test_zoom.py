"""Subclusters of a lineage, and their shares compared between donors."""

from dataclasses import replace

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from benchmarks.expression_designs import sheet_of, study_of_kind
from compartments.cohort.embedding import Settings
from compartments.compare import zoom
from compartments.core.contract import Contract
from compartments.core.errors import UserError
from compartments.core.left_out import LeftOut
from compartments.core.matrix import log_normalise
from compartments.study.study import COMPARTMENTS
from tests.support.cohorts import study_of
from tests.support.signalling import DONORS, across_of

STEP = "zoom_lineages"
SETTINGS = Settings(seed=1, resolution=0.3)
GENES = [f"g{i}" for i in range(300)]
N_CELLS = 60  # of the lineage in a sample


def share_of(row):
    """Of the first kind of cells: a half, and four fifths in treated CSF."""
    return 0.8 if (row["condition"], row["compartment"]) == ("treated", "CSF") else 0.5


def samples_of(n=4):
    rows = [
        (f"{donor}_{place}", donor, place, condition)
        for condition, letter in (("treated", "T"), ("untreated", "U"))
        for donor in (f"{letter}{i}" for i in range(n))
        for place in ("blood", "CSF")
    ]
    return pd.DataFrame(rows, columns=["sample", "donor", "compartment", "condition"])


def write_cohort(path, samples, seed=0, rare=2):
    """Cells of two kinds of a lineage, told apart by 30 genes each, a few rare ones and other cells; the truth."""
    rng = np.random.default_rng(seed)
    base = rng.gamma(1, 1, len(GENES)) + 0.3
    kinds = np.tile(base, (3, 1))
    for kind in range(3):
        kinds[kind, 30 * kind : 30 * kind + 30] *= 6
    tables, counts, donors = [], [], {}
    for row in samples.to_dict("records"):
        donor = donors.setdefault(row["donor"], np.exp(rng.normal(0, 0.1, len(GENES))))
        kind = np.r_[(rng.random(N_CELLS) > share_of(row)).astype(int), np.full(10 + rare, 2)]
        lineage = np.repeat(["T", "other", "rare"], [N_CELLS, 10, rare])
        tables.append(pd.DataFrame({**row, "barcode": [f"B{i}" for i in range(len(kind))], "lineage": lineage}))
        tables[-1]["kind"] = kind
        counts.append(rng.poisson(kinds[kind] * donor))
    obs, matrix = pd.concat(tables, ignore_index=True), sparse.csr_matrix(np.vstack(counts))
    obs.index = obs["sample"] + ":" + obs["barcode"]
    var = pd.DataFrame({"everywhere": np.arange(len(GENES)) != 299}, index=GENES)
    values = sparse.csr_matrix(log_normalise(matrix), dtype=np.float32)
    anndata.AnnData(values, obs=obs.drop(columns="kind"), var=var).write_h5ad(path)
    return obs


@pytest.fixture(scope="module")
def looked(tmp_path_factory):
    path = tmp_path_factory.mktemp("zoom") / "cohort.h5ad"
    truth = write_cohort(path, samples_of())
    study, left_out = study_of(samples_of()), LeftOut(STEP)
    return path, truth, study, zoom.zoom(str(path), "T", study, SETTINGS, left_out), left_out


def test_cells_of_two_kinds_are_two_subclusters(looked):
    _, truth, _, found, _ = looked
    cells = found.cells.merge(truth, on=["sample", "barcode"], validate="1:1")
    assert len(cells) == len(found.cells) == (truth["lineage"] == "T").sum() and list(found.cells) == zoom.CELLS
    assert found.cells["subcluster"].nunique() == 2
    assert pd.crosstab(cells["kind"], cells["subcluster"]).max(axis=1).sum() / len(cells) > 0.98
    table = found.clusters.set_index("subcluster")
    assert list(table.index) == ["T_1", "T_2"] and table["n_cells"].is_monotonic_decreasing
    first = cells.loc[cells["subcluster"] == "T_1", "kind"].mode()[0]
    markers = table.loc["T_1", "markers"].split(", ")
    assert len(markers) == 10 and {int(gene[1:]) // 30 for gene in markers} == {first}
    assert (table["n_donors"] == 8).all() and (table["n_samples"] == 16).all()


def test_shares_within_the_lineage_are_compared_as_compositions(looked):
    """The planted share is found where it is; a share does not hang on how many cells the lineage has."""
    _, truth, _, found, _ = looked
    assert set(Contract.of(STEP).names("zoom/effects.tsv")) <= set(found.effects)
    rows = found.effects.set_index(["term", "subcluster"])
    up = found.cells.merge(truth, on=["sample", "barcode"]).query("kind == 0")["subcluster"]
    up = up.mode()[0]
    (down,) = {"T_1", "T_2"} - {up}
    assert rows.loc[("within:CSF", up), "log2fc"] == pytest.approx(np.log2(0.8 / 0.5), abs=0.25)
    assert rows.loc[("within:CSF", down), "log2fc"] == pytest.approx(np.log2(0.2 / 0.5), abs=0.4)
    assert (rows.loc["within:CSF", "p_value"] < 0.01).all() and (rows.loc["interaction", "q_value"] < 0.05).all()
    assert (rows.loc["within:blood", "ci_low"] < 0).all() and (rows.loc["within:blood", "ci_high"] > 0).all()
    assert set(rows["tier"]) == {"inferential"} and set(rows["lineage"]) == {"T"}


def test_donors_values_are_log_shares(looked):
    _, _, _, found, _ = looked
    assert set(Contract.of(STEP).names("zoom/donors.tsv")) <= set(found.donors)
    rows = found.donors[found.donors["term"] == "within:CSF"].set_index(["donor", "subcluster"])
    counts = found.counts.pivot(index="sample", columns="subcluster", values="n_cells")
    for (donor, name), row in rows.iterrows():
        sample = counts.loc[f"{donor}_CSF"]
        assert row["n_cells"] == sample[name] and sample.sum() == N_CELLS
        assert row["log2_sample"] == pytest.approx(np.log2((sample[name] + 0.5) / N_CELLS), abs=0.02)


def test_the_same_cells_give_the_same_tables(looked):
    path, _, study, found, _ = looked
    again = zoom.zoom(str(path), "T", study, SETTINGS, LeftOut(STEP))
    for name in ("cells", "clusters", "counts", "effects", "donors"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(found, name))


def test_too_few_cells_and_a_single_cluster_are_reasons(looked):
    path, _, study, _, _ = looked
    left_out = LeftOut(STEP)
    assert zoom.zoom(str(path), "rare", study, SETTINGS, left_out) is None
    assert zoom.zoom(str(path), "absent", study, SETTINGS, left_out) is None
    assert zoom.zoom(str(path), "other", study, replace(SETTINGS, resolution=0.001), left_out) is None
    assert [(row["lineage"], row["reason"]) for row in left_out.rows] == [
        ("rare", "not_testable: 32 cells in the cohort, --zoom needs 50"),
        ("absent", "not_testable: 0 cells in the cohort, --zoom needs 50"),
        ("other", "not_testable: one cluster at --zoom_resolution 0.001, nothing to compare"),
    ]


def test_a_sample_without_cells_of_the_lineage_is_a_reason(looked):
    _, _, study, found, _ = looked
    counts = found.counts.assign(n_cells=found.counts["n_cells"].mask(found.counts["sample"] == "T0_CSF", 0))
    left_out = LeftOut(STEP)
    effects, donors = zoom.compare_shares(counts, study, "T", 1, left_out)
    (row,) = left_out.rows
    assert (row["stage"], row["sample"], row["lineage"]) == (STEP, "T0_CSF", "T") and "no cells" in row["reason"]
    numbers = effects.groupby("term")["n_condition"].first()
    assert numbers.to_dict() == {"interaction": 3, "within:CSF": 3, "within:blood": 4}
    assert "T0" not in set(donors.loc[donors["term"] == "within:CSF", "donor"])


def test_a_lineage_that_one_model_can_name_is_compared_within_its_compartment_only(looked):
    _, _, study, found, _ = looked
    named = {"lineage": {"CSF": ["T"], "blood": ["B"]}, "lineage_broad": {"CSF": ["x"], "blood": ["x"]}}
    left_out = LeftOut(STEP)
    effects, _ = zoom.compare_shares(found.counts, replace(study, named=named), "T", 1, left_out)
    assert not effects.loc[effects["term"] == "interaction", "p_value"].notna().any()
    assert effects.loc[effects["term"] == "within:CSF", "p_value"].notna().all()
    assert any("the model of CSF can name it" in row["reason"] for row in left_out.rows)


def test_a_batch_that_is_no_column_is_said(looked):
    path, _, study, _, _ = looked
    with pytest.raises(UserError, match="--integration_key 'site' is not a column"):
        zoom.zoom(str(path), "T", study, Settings(key="site"), LeftOut(STEP))


@pytest.mark.parametrize("kind", DONORS)
def test_every_kind_of_contrast_is_compared(kind):
    study = study_of_kind(sheet_of(kind, DONORS[kind]))
    rng = np.random.default_rng(2)
    counts = pd.DataFrame({"sample": study.samples["sample"], "a": rng.poisson(300, len(study.samples))})
    counts = counts.assign(b=rng.poisson(200, len(counts))).melt("sample", var_name="subcluster", value_name="n_cells")
    effects, _ = zoom.compare_shares(counts, study, "T", 1, LeftOut(STEP))
    rows = effects[effects["term"] == across_of(kind)]
    assert set(rows["subcluster"]) == {"a", "b"} and rows["p_value"].notna().all()
    assert rows["log2fc"].abs().max() < 0.5 and (kind == COMPARTMENTS or (effects["term"] == "within:CSF").any())


def test_sorted_fractions_weigh_by_all_cells_that_were_captured():
    """CD4+ (.3 of the cells) are all T_1, of CD4- (.7) a fifth is T_2: of T cells .3 / .44 are T_1."""
    rows = [
        {"sample": f"P{i}_{name}", "donor": f"P{i}", "compartment": "CSF", "condition": condition}
        | {"fraction": name, "fraction_share": share}
        for i, condition in enumerate(["treated", "control"] * 3)
        for name, share in (("CD4pos", 0.3), ("CD4neg", 0.7))
    ]
    study = study_of(pd.DataFrame(rows))
    samples, positive = study.samples["sample"], study.samples["fraction"].eq("CD4pos").to_numpy()

    def counted(of_positive, of_negative):
        states = {name: np.where(positive, of_positive[k], of_negative[k]) for k, name in enumerate(("T_1", "T_2"))}
        return pd.DataFrame(states | {"sample": samples}).melt("sample", var_name="subcluster", value_name="n_cells")

    captured = pd.Series(2000, index=samples)
    _, donors = zoom.compare_shares(counted((2000, 0), (0, 400)), study, "T", 1, LeftOut(STEP), captured)
    cells = donors.pivot_table(index="donor", columns="subcluster", values="n_cells")
    assert (cells["T_1"] / cells.sum(axis=1)).to_numpy() == pytest.approx(0.3 / 0.44, abs=0.001)
    # a fraction without a cell of the lineage has none of it, which is no reason to leave its specimen out
    left_out = LeftOut(STEP)
    effects, _ = zoom.compare_shares(counted((0, 0), (100, 300)), study, "T", 1, left_out, captured)
    assert len(effects) == 2 and not left_out.rows
