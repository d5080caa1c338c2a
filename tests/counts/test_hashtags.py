"""Pools whose tags are known: cells go to their samples, doublets are found, wrong tables are a line."""

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from compartments.core.errors import UserError
from compartments.counts.hashtags import counts_of, demultiplexed, samples_of_tags
from compartments.counts.reading import read_counts
from compartments.counts.whole_study import open_study
from tests.bad_inputs import toy
from tests.support.pools import pool

TAGS = ["HTO1", "HTO2", "HTO3"]


@pytest.mark.parametrize(
    ("n_tags", "more"),
    [
        (2, {}),
        (3, {}),
        (12, {"doublets": 0.25}),
        (4, {"signal": 50.0, "leak": 3.0}),
        (4, {"leak": 0.2}),
        (12, {"leak": 0.05}),
        (2, {"leak": 0.0}),
        (4, {"leak": 0.0}),
        (6, {"negative": 0.3}),
    ],
)
def test_singlets_are_of_their_samples_and_doublets_are_found(n_tags, more):
    pools = [pool(2000, n_tags, seed, **more) for seed in range(8)]
    counts, truth = pools[0]
    assert np.array_equal(demultiplexed(counts, 1), demultiplexed(counts, 1))
    found, truth = (
        np.concatenate([demultiplexed(counts, 1) for counts, _ in pools]),
        np.concatenate([t for _, t in pools]),
    )
    single, two = truth < n_tags, truth == n_tags
    assert (found[single] == truth[single]).mean() > 0.98
    assert (found[two] == n_tags).mean() > 0.9
    assert (found[truth == n_tags + 1] == n_tags + 1).mean() > 0.9
    # what is not found is left out; hardly any cell goes to a sample that it is not of
    assert ((found < n_tags) & (found != truth))[single].mean() < 0.001


def test_too_few_cells_are_a_line():
    with pytest.raises(UserError, match="counts of hashtags of 1 cells do not tell samples apart"):
        demultiplexed(np.array([[0, 0, 0]]), 1)


def in_h5(path, tags, names=TAGS):
    """A 10x h5 of genes and antibodies, tags among them."""
    n = len(tags)
    genes = sp.vstack([toy.cells()] * (n // toy.N_CELLS + 1)).tocsr()[:n]
    given = {
        "ids": [*toy.ids(), *names], "names": [*toy.symbols(), *names],
        "types": [toy.EXPRESSION] * toy.N_GENES + ["Antibody Capture"] * len(names),
        "genome": ["GRCh38"] * toy.N_GENES + [""] * len(names), "barcode": barcodes(n),
    }  # fmt: skip
    return toy.h5(path, sp.hstack([genes, sp.csr_matrix(tags.astype(np.int32))]).tocsr(), **given)


def barcodes(n):
    letters = np.random.default_rng(4).choice(list("ACGT"), (n, 16))
    return ["".join(row) + "-1" for row in letters]


def in_h5ad(path, tags, form=sp.csr_matrix):
    """The same without types of features, and tags of names that could be genes'."""
    counts = sp.hstack([toy.cells()[np.arange(len(tags)) % toy.N_CELLS], sp.csr_matrix(tags)])
    var = toy.frame([*toy.symbols(), *TAGS], gene_ids=[*toy.ids(), *TAGS])
    return toy.h5ad(path, form(counts.astype(np.float32)), obs=toy.frame(barcodes(len(tags))), var=var)


def in_h5mu(path, tags):
    """Tags in a modality of their own, of fewer cells in another order."""
    order = np.random.default_rng(6).permutation(len(tags))[: len(tags) - 10]
    genes, names = toy.cells()[np.arange(len(tags)) % toy.N_CELLS], barcodes(len(tags))
    rna = ad.AnnData(genes.astype(np.float32), toy.frame(names), toy.frame(toy.symbols(), gene_ids=toy.ids()))
    rows = sp.csr_matrix(tags[order].astype(np.float32))
    hto = ad.AnnData(rows, toy.frame([names[one] for one in order]), toy.frame(TAGS))
    for name, one in (("rna", rna), ("hto", hto)):
        one.write_h5ad(path.with_suffix(f".{name}"))
    with h5py.File(path, "w") as file:
        for name in ("mod", "obs", "var"):
            file.create_group(name)
        for name in ("rna", "hto"):
            with h5py.File(path.with_suffix(f".{name}")) as part:
                part.copy(part, file["mod"], name)
    return path, order


def table(folder, *rows):
    (folder / "tags.tsv").write_text("\n".join(["tag\tsample", *("\t".join(row) for row in rows)]) + "\n")
    return folder / "tags.tsv"


ROWS = [("HTO1", "a"), ("HTO2", "b"), ("HTO3", "c")]


def told(path, rows, folder):
    source, _, file = open_study(path)
    file.close()
    return samples_of_tags(source, table(folder, *rows), 1)


def test_tags_are_found_wherever_a_file_has_them(tmp_path):
    tags, _truth = pool(300, 3, 8)
    wanted = np.array(["a", "b", "c", "Doublet", "Negative"], dtype=object)[demultiplexed(tags, 1)]
    assert list(told(in_h5(tmp_path / "pool.h5", tags), ROWS, tmp_path)) == list(wanted)
    for form in (sp.csr_matrix, sp.csc_matrix, lambda x: x.toarray()):
        assert list(told(in_h5ad(tmp_path / "pool.h5ad", tags, form), ROWS, tmp_path)) == list(wanted)
    path, order = in_h5mu(tmp_path / "pool.h5mu", tags)
    found = told(path, ROWS, tmp_path)
    assert (found[order] == wanted[order]).mean() > 0.98
    assert set(found[np.setdiff1d(np.arange(300), order)]) == {"Negative"}


def test_counts_are_those_of_the_columns(tmp_path):
    tags, _truth = pool(60, 3, 8)
    source, _, file = open_study(in_h5(tmp_path / "pool.h5", tags))
    file.close()
    assert np.array_equal(counts_of(source, np.array([toy.N_GENES + 2, toy.N_GENES])), tags[:, [2, 0]])


def test_two_tags_of_a_sample_are_no_doublet(tmp_path):
    tags, truth = pool(600, 3, 8)
    both = np.random.default_rng(1).binomial(tags[:, 2], 0.5)
    tags = np.column_stack([tags[:, :2], both, tags[:, 2] - both])
    path = in_h5(tmp_path / "pool.h5", tags, [*TAGS, "HTO4"])
    found = told(path, [*ROWS, ("HTO4", "c")], tmp_path)
    assert (found[truth == 2] == "c").mean() > 0.98 and (found[truth == 3] == "Doublet").mean() > 0.9


def test_cells_of_a_tag_without_a_sample_are_of_none(tmp_path):
    tags, truth = pool(600, 3, 8)
    found = told(in_h5(tmp_path / "pool.h5", tags), [*ROWS[:2], ("HTO3", "")], tmp_path)
    assert (found[truth == 2] == "").mean() > 0.98


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ([*ROWS, ("HTO9", "d")], r"tags.tsv row 5, column tag: 'HTO9' is no feature of pool.h5; is it 'HTO3'\? it has"),
        ([*ROWS, ("CD3E", "d")], "row 5, column tag: 'CD3E' is a gene in pool.h5; name the features that count"),
        ([*ROWS, ("HTO1", "d")], "row 2, column tag: 'HTO1' is there twice"),
        ([*ROWS[:2], ("HTO3", "Doublet")], "row 4, column sample: 'Doublet' is a word for cells of no one sample"),
        (ROWS[:1], r"tags.tsv: 1 sample\(s\); tags tell cells of two or more apart"),
        (ROWS[:2], r"tags.tsv: 'HTO3' is the highest tag of 3\d% of the cells and is not in the table; add it"),
    ],
)
def test_a_wrong_table_is_a_line(tmp_path, rows, line):
    path = in_h5(tmp_path / "pool.h5", pool(300, 3, 8)[0])
    with pytest.raises(UserError, match=line):
        told(path, rows, tmp_path)


