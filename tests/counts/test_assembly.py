"""What belongs together, and as what."""

import numpy as np
import pytest
import scipy.sparse as sp

from compartments.core.errors import UserError
from compartments.core.tenx import write_10x_h5
from compartments.counts import assembly, reading
from tests.support.matrices import IDS, SYMBOLS, names, raw_and_cells, write_cellbender, write_h5


def test_raw_and_filtered_are_told_from_the_data(tmp_path):
    droplets, cells = raw_and_cells()
    raw = reading.read_counts(write_h5(tmp_path / "raw.h5", droplets))
    filtered = reading.read_counts(write_h5(tmp_path / "filtered.h5", droplets[cells]))
    for given, kind, source, n, note in [
        ({"raw": raw}, "raw", "none", 460, None),
        ({"filtered": filtered}, "filtered", "filtered", 60, None),
        ({"raw": raw, "filtered": filtered}, "raw", "filtered", 460, None),
        ({"raw": filtered, "filtered": raw}, "raw", "filtered", 460, "wrong way round"),
        ({"raw": filtered}, "filtered", "filtered", 60, "no empty droplets"),
        ({"filtered": raw}, "raw", "none", 460, "cells are called here"),
        ({"raw": filtered, "filtered": filtered}, "filtered", "filtered", 60, "used as filtered"),
        ({"raw": raw, "filtered": raw}, "raw", "none", 460, "cells are called here"),
    ]:
        data, notes = assembly.assemble("S1", **given)
        assert (data.uns["kind"], data.uns["cell_source"], data.n_obs) == (kind, source, n)
        assert notes == [] if note is None else note in notes[0]
        assert ("is_cell" in data.obs) == (source != "none")


def test_many_barcodes_are_droplets_only_where_many_are_small():
    rng = np.random.default_rng(0)
    cells = np.maximum(500, rng.lognormal(np.log(2500), 0.9, 82_000)).astype(int)
    assert assembly.droplet_kind(cells) == assembly.droplet_kind(cells[:80_000]) == "filtered"
    deep_soup, errors = rng.poisson(300, 40_000), rng.poisson(2, 60_000)
    assert assembly.droplet_kind(np.r_[cells[:8000], deep_soup, errors]) == "raw"


def test_files_of_two_libraries_are_refused(tmp_path):
    droplets, cells = raw_and_cells()
    raw = reading.read_counts(write_h5(tmp_path / "raw.h5", droplets))
    other = write_h5(tmp_path / "filtered.h5", droplets[cells], barcodes=[f"TTTT{i}-1" for i in range(60)])
    with pytest.raises(UserError, match="60 of 60 filtered barcodes"):
        assembly.assemble("S1", raw=raw, filtered=reading.read_counts(other))
    bare = write_h5(tmp_path / "bare.h5", droplets[cells], barcodes=[b.removesuffix("-1") for b in names(60)])
    data, _ = assembly.assemble("S1", raw=raw, filtered=reading.read_counts(bare))
    assert data.obs["is_cell"].sum() == 60


def bases(n):
    return ["".join("ACGT"[(i >> 2 * k) & 3] for k in range(12)) for i in range(n)]


@pytest.mark.parametrize("form", ["P1_CSF_{}-1", "{}-1-0", "{}-1_1", "{}.1", "{}", "{}-2"])
def test_cells_of_a_merged_object_are_found_in_the_droplets_by_their_bases(tmp_path, form):
    droplets, cells = raw_and_cells()
    every = bases(460)[::-1]
    raw = reading.read_counts(write_h5(tmp_path / "raw.h5", droplets, barcodes=[f"{one}-1" for one in every]))
    named = [form.format(one) for one in every[:60]][::-1]
    filtered = reading.read_counts(write_h5(tmp_path / "f.h5", droplets[cells][::-1], barcodes=named))
    for given in ({"raw": raw, "filtered": filtered}, {"raw": filtered, "filtered": raw}):
        data, _ = assembly.assemble("S1", **given)
        assert data.obs_names[data.obs["is_cell"]].tolist() == [f"{one}-1" for one in every[:60]]
    assert f"its barcodes ({named[0]}) are found by their bases in raw.h5" in filtered.source.notes[0]


def test_cells_of_two_wells_are_not_those_of_the_droplets_of_one(tmp_path):
    droplets, cells = raw_and_cells()
    raw = reading.read_counts(write_h5(tmp_path / "raw.h5", droplets, barcodes=[f"{one}-1" for one in bases(460)]))
    for number, wells in enumerate((np.repeat([1, 2], 30), np.full(60, 1))):
        named = [f"{one}-{well}" for one, well in zip(bases(60), wells, strict=True)]
        named = [f"P{i % 2}_{one}" for i, one in enumerate(named)] if number else named
        filtered = reading.read_counts(write_h5(tmp_path / f"{number}.h5", droplets[cells], barcodes=named))
        with pytest.raises(UserError, match=r"same library, not of 2 samples or wells \((-1, -2|P0_, P1_)\)"):
            assembly.assemble("S1", raw=raw, filtered=filtered)
        # a CellBender output of the first well beside them
        bender = write_cellbender(tmp_path / "cb.h5", droplets[:60], np.ones(60), [f"{o}-1" for o in bases(60)])
        if not number:
            data, notes = assembly.assemble("S1", filtered=filtered, cellbender=reading.read_counts(bender))
            assert data.n_obs == 30 and "30 cells of CellBender are not in the filtered matrix" in notes[0]


