"""Droplets of one sample: barcodes, soup, doublets, dying cells."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from compartments.core.matrix import totals
from compartments.simulate.droplets import add_red_cells, draw_barcodes, draw_sample, draw_soup
from compartments.simulate.presets import DROPLET_BASE
from compartments.simulate.settings import Settings
from compartments.simulate.sources import ProfileSource


@pytest.fixture(scope="module")
def source(root):
    return ProfileSource(root / "assets" / "profiles.tsv.gz", 600)


def drawn(source, n_cells=400, **changes):
    settings = dataclasses.replace(Settings(), empties=50, **changes)
    flat = np.ones((len(source.lineages), len(source.genes)))
    shares = DROPLET_BASE["CSF"].loc[source.lineages]
    return draw_sample(np.random.default_rng(1), settings, source, shares, n_cells, flat, flat, flat, 0.3)


def test_barcodes_are_sorted_and_different():
    barcodes = draw_barcodes(np.random.default_rng(0), 5000)
    assert len(set(barcodes)) == 5000 and list(barcodes) == sorted(barcodes)
    assert all(len(one) == 18 and set(one[:-2]) <= set("ACGT") and one.endswith("-1") for one in barcodes)


def test_soup_has_its_amount_and_profile():
    profile = np.array([0.7, 0.0, 0.3])
    soup = draw_soup(np.random.default_rng(0), profile, 2000, 80)
    assert totals(soup).mean() == pytest.approx(80 * np.exp(0.25**2 / 2), rel=0.05)
    assert totals(soup, axis=0) / soup.sum() == pytest.approx(profile, abs=0.01)


def test_red_cells_get_their_share():
    genes = pd.Index(["HBB", "CD3D", "HBA1", "HBA2"])
    profile = np.array([0.1, 0.9, 0.0, 0.0])
    mixed = add_red_cells(profile, genes, 0.4)
    assert mixed.sum() == pytest.approx(1) and mixed[1] == pytest.approx(0.54)
    without = pd.Index(["A", "B", "C", "D"])
    assert add_red_cells(profile, without, 0.4) is profile  # no haemoglobin among the genes


def test_doublets_hold_two_cells_and_dying_cells_are_mitochondrial(source):
    single, double = drawn(source, doublet_rate=0.0, dying=0.0), drawn(source, doublet_rate=0.3, dying=0.2)
    assert not single.cells["doublet"].any() and not single.cells["dying"].any()
    cells = double.cells
    assert cells["doublet"].sum() == round(0.3 * 0.4 * 400)
    assert not (cells["doublet"] & cells["dying"]).any()
    umi = totals(double.native)
    assert umi[cells["doublet"]].mean() > 1.5 * umi[~cells["doublet"] & ~cells["dying"]].mean()
    mitochondrial = totals(double.native[:, np.flatnonzero(source.genes.str.startswith("MT-"))]) / umi
    assert 0.15 < mitochondrial[cells["dying"]].mean() < 0.35
    assert mitochondrial[~cells["dying"]].mean() < 0.15


def test_all_droplets_are_there(source):
    sample = drawn(source)
    assert sample.counts.shape == (450, 600) and len(sample.barcodes) == 450
    at = pd.Index(sample.barcodes).get_indexer(sample.cells["barcode"])
    assert abs(sample.counts[at] - sample.native - sample.ambient).nnz == 0