def test_a_file_without_tags_is_a_line(tmp_path):
    with pytest.raises(UserError, match="'HTO1' is no feature of pool.h5; it has no hashtags or antibodies at all"):
        told(toy.h5(tmp_path / "pool.h5", toy.cells()), ROWS, tmp_path)


def test_a_tag_that_was_not_used_may_be_left_out(tmp_path):
    tags, _truth = pool(600, 3, 8, absent=(2,))
    path = in_h5(tmp_path / "pool.h5", tags)
    assert set(told(path, ROWS[:2], tmp_path)) == {"a", "b", "Doublet", "Negative"}


def test_a_tag_whose_staining_failed_gives_no_cells(tmp_path):
    """Its cells would be those that have by chance most of it."""
    tags, truth = pool(2000, 3, 8)
    tags[:, 2] = np.random.default_rng(1).poisson(6, len(tags))
    path = in_h5(tmp_path / "pool.h5", tags)
    with pytest.raises(UserError, match=r"row 4: cells of sample 'c' have \d+ counts of its tag and other cells \d"):
        told(path, ROWS, tmp_path)
    found = told(path, ROWS[:2], tmp_path)
    assert (found[truth < 2] == np.array(["a", "b"])[truth[truth < 2]]).mean() > 0.98
    assert (found[truth == 2] == "Negative").mean() > 0.95


def test_a_pool_becomes_samples_without_its_doublets(execute, tmp_path):
    """Tags of an h5ad without types do not count as genes of the samples."""
    tags, truth = pool(300, 3, 8)
    in_h5ad(tmp_path / "pool.h5ad", tags)
    table(tmp_path, *ROWS)
    sheet = "sample,donor,compartment,condition\na,p1,CSF,HC\nb,p2,CSF,MS\nc,p3,CSF,HC\n"
    (tmp_path / "s.csv").write_text(sheet)
    given = ("--hashtags", "tags.tsv", "--samplesheet", "s.csv", "--problems", "problems.txt", "--notes", "n.txt")
    assert execute("split_study", "--path", "pool.h5ad", *given).returncode == 0
    assert (tmp_path / "problems.txt").read_text() == ""
    code = demultiplexed(tags, 1)
    notes = (tmp_path / "n.txt").read_text()
    for place, word in ((3, "Doublet"), (4, "Negative")):
        assert f"pool.h5ad: {(code == place).sum()} of 300 cells are '{word}' and are left out" in notes
    assert list(pd.read_csv(tmp_path / "split" / "s.csv")["sample"]) == ["a", "b", "c"]
    cells = toy.cells()[np.arange(300) % toy.N_CELLS]
    for place, sample in enumerate("abc"):
        found = read_counts(tmp_path / "split" / "samples" / f"{sample}.h5ad")
        assert list(found.symbol) == toy.symbols() and (found.matrix != cells[code == place]).nnz == 0
    assert (truth < 3).mean() > (code < 3).mean() - 0.02
