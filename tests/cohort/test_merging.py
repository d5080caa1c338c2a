"""What goes in comes out, in the right place."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from compartments.cohort import merging
from compartments.core.errors import CountsChanged
from compartments.counts.references import unite_genes
from tests.support.samples import N_GENES, cells_of, merge_all


def test_every_count_is_where_it_was(written):
    folder, study, data = written
    skipped, merged = merge_all(folder, study)[3], cells_of(folder, study)
    assert not skipped and merged.n_vars == N_GENES + 3
    for sample, own in data.items():
        rows = merged[merged.obs["sample"] == sample]
        assert list(rows.obs["barcode"].astype(str)) == list(own.obs_names[3:])
        for layer in ("counts", "corrected"):
            got = pd.DataFrame(rows.layers[layer].toarray(), columns=merged.var_names)
            expected = pd.DataFrame(own.layers[layer].toarray()[3:], columns=own.var_names)
            pd.testing.assert_frame_equal(got[own.var_names], expected, check_names=False)
            assert not got.drop(columns=own.var_names).to_numpy().any()
    assert merged.layers["counts"].has_sorted_indices and merged.layers["counts"].dtype == np.int32
    assert merged.var.loc["G0", "soup:D0_blood"] == 0 and merged.var.loc["G11", "soup:D0_blood"] > 0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.lists(st.integers(0, 12), min_size=1, max_size=5))
def test_counts_stay_at_their_genes_whatever_the_files_list(seed, sizes):
    rng = np.random.default_rng(seed)
    matrices, variables = [], []
    for n in sizes:
        names = rng.permutation([f"g{i}" for i in range(8)])[: rng.integers(1, 9)]
        variables.append(pd.DataFrame({"gene_id": names}, index=names))
        matrices.append(sparse.csr_matrix(rng.poisson(0.5, (n, len(names))).astype(np.int32)))
    frames = [pd.DataFrame(m.toarray(), columns=v.index) for m, v in zip(matrices, variables, strict=True)]
    united = unite_genes(variables)
    parts = [
        merging.placed(matrix, position, len(united.genes))
        for matrix, position in zip(matrices, united.positions, strict=True)
    ]
    expected = pd.concat(frames).reindex(columns=united.genes.index).fillna(0).to_numpy()
    np.testing.assert_array_equal(sparse.vstack(parts).toarray(), expected)
    assert all(part.has_sorted_indices and (part.data > 0).all() for part in parts)


def test_pseudobulks_that_lose_counts_are_noticed(written, monkeypatch):
    folder, study, _ = written
    whole = merging.placed
    monkeypatch.setattr(merging, "placed", lambda matrix, *where: whole(matrix[:, :], *where) * 0)
    with pytest.raises(CountsChanged, match="lost counts"):
        merge_all(folder, study)
