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
from tests.support.samples import N_GENES, merge_all


def test_every_count_is_where_it_was(written):
    folder, study, data = written
    merged, skipped = merge_all(folder, study)
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
def test_stack_keeps_totals_of_any_shapes(seed, sizes):
    rng = np.random.default_rng(seed)
    matrices, variables = [], []
    for n in sizes:
        names = rng.permutation([f"g{i}" for i in range(8)])[: rng.integers(1, 9)]
        variables.append(pd.DataFrame({"gene_id": names}, index=names))
        matrices.append(sparse.csr_matrix(rng.poisson(0.5, (n, len(names))).astype(np.int32)))
    frames = [pd.DataFrame(m.toarray(), columns=v.index) for m, v in zip(matrices, variables, strict=True)]
    united = unite_genes(variables)
    stacked = merging.stack(list(matrices), united.positions, len(united.genes))
    expected = pd.concat(frames).reindex(columns=united.genes.index).fillna(0).to_numpy()
    np.testing.assert_array_equal(stacked.toarray(), expected)


def test_a_merge_that_loses_counts_is_noticed():
    matrix = sparse.csr_matrix(np.eye(3, dtype=np.int32))
    with pytest.raises(CountsChanged, match="too few|lost|changed|beyond"):
        too_large = matrix.astype(np.int64) * 2**32
        merging.stack([too_large], [np.arange(3)], 3)
