"""Interferon beta on blood cells: donors as their own controls, on real cells and published counts."""

import anndata
import numpy as np
import pytest

from benchmarks.compare import bench_kang


@pytest.fixture(scope="module")
def data(real_data):
    return anndata.read_h5ad(real_data / "kang18" / "example_sce_kang18.h5ad")


def test_interferon_genes_lead_in_every_lineage(data):
    """Of two donors: all core genes more than doubled and among the strongest tenth, most at q < .05."""
    table = bench_kang.compared(data)
    assert table["lineage"].nunique() == 5 and set(table["n_condition"]) == {2}
    for _, own in table.groupby("lineage"):
        rank = own["log2fc"].rank(ascending=False, pct=True)
        core = own["gene"].isin(bench_kang.CORE)
        assert core.sum() == len(bench_kang.CORE) and (own["log2fc"][core] > 1).all()
        assert rank[core].max() < 0.1 and rank[core].median() < 0.02
        assert (own["q_value"][core] < 0.05).mean() >= 0.6
        assert (own["q_value"][own["gene"].isin(["ISG15", "IFI6"])] < 0.05).all()


def test_nothing_is_found_where_one_donor_is_turned(data):
    assert not (bench_kang.compared(data, swapped=True)["q_value"] < 0.05).any()


def test_composition_hardly_changes():
    """No type doubles or halves in eight donors; what is small and consistent is in the vignette of crumblr, too."""
    effects = bench_kang.changes_of_composition().set_index("lineage")
    assert set(effects["n_condition"]) == {8} and set(effects["tier"]) == {"inferential"}
    assert (effects["ci_low"] < 1).all() and (effects["ci_high"] > -1).all() and (effects["log2fc"].abs() < 0.8).all()
    # of the vignette's types at q < .05, those that differ most among each other
    assert effects.loc["CD8 T", "ci_high"] < 0 < effects.loc["Dendritic", "ci_low"]
    common = ["B", "CD14+ Monocytes", "CD4 T"]
    assert (effects.loc[common, "q_value"] > 0.5).all() and np.abs(effects.loc[common, "log2fc"]).max() < 0.1
