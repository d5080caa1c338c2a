"""Sums per sample and lineage."""

import numpy as np
import pytest

from compartments.cohort import tallies
from compartments.cohort.pseudobulk import lineages, read_pseudobulk
from compartments.core.errors import CountsChanged, UserError
from compartments.core.left_out import LeftOut
from compartments.core.matrix import memberships
from tests.support.samples import LINEAGES, cells_of, merge_all


def test_pseudobulk_and_counts_add_up(written):
    folder, study, _ = written
    _, _, bulk, _ = merge_all(folder, study)
    merged = cells_of(folder, study)
    for row in (0, bulk.n_obs // 2, bulk.n_obs - 1):
        own = bulk.obs.iloc[row]
        cells = merged[(merged.obs["sample"] == own["sample"]) & (merged.obs["lineage"] == own["lineage"])]
        assert own["n_cells"] == cells.n_obs and own["total_counts"] == cells.layers["counts"].sum()
        np.testing.assert_array_equal(
            bulk.layers["corrected"][row].toarray()[0], cells.layers["corrected"].toarray().sum(0)
        )
        np.testing.assert_array_equal(
            bulk.layers["n_expressing"][row].toarray()[0], (cells.layers["corrected"].toarray() > 0).sum(0)
        )
        removed = (cells.layers["counts"] - cells.layers["corrected"]).toarray().sum(0)
        np.testing.assert_array_equal(bulk.layers["ambient"][row].toarray()[0], removed)
    assert bulk.layers["counts"].dtype == np.int64 and bulk.obs["n_cells"].sum() == merged.n_obs

    counts = tallies.lineage_counts(merged.obs)
    per_sample = merged.obs["sample"].astype(str).value_counts()
    for _, level in counts.groupby("level"):
        assert (level.groupby("sample")["n_cells"].sum() == per_sample).all()
    wide = counts[counts["level"] == "lineage"].pivot(index="sample", columns="lineage", values="n_cells")
    assert wide.shape == (8, len(LINEAGES)) and wide.notna().all().all()
    marker = counts[(counts["level"] == "lineage_marker") & (counts["lineage"] == "pDC")]["n_cells"].sum()
    assert marker == merged.obs["marker_pdc"].sum() < wide["pDC"].sum()


def test_what_is_written_is_read_again_by_lineage(written):
    folder, study, _ = written
    merge_all(folder, study)[2].write_h5ad(folder / "pseudobulk.h5ad")
    data = read_pseudobulk(folder / "pseudobulk.h5ad", study, ["corrected"])
    left_out = LeftOut("compare_expression")
    kept = lineages(data, 12, left_out, min_counts=10)
    assert [lineage.name for lineage in kept] == sorted({lineage.name for lineage in kept}) and kept[0].counts is None
    assert all((lineage.samples["n_cells"] >= 12).all() for lineage in kept)
    reasons = {(row["sample"], row["lineage"]): row["reason"] for row in left_out.rows}
    assert reasons[("", "unassigned")] == "cells without a lineage are not compared"
    assert any(reason.endswith("cells, below 12") for reason in reasons.values())
    assert {row["stage"] for row in left_out.rows} == {"compare_expression"}
    none = LeftOut("compare_expression")
    assert lineages(data, 10_000, none) == [] and "no sample has enough cells" in {row["reason"] for row in none.rows}
    with pytest.raises(UserError, match="'ambient' is missing|use the study.json of the same run"):
        read_pseudobulk(folder / "pseudobulk.h5ad", study.subset(["D0_CSF"]))


def test_sums_that_lose_counts_are_noticed(written, monkeypatch):
    folder, study, _ = written
    monkeypatch.setattr("compartments.cohort.sums.memberships", lambda codes, n, dtype: memberships_but_one(codes, n))
    with pytest.raises(CountsChanged, match="pseudobulk lost counts"):
        merge_all(folder, study)


def memberships_but_one(codes, n):
    """Memberships that forget the first cell."""
    members = memberships(codes, n, np.int64).tolil()
    members[:, 0] = 0
    return members.tocsr()