def test_a_raw_matrix_of_all_barcodes_does_not_hide_another_sample(tmp_path):
    rng = np.random.default_rng(3)
    n, depth = 300, rng.permutation(np.r_[rng.gamma(5, 4, 100), np.full(200, 0.3)])

    def droplets(depth, seed):
        return sp.csr_matrix(np.random.default_rng(seed).poisson(depth[:, None], (n, len(SYMBOLS))).astype(np.int32))

    def read(name, matrix, cells):
        return reading.read_counts(write_h5(tmp_path / name, matrix[cells], barcodes=[names(n)[i] for i in cells]))

    own, other = droplets(depth, 1), droplets(np.roll(depth, 97), 2)
    cells, others, every = np.flatnonzero(depth > 1), np.flatnonzero(np.roll(depth, 97) > 1), np.arange(n)
    raw = read("raw.h5", own, every)
    for name, matrix, chosen in [("b.h5", other, others), ("c.h5", other, every)]:
        with pytest.raises(UserError, match="of its cells have more counts than the same barcodes in .*raw.h5"):
            assembly.assemble("S1", raw=raw, filtered=read(name, matrix, chosen))
    fewer_genes, with_introns = own.copy(), own.copy()
    fewer_genes.data //= 2
    with_introns.data *= 2
    for name, matrix in [("d.h5", own), ("e.h5", fewer_genes), ("f.h5", with_introns)]:
        data, _ = assembly.assemble("S1", raw=raw, filtered=read(name, matrix, cells))
        assert data.obs["is_cell"].sum() == len(cells)
    # as many cells of another sample in the column of droplets
    with pytest.raises(UserError, match="filtered barcodes are not in it"):
        assembly.assemble("S1", raw=read("g.h5", own, cells), filtered=read("h.h5", other, others))


def test_cellbender_of_another_sample_beside_filtered(tmp_path):
    droplets, cells = raw_and_cells()
    bender = write_cellbender(tmp_path / "cb.h5", droplets[:60], np.ones(60))
    called = reading.read_counts(bender)
    other = write_h5(tmp_path / "f.h5", droplets[cells], barcodes=[f"TTTT{i}-1" for i in range(60)])
    with pytest.raises(UserError, match="0 of its 60 cells are in .*f.h5, which has 60; give files of one"):
        assembly.assemble("S1", filtered=reading.read_counts(other), cellbender=called)
    bare = write_h5(tmp_path / "bare.h5", droplets[cells], barcodes=[b.removesuffix("-1") for b in names(60)])
    data, notes = assembly.assemble("S1", filtered=reading.read_counts(bare), cellbender=called)
    assert data.n_obs == 60 and not notes


def test_cellbender_beside_raw(tmp_path):
    droplets, cells = raw_and_cells()
    corrected = droplets.copy()
    corrected.data = corrected.data - (corrected.data > 10)
    corrected = corrected[:60]
    path = write_cellbender(tmp_path / "cb.h5", corrected, np.r_[np.full(50, 0.99), np.full(10, 0.2)])
    raw = reading.read_counts(write_h5(tmp_path / "raw.h5", droplets))
    data, _ = assembly.assemble("S1", raw=raw, cellbender=reading.read_counts(path))
    assert data.uns["cell_source"] == "cellbender" and data.obs["is_cell"].to_numpy().nonzero()[0].max() == 49
    assert (data.layers["corrected"][:50] != corrected[:50]).nnz == 0 and data.layers["corrected"][50:].nnz == 0
    alone, notes = assembly.assemble("S1", cellbender=reading.read_counts(path))
    assert alone.n_obs == 50 and alone.uns["counts_are_corrected"] and "stand in" in notes[0]
    high = write_cellbender(tmp_path / "high.h5", droplets[cells] + droplets[cells], np.ones(60))
    with pytest.raises(UserError, match="exceed"):
        assembly.assemble("S1", raw=raw, cellbender=reading.read_counts(high))


def test_exonic_counts_of_a_droplet_become_a_share_of_its_counts(tmp_path):
    droplets, _cells = raw_and_cells()
    barcodes, totals = names(droplets.shape[0]), np.asarray(droplets.sum(1)).ravel()
    write_10x_h5(tmp_path / "a.h5", droplets, barcodes, SYMBOLS, IDS, exonic=totals // 4)
    data, _notes = assembly.assemble("S1", raw=reading.read_counts(tmp_path / "a.h5"))
    expected = dict(zip(barcodes, 100 * (totals // 4) / np.maximum(totals, 1), strict=True))
    assert data.obs["pct_exonic"].to_dict() == {name: expected[name] for name in data.obs_names}
    others, _notes = assembly.assemble("S1", raw=reading.read_counts(write_h5(tmp_path / "b.h5", droplets)))
    assert "pct_exonic" not in others.obs
