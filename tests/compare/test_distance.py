"""E-distance: the definition over all pairs of cells, its scale, and what is left out."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist, pdist

from benchmarks.expression_designs import sheet_of, study_of_kind
from compartments.compare import distance
from compartments.core.left_out import LeftOut
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet
from compartments.study.study import CHANGE, COMPARTMENTS, MIXED, TREND, WITHIN
from tests.support.signalling import DONORS, strength


def distances(cells, pca, study):
    """The table, and the reasons for what it lacks."""
    left_out = LeftOut("compare_coupling")
    return distance.arm_distances(cells, pca, study, left_out), left_out.rows


def cloud(rng, study, shift, compartment="CSF"):
    """Cells of two lineages, 30 per sample; lineage A of the condition is moved in one compartment."""
    cells = study.samples.loc[study.samples.index.repeat(60)].reset_index(drop=True)
    cells["lineage"] = np.where(np.arange(len(cells)) % 2, "A", "B")
    moved = (cells["condition"] == "t") & (cells["compartment"] == compartment) & (cells["lineage"] == "A")
    return cells[["sample", "lineage"]], rng.normal(size=(len(cells), 4)) + shift * moved.to_numpy()[:, None]


@pytest.fixture
def study():
    rows = ["sample,donor,compartment,condition,filtered"]
    for number in range(5):
        for compartment in ("blood", "CSF"):
            arm = "t" if number < 2 else "u"
            rows += [f"{number}{compartment},{number},{compartment},{arm},x.h5"]
    return make_study(parse_samplesheet("\n".join(rows)), reference_compartment="blood", reference_condition="u")


def test_equals_the_definition_over_pairs():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(7, 3)), rng.normal(size=(5, 3)) + 0.5
    between = cdist(x, y, "sqeuclidean").mean()
    expected = 2 * between - pdist(x, "sqeuclidean").mean() - pdist(y, "sqeuclidean").mean()
    assert distance.e_distance(x, y) == pytest.approx(expected, rel=1e-12)


def test_a_moved_lineage_stands_out_and_no_other(study):
    cells, pca = cloud(np.random.default_rng(2), study, 2.0)
    table, skipped = distances(cells, pca, study)
    table = table.set_index(["compartment", "lineage"])
    assert not skipped and (table["tier"] == "descriptive").all()
    assert table.loc[("CSF", "A"), "edistance"] == pytest.approx(2 * 4 * 2.0**2, rel=0.2)
    still = table.drop(("CSF", "A"))
    assert (still["edistance"].abs() < 1).all() and (table["edistance_reference_donors"].abs() < 1).all()
    numbers = table.loc[("CSF", "A"), ["n_cells_condition", "n_cells_reference", "n_condition", "n_reference"]]
    assert numbers.tolist() == [60, 90, 2, 3]


def test_an_arm_with_few_cells_is_left_out_with_the_reason(study):
    cells, pca = cloud(np.random.default_rng(3), study, 0.0)
    lost = cells["sample"].isin(["0CSF", "1CSF"]) & (cells["lineage"] == "B")
    lost.iloc[np.flatnonzero(lost)[:4]] = False
    table, skipped = distances(cells[~lost].reset_index(drop=True), pca[~lost], study)
    assert len(table) == 3 and len(skipped) == 1
    assert skipped[0]["lineage"] == "B" and "in CSF: 4 cells of t, 90 cells of u" in skipped[0]["reason"]


def spread_cloud(rng, study, shift=2.0):
    """Cells of two lineages, 30 per sample, of donors who lie far apart; A is moved where an effect is."""
    cells = study.samples.loc[study.samples.index.repeat(60)].reset_index(drop=True)
    cells["lineage"] = np.where(np.arange(len(cells)) % 2, "A", "B")
    donors = rng.normal(0, 5, (cells["donor"].nunique(), 4))[cells["donor"].factorize()[0]]
    moved = np.array([strength(row) for row in cells.to_dict("records")]) * (cells["lineage"] == "A")
    return cells[["sample", "lineage"]], rng.normal(size=(len(cells), 4)) + donors + shift * moved.to_numpy()[:, None]


@pytest.mark.parametrize("kind", [WITHIN, COMPARTMENTS])
def test_of_donors_who_are_their_own_controls_it_is_their_own_distance(kind):
    study = study_of_kind(sheet_of(kind, 5))
    table, skipped = distances(*spread_cloud(np.random.default_rng(4), study), study)
    table = table.set_index(["compartment", "lineage"])
    assert table.loc[("CSF", "A"), "edistance"] == pytest.approx(2 * 4 * 2.0**2, rel=0.1) and not skipped
    assert (table.drop(("CSF", "A"))["edistance"].abs() < 1).all() and len(table) == (4 if kind == WITHIN else 2)
    assert (table["edistance_reference_donors"] > 100).all()  # how far donors lie apart does not come in
    numbers = table.loc[("CSF", "A"), ["n_cells_condition", "n_cells_reference", "n_condition", "n_reference"]]
    assert numbers.tolist() == [150, 150, 5, 5]


def test_a_donor_with_few_cells_before_does_not_count_after():
    study = study_of_kind(sheet_of(WITHIN, 3))
    cells, pca = spread_cloud(np.random.default_rng(5), study)
    lost = (cells["sample"] == "D00_CSF_baseline") & (cells["lineage"] == "A")
    few = lost | (cells["sample"].str.contains("_CSF_after") & (cells["lineage"] == "B"))
    table, skipped = distances(cells[~few].reset_index(drop=True), pca[~few], study)
    row = table.set_index(["compartment", "lineage"]).loc[("CSF", "A")]
    assert (row["n_condition"], row["n_cells_condition"]) == (2, 60) and row["edistance"] > 25
    assert [(r["lineage"], r["reason"]) for r in skipped] == [
        ("B", "E-distance in CSF: no donor has 10 cells of both after and baseline")
    ]


@pytest.mark.parametrize(("kind", "rows"), [(MIXED, 4), (CHANGE, 0), (TREND, 0)])
def test_arms_of_some_paired_donors_are_whole_and_changes_have_none(kind, rows):
    study = study_of_kind(sheet_of(kind, DONORS[kind]))
    table, skipped = distances(*spread_cloud(np.random.default_rng(6), study), study)
    assert len(table) == rows and len(skipped) == (0 if rows else 2)
    if rows:
        assert set(table["n_condition"]) == {6} and set(table["n_cells_reference"]) == {180}


def test_cells_of_all_captures_of_a_specimen_count():
    sheet = sheet_of(WITHIN, 3)
    twice = sheet.assign(sample=sheet["sample"] + "_again")
    study = study_of_kind(pd.concat([sheet, twice]).sort_values(["donor", "compartment", "condition"]))
    table, _ = distances(*spread_cloud(np.random.default_rng(4), study), study.of_specimens())
    assert set(table["n_cells_condition"]) == {180} and set(table["n_condition"]) == {3}
