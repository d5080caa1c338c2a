"""Lanes of one library are told from replicates by their barcodes, the same file by its content."""

import gzip

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from compartments.core.errors import UserError
from compartments.counts import lanes
from compartments.counts.formats import describe
from compartments.counts.lanes import alike, cell_barcodes, problems
from tests.support.matrices import IDS, N_GENES, SYMBOLS, write_h5, write_mtx

SHEET = pd.DataFrame(
    {
        "sample": ["a", "b", "c"],
        "donor": "D",
        "compartment": ["CSF", "CSF", "blood"],
        "condition": "x",
        "row": [2, 3, 4],
    }
)


def whitelist(rng, n, size=737_280):
    """``n`` barcodes of 16 bases out of those of 10x v2."""
    picked = rng.choice(size, n, replace=False)
    return ["".join("ACGT"[(number >> 2 * place) & 3] for place in range(16)) for number in picked.tolist()]


def library(rng, n_cells, n_empty=400):
    """Barcodes of one capture, and the depth of each: cells first, then empty droplets."""
    return whitelist(rng, n_cells + n_empty), np.concatenate([rng.lognormal(2.5, 0.5, n_cells), np.full(n_empty, 0.7)])


def with_genes(rng, codes):
    """Barcodes with the genes that are found behind each."""
    return dict(zip(codes, rng.lognormal(7.5, 0.4, len(codes)).astype(int).tolist(), strict=True))


def sequenced(rng, depth):
    """Counts of a lane: every barcode with as many genes as its depth allows."""
    return sp.csr_matrix(rng.poisson(depth[:, None] / N_GENES * 2, (len(depth), N_GENES)).astype(np.int32))


def cells_of(sample, row, barcodes, content=""):
    return {"sample": sample, "row": row, "column": "raw", "content": content, "barcodes": barcodes}


def test_lanes_of_one_library_are_told_from_two_libraries(tmp_path):
    rng = np.random.default_rng(0)
    barcodes, depth = library(rng, 300)
    others, other_depth = library(rng, 500)
    files = {}
    for name, (names, level) in {
        "a": (barcodes, depth), "b": (barcodes, depth / 3), "c": (others, other_depth)
    }.items():  # fmt: skip
        order = rng.permutation(len(names))
        counts = sequenced(rng, level[order])
        files[name] = write_h5(tmp_path / f"{name}.h5", counts, barcodes=[f"{names[i]}-1" for i in order])
    found = {name: cell_barcodes(describe(path)) for name, path in files.items()}
    (said,) = problems([cells_of("a", 2, found["a"]), cells_of("b", 3, found["b"])], SHEET)
    assert said.startswith("rows 2 and 3: 'a' and 'b' (donor 'D', CSF, x) share ") and "lanes of one library" in said
    assert not list(problems([cells_of("a", 2, found["a"]), cells_of("b", 3, found["c"])], SHEET))
    # another compartment has other cells, though some names of barcodes recur
    assert not list(problems([cells_of("a", 2, found["a"]), cells_of("c", 4, found["c"])], SHEET))


@pytest.mark.parametrize(("raw", "filtered"), [(5000, 120), (120, 60), (5000, 5000), (12, 12)])
def test_one_library_of_two_specimens_is_told_by_its_cells(raw, filtered):
    """Given raw for one sample, filtered for the other; with other counts it is a note; told apart, it is none."""
    rng = np.random.default_rng(raw + filtered)
    whole = with_genes(rng, whitelist(rng, raw))
    called = dict(list(whole.items())[:filtered])
    other = {code: int(genes * 1.1 + rng.integers(-9, 9)) for code, genes in called.items()}
    for second, refused in ((called, True), (other, False)):
        pair = [cells_of("a", 2, whole), cells_of("c", 4, second)]
        found = list(problems(pair, SHEET)), alike(pair, SHEET)
        assert [len(said) for said in found] == [refused, not refused]
        assert found[not refused][0].startswith("rows 2 and 4: 'a' and 'c' share 100% of their barcodes, ")
    names = list(called)
    apart = [{code: called[code] for code in part} for part in (names[::2], names[1::2])]
    assert not list(problems([cells_of("a", 2, apart[0]), cells_of("c", 4, apart[1])], SHEET))
    # 96 x 96 barcodes: half of them are in common by chance
    split = [with_genes(rng, whitelist(rng, 7000, 96 * 96)) for _ in range(2)]
    assert len(split[0].keys() & split[1].keys()) > 3500
    assert not list(problems([cells_of("a", 2, split[0]), cells_of("c", 4, split[1])], SHEET))


