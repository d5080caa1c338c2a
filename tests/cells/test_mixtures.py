"""How much soup is in a cell."""

import numpy as np
import pytest

from benchmarks.cells import bench_ambient
from compartments.cells import mixtures
from compartments.cells.clusters import cluster_cells
from compartments.cells.soup import measure_soup


@pytest.mark.parametrize("seed", [1, 2])
def test_amount_is_found_where_empty_droplets_mislead(seed):
    sample = bench_ambient.Sample.simulated("CSF", 300, 0.1, 0.3, 1.0, 1000, seed)
    soup, clusters = measure_soup(sample.empties), cluster_cells(sample.raw, seed)
    true = sample.noise.sum() / 300
    totals, sizes = mixtures.cluster_totals(sample.raw, clusters), np.bincount(clusters)
    for wrong in (0.7, 1.0, 1.4):
        soup.umi = true * wrong
        assert mixtures.estimate_level(totals, sizes, soup) == pytest.approx(true, rel=0.2)


def test_amount_is_found_in_real_cells(real_data):
    """With soup added at a known rate; a little of their own is in the cells, too."""
    for sample in (bench_ambient.Sample.pbmc(0.05, 1), bench_ambient.Sample.csf(0.05, 1)):
        soup, clusters = measure_soup(sample.empties), cluster_cells(sample.raw, 1)
        found = mixtures.estimate_level(mixtures.cluster_totals(sample.raw, clusters), np.bincount(clusters), soup)
        assert 0.85 < found / (sample.noise.sum() / sample.raw.shape[0]) < 1.2
