"""Genes that set groups apart, donor by donor."""

import numpy as np
import pandas as pd
from scipy import sparse

from compartments.cohort.marker_genes import MIN_CELLS, N_DRAWN, Sums, drawn_table, marker_table

GENES = np.array([f"g{i}" for i in range(60)])


def cells(n=40):
    """Three donors, two groups; g0 marks A, g1 marks B, g2 marks A in donor d0 alone."""
    rng = np.random.default_rng(0)
    donor, group = np.repeat(["d0", "d1", "d2"], 2 * n), np.tile(np.repeat(["A", "B"], n), 3)
    rate = np.full((len(donor), len(GENES)), 1.0)
    rate[group == "A", 0], rate[group == "B", 1] = 6, 6
    rate[(group == "A") & (donor == "d0"), 2] = 40
    return sparse.csr_matrix(rng.poisson(rate).astype(np.int32)), donor, group


def sums_of(counts, donor, group):
    """Every cell is a row."""
    return Sums(counts, (counts > 0).astype(int), np.ones(len(donor)), donor, group)


def test_the_planted_gene_leads_and_one_donor_does_not_make_a_marker():
    counts, donor, group = cells()
    table = marker_table(sums_of(counts, donor, group), "lineage", GENES)
    first = table[table["rank"] == 1].set_index("name")
    assert first.loc["A", "gene"] == "g0" and first.loc["B", "gene"] == "g1"
    row = table[(table["name"] == "A") & (table["gene"] == "g0")].iloc[0]
    own, rest = counts[group == "A"], counts[group == "B"]
    shares = [(own[donor[group == "A"] == d], rest[donor[group == "B"] == d]) for d in ("d0", "d1", "d2")]
    expected = [np.log2((a[:, 0].sum() * 1e6 / a.sum() + 10) / (b[:, 0].sum() * 1e6 / b.sum() + 10)) for a, b in shares]
    np.testing.assert_allclose([row["log2fc"], row["lowest_log2fc"]], [np.mean(expected), min(expected)])
    assert row["n_donors"] == 3 and abs(row["expressing"] - (own[:, 0] > 0).mean()) < 1e-9
    led = table[(table["name"] == "A") & (table["gene"] == "g2")]
    assert led.empty or led["lowest_log2fc"].iloc[0] < 0.5


def test_donors_with_few_cells_do_not_count():
    counts, donor, group = cells()
    few = np.flatnonzero((donor == "d2") & (group == "B"))[MIN_CELLS - 1 :]
    kept = np.setdiff1d(np.arange(len(donor)), few)
    table = marker_table(sums_of(counts[kept], donor[kept], group[kept]), "lineage", GENES)
    assert set(table["n_donors"]) == {2}
    alone = marker_table(sums_of(counts[:5], donor[:5], group[:5]), "lineage", GENES)
    assert alone.empty and "gene" in alone


def test_what_is_drawn_has_every_group_and_gene():
    counts, donor, group = cells()
    sums = sums_of(counts, donor, group)
    markers = marker_table(sums, "lineage", GENES)
    drawn = drawn_table(sums, markers, GENES)
    genes = set(markers.loc[markers["rank"] <= N_DRAWN, "gene"])
    assert set(zip(drawn["name"], drawn["gene"], strict=True)) == {(n, g) for n in "AB" for g in genes}
    assert drawn["expressing"].between(0, 1).all() and pd.notna(drawn["log2_cpm"]).all()
