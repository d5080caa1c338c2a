"""Forests."""

import numpy as np

from compartments.core.files import read_tsv
from compartments.findings import names
from compartments.report import forests


def test_csv_data_match_the_tables(whole):
    folder, page, _ = whole
    csv = page.figures["q2_treated_vs_untreated_CSF"]["csv"]
    effects = read_tsv(folder / "composition" / "effects.tsv")
    rows = effects.query("level == 'lineage' and term == 'interaction'")
    rows = rows.set_index(rows["lineage"].map(names.lineage))
    assert np.allclose(csv["log2fc"], rows.loc[csv["lineage"], "log2fc"], rtol=1e-5)


def test_broad_lineages_are_all_drawn(whole):
    """Also those that no lineage shares the name of."""
    folder, page, _ = whole
    effects = read_tsv(folder / "composition" / "effects.tsv").query("level == 'lineage_broad'")
    drawn = page.figures["within_lineage_broad_treated_vs_untreated"]
    ticks = drawn["layout"]["yaxis"]["ticktext"]
    assert set(ticks) == set(effects["lineage"].map(names.lineage)) and "T" in ticks
    assert len(ticks) == effects["lineage"].nunique() > 2


def test_change_is_named_after_the_scale():
    assert forests.change_on("abs") == "log2 fold change"
    assert forests.change_on("rel").endswith("what is taken as unchanged")
