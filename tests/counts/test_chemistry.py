"""How samples were made, by their counts."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from compartments.counts.chemistry import ALIKE, APART, Made, distance, named, of_nuclei, profiles_of, unlike, ways_of
from compartments.counts.few_cells import few_cells
from compartments.counts.formats import describe

GENES = [f"RPL{k}" for k in range(3, 40)] + [f"RPS{k}" for k in range(2, 30)]
DONORS = {name: name[0] for name in ("a", "a2", "b", "b2", "c", "d")}


def profile(seed, n=100_000, donor=0, sd=0.1):
    """Counts whose proportions are those of a chemistry (``seed``), a little else in every donor."""
    shares = np.exp2(np.random.default_rng(seed).normal(0, 1.0 if seed else 0.0, len(GENES)))
    shares *= np.exp2(np.random.default_rng(100 + donor).normal(0, sd, len(GENES)))
    drawn = np.random.default_rng(donor).multinomial(n, shares / shares.sum())
    return {"T": dict(zip(GENES, drawn.tolist(), strict=True))}


def sheet_of(samples, conditions):
    return pd.DataFrame(
        {"sample": samples, "donor": samples, "compartment": "CSF", "condition": conditions, "row": range(len(samples))}
    )


@pytest.fixture(scope="module")
def real(real_data):
    """Profiles of 10x's own PBMC: 3' v2 of two donors, v3 and 5', the last two in halves of their cells."""
    paths = {"v2": "pbmc_chemistries/1k_PBMC_v2_raw.h5ad", "v2_other": "pbmc4k/pbmc4k_2170_cells.h5ad"}
    paths |= {"v3": "pbmc_chemistries/1k_PBMC_v3_filt.h5ad", "5p": "pbmc_chemistries/5prime_PBMC_filt_1kcells.h5ad"}
    found = {}
    for name, path in paths.items():
        source = describe(real_data / path)
        cells, symbols = few_cells(source), source.symbol[source.keep]
        assert 500 < cells.shape[0] <= 600
        assert not of_nuclei(np.asarray(cells.sum(0)).ravel(), symbols)
        found[name] = profiles_of(cells, symbols)
        if name in ("v3", "5p"):
            found |= {f"{name}_{half}": profiles_of(cells[half::2], symbols) for half in (0, 1)}
    return found


def test_real_chemistries_are_further_apart_than_real_donors(real):
    def apart(one, other):
        shared = set(real[one]) & set(real[other])
        assert {"T", "B"} <= shared
        return [distance(real[one][kind], real[other][kind]) for kind in shared]

    assert max(apart("v3_0", "v3_1")) < min(apart("v2", "v2_other")) < max(apart("v2", "v2_other")) < ALIKE
    for one, other in (("v2", "v3"), ("v2_other", "v3"), ("v3", "5p"), ("v2", "5p"), ("v2_other", "5p")):
        assert min(apart(one, other)) > APART, (one, other)


@pytest.mark.parametrize("word", ["", "3'", "3' v3"])
def test_real_chemistries_that_no_word_tells_apart_are_said(real, word):
    names = ["v2", "v2_other", "v3_0", "v3_1"]
    profiles = {name: real[name] for name in names}
    sheet = sheet_of(names, list("xxyy"))
    first, along = unlike(profiles, sheet, pd.Series(word, names))
    assert first.startswith("samples differ in chemistry (by their counts): kind 1 in v2 and v2_other; kind 2 in v3_0")
    assert first.endswith("in like cells; say which it is in a column 'chemistry'")
    assert along.startswith("in CSF chemistry (by their counts) goes with condition (x: kind 1 (2); y: kind 2 (2))")
    told = pd.Series(["3' v2", "3' v2", "3' v3", "3' v3"], names)
    assert unlike(profiles, sheet, told) == []


def test_donors_alone_are_no_chemistry():
    """Neither donors who all differ, nor samples of which some lie between, nor what was counted too little."""
    alone = {name: profile(1, donor=ord(DONORS[name]), sd=0.4) for name in DONORS}
    assert ways_of(alone, DONORS) == {}
    assert ways_of({name: profile(1, donor=k) for k, name in enumerate(DONORS)}, DONORS) == {}
    between = {"a": profile(0), "b": profile(0, donor=1), "c": profile(0, donor=2, sd=0.2)}
    assert ways_of(between, DONORS) == {}
    assert ways_of({"a": profile(0), "b": profile(0), "c": profile(1, 900)}, DONORS) == {}
    assert ways_of({"a": profile(0), "b": {}}, DONORS) == {} == ways_of({}, DONORS)


def test_one_sample_unlike_others_that_are_alike():
    found = ways_of({"a": profile(0), "b": profile(0, donor=1), "c": profile(2, donor=2)}, DONORS)
    assert found == {"a": 1, "b": 1, "c": 2}


def test_the_class_in_which_samples_are_nearest_counts():
    """Cells of one compartment may differ from those of another; the T cells of both do not."""
    first = profile(0) | {"B": profile(1)["T"]}
    other = profile(0, donor=1) | {"B": profile(2)["T"]}
    assert ways_of({"a": first, "b": other, "c": profile(0, donor=2)}, DONORS) == {}


def test_nuclei_by_their_counts():
    names = np.array([*GENES, "MALAT1", "ACTB"], object)
    umis = np.full(len(names), 10)
    umis[-2:] = 3000, 50_000
    assert of_nuclei(umis, names)
    assert not of_nuclei(umis * np.where(np.isin(names, GENES), 50, 1), names)
    assert not of_nuclei(umis * (names != "MALAT1"), names)
    assert not of_nuclei(umis[-2:], names[-2:]), "a panel without ribosomal proteins"
    made = {"a": Made("", {}, True), "b": Made(), "c": Made("", {}, True)}
    assert named(pd.Series({"a": "3' v3", "b": "", "c": "nuclei"}), made).tolist() == [
        "nuclei 3' v3",
        "whole cells",
        "nuclei",
    ]
    assert named(pd.Series({"b": "", "d": "5'"}), dict.fromkeys("bd", Made())).tolist() == ["", "5'"]


def test_cells_are_sorted_by_their_markers():
    rng = np.random.default_rng(0)
    names = np.array([*GENES, "CD3D", "CD79A", "LYZ", "RPS4Y1"], object)
    counts = rng.poisson(20, (100, len(names)))
    counts[:, -4:] = 0
    counts[:50, -4], counts[50:80, -3], counts[80:, -2], counts[:, -1] = 3, 4, 9, 100
    found = profiles_of(sp.csr_matrix(counts), names)
    assert set(found) == {"T", "B"}
    assert found["T"] == dict(sorted(zip(GENES, counts[:50, : len(GENES)].sum(0).tolist(), strict=True)))
