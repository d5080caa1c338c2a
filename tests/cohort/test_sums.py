"""Sums of one sample."""

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from compartments.cohort import sums
from compartments.cohort.sample import read_annotated
from compartments.core.errors import CountsChanged, UserError
from compartments.core.matrix import log_normalise
from tests.support.samples import write_sample


@pytest.fixture
def annotated(tmp_path):
    write_sample(tmp_path, "S", np.random.default_rng(0), n=80)
    return read_annotated(*(tmp_path / f"S.{kind}" for kind in ("filtered.h5ad", "doublets.tsv.gz", "labels.tsv.gz")))


def test_sums_are_those_of_the_cells_without_doublets(annotated, tmp_path):
    found = sums.sums_of(annotated)
    cells = annotated[~annotated.obs["predicted_doublet"].to_numpy()]
    for name, row in zip(found.obs_names, found.layers["corrected"].toarray(), strict=True):
        own = cells[cells.obs["lineage"] == name]
        np.testing.assert_array_equal(row, own.layers["corrected"].toarray().sum(0))
        assert found.obs.loc[name, "n_cells"] == own.n_obs
        at = list(found.obs_names).index(name)
        np.testing.assert_array_equal(
            found.layers["n_expressing"][[at]].toarray()[0], (own.layers["corrected"].toarray() > 0).sum(0)
        )
    assert found.obs["n_cells"].sum() == cells.n_obs == len(found.uns["cells"])
    values = np.expm1(log_normalise(cells.layers["corrected"]).toarray())
    np.testing.assert_allclose(found.var["sum"], values.sum(0))
    np.testing.assert_allclose(found.var["squares"], (values**2).sum(0))
    genes = np.diff(sparse.csr_matrix(cells.layers["counts"]).indptr)
    assert found.uns["complexity"]["genes"] == np.median(genes)
    # and read again they are the same
    found.write_h5ad(tmp_path / "S.sums.h5ad")
    again = sums.read_sums(tmp_path / "S.sums.h5ad", "S")
    assert (again.layers["counts"] != found.layers["counts"]).nnz == 0
    pd.testing.assert_frame_equal(again.uns["cells"], found.uns["cells"], check_dtype=False, check_names=False)


def test_counts_that_no_table_holds_are_noticed(annotated):
    annotated.layers["counts"] = sparse.csr_matrix(annotated.layers["counts"], dtype=np.int64) * 2**32
    with pytest.raises(CountsChanged, match="beyond int32"):
        sums.sums_of(annotated)


def test_another_file_is_refused_in_a_line(tmp_path):
    (tmp_path / "S.sums.h5ad").write_text("no h5ad")
    with pytest.raises(UserError, match=r"S\.sums\.h5ad: cannot be read as sums"):
        sums.read_sums(tmp_path / "S.sums.h5ad", "S")
    anndata.AnnData(np.zeros((1, 1))).write_h5ad(tmp_path / "S.sums.h5ad")
    with pytest.raises(UserError, match=r"S\.sums\.h5ad: cannot be read as sums"):
        sums.read_sums(tmp_path / "S.sums.h5ad", "S")


def test_columns_that_every_reader_knows():
    table = pd.DataFrame(
        {
            "text": pd.array(["a", None, "a", "a"], "string"),
            "whole": pd.array([1, None, 3, 4], "Int64"),
            "flag": pd.array([True, False, True, True], "boolean"),
            "many": list("abcd"),
        }
    )
    plain = sums.plain_columns(table)
    assert [str(kind) for kind in plain.dtypes] == ["category", "float64", "bool", "object"]
    assert list(plain["text"]) == ["a", "", "a", "a"]
