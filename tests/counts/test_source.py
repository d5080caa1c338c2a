"""What is told of a file besides its counts."""

from pathlib import Path

import numpy as np

from compartments.counts.source import Source


def test_features_left_out_and_cells():
    types = np.array(["Gene Expression", "Peaks", "Peaks", ""], object)
    names = np.array(list("abcd"), object)
    probability = np.array([0.9, np.nan, 0.5])
    barcodes = np.array(["A", "B", "C"], object)
    latents = {"cell_probability": probability}
    keep = types == "Gene Expression"
    source = Source(Path("a.h5"), "10x h5", "matrix", barcodes, names, names, types, keep, latents=latents)
    assert source.left_out() == {"Peaks": 2, "without a type": 1}
    assert source.cells().tolist() == [0]  # a droplet that was not analysed is none
