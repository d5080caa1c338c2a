"""Names of genes."""

import numpy as np

from compartments.counts.names import make_unique, origins_of, tidy


def test_names_made_unique():
    assert make_unique(["A", "B", "A", "A", "A-1"]).tolist() == ["A", "B", "A-2", "A-3", "A-1"]


def test_barcodes_of_several_wells_or_samples():
    codes = ["".join("ACGT"[(n >> 2 * i) & 3] for i in range(10)) for n in range(600)]
    assert origins_of(np.array([f"{c}-{1 + n % 3}" for n, c in enumerate(codes)], object)) == ["-1", "-2", "-3"]
    assert origins_of(np.array([f"p{1 + n % 2}_{c}-1" for n, c in enumerate(codes)], object)) == ["p1_", "p2_"]
    assert origins_of(np.array([f"{c}_{1 + n // 300}" for n, c in enumerate(codes)], object)) == ["_1", "_2"]
    for one in ([f"{c}-1" for c in codes], codes, [f"lib_{c}" for c in codes], [f"{c}_{c}" for c in codes]):
        assert origins_of(np.array(one, object)) == []
    assert origins_of(np.array([f"{n}_1" for n in range(600)], object)) == []  # names of wells


def test_no_name_in_many_words():
    assert tidy(np.array([" CD3E\t", "nan", "NA", "None", "<NA>", "-", "NANS"], object)).tolist() == [
        "CD3E", "", "", "", "", "", "NANS"
    ]  # fmt: skip