@pytest.mark.parametrize("n", [(40, 60), (300, 60_000), (5000, 5000), (60_000, 60_000)])
def test_honest_replicates_are_never_refused(n):
    """Two libraries from the smallest whitelist of 10x, the largest captures there are; and lanes that are found."""
    rng = np.random.default_rng(sum(n))
    sets = [with_genes(rng, whitelist(rng, size)[: lanes.MOST]) for size in n]
    assert not list(problems([cells_of("a", 2, sets[0]), cells_of("b", 3, sets[1])], SHEET))
    # of a lane in which half of the cells were called, with a third of the genes
    half = {code: genes // 3 + int(rng.integers(-9, 9)) for code, genes in [*sets[0].items()][::2]}
    assert len(list(problems([cells_of("a", 2, sets[0]), cells_of("b", 3, half)], SHEET))) == 1


def test_split_pools_of_few_barcodes_are_no_lanes():
    """One well of the first round leaves 96 x 96 barcodes: two sublibraries have half of them in common."""
    rng = np.random.default_rng(5)
    sets = [with_genes(rng, whitelist(rng, 4600, 96 * 96)) for _ in range(2)]
    assert len(sets[0].keys() & sets[1].keys()) > 2000
    assert not list(problems([cells_of("a", 2, sets[0]), cells_of("b", 3, sets[1])], SHEET))


def test_all_formats_give_the_same_barcodes(tmp_path):
    rng = np.random.default_rng(1)
    names, depth = library(rng, 50, 0)
    counts = sequenced(rng, depth)
    h5 = write_h5(tmp_path / "a.h5", counts, barcodes=[f"{name}-1" for name in names])
    expected = dict(zip(names, np.diff(counts.indptr).tolist(), strict=True))
    assert cell_barcodes(describe(h5)) == expected
    write_mtx(tmp_path / "mtx", counts)
    with gzip.open(tmp_path / "mtx" / "barcodes.tsv.gz", "wt") as out:
        out.writelines(f"{name}-1\n" for name in names)
    assert cell_barcodes(describe(tmp_path / "mtx")) == expected
    var = pd.DataFrame({"gene_ids": [x.split(".")[0] for x in IDS]}, index=SYMBOLS)
    for number, matrix in enumerate((counts, counts.tocsc(), counts.toarray())):
        data = anndata.AnnData(matrix, obs=pd.DataFrame(index=[f"s1_{name}-1-0" for name in names]), var=var)
        data.write_h5ad(tmp_path / f"{number}.h5ad")
        assert cell_barcodes(describe(tmp_path / f"{number}.h5ad")) == expected


def test_the_cells_with_most_genes_stand_for_a_sample(tmp_path, monkeypatch):
    monkeypatch.setattr(lanes, "MOST", 5)
    rng = np.random.default_rng(2)
    names = whitelist(rng, 20)
    counts = sp.csr_matrix(np.tri(20, N_GENES, -3, dtype=np.int32))
    path = write_h5(tmp_path / "a.h5", counts, barcodes=names)
    assert set(cell_barcodes(describe(path))) == set(names[-5:])
    monkeypatch.setattr(lanes, "MOST", 100)
    assert set(cell_barcodes(describe(path))) == set(names[3:])  # those without a count are no cells


def test_names_that_are_no_barcodes_are_not_judged(tmp_path):
    for names in ([f"cell{i}" for i in range(20)], [f"A0{i}" for i in range(20)], [f"{i}" for i in range(20)]):
        path = write_h5(tmp_path / "a.h5", sequenced(np.random.default_rng(0), np.full(20, 50)), barcodes=names)
        assert cell_barcodes(describe(path)) == {}
    assert not list(problems([cells_of("a", 2, {}), cells_of("b", 3, {})], SHEET))


def test_a_matrix_that_is_cut_off_is_named(tmp_path):
    folder = write_mtx(tmp_path / "mtx", sequenced(np.random.default_rng(0), np.full(20, 50)), compressed=False)
    text = (folder / "matrix.mtx").read_text()
    (folder / "matrix.mtx").write_text(text[: len(text) // 2] + "\n1 x\n")
    with pytest.raises(UserError, match="mtx: damaged or cut off"):
        cell_barcodes(describe(folder))


def test_the_same_content_is_named_once_whatever_the_samples():
    names = with_genes(np.random.default_rng(3), whitelist(np.random.default_rng(3), 30))
    found = [cells_of("c", 4, {}, "1"), cells_of("b", 3, names, "0"), cells_of("a", 2, names, "0")]
    (said,) = problems(found, SHEET)
    assert said.startswith("row 3, column raw: 'b' has the same content as 'a' in row 2")
    (across,) = problems([cells_of("a", 2, {}, "0"), cells_of("c", 4, {}, "0")], SHEET)
    assert "'c' has the same content as 'a'" in across
    assert not list(problems([cells_of("a", 2, {}), cells_of("b", 3, {})], SHEET))  # no digest, no judgement
