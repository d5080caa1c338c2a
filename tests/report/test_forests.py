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


def test_broad_lineages_are_all_drawn(gappy, monkeypatch):
    """Also those that no lineage shares the name of."""
    effects = gappy.results.table("composition/effects.tsv")
    broad = effects["level"] == "lineage_broad"
    renamed = effects["lineage"].where(~broad, "broad " + effects["lineage"])
    monkeypatch.setitem(gappy.results._tables, "composition/effects.tsv", effects.assign(lineage=renamed))
    terms = [term for term in gappy.terms if not term.across]
    (figure,) = forests.within(gappy, terms, "x", "lineage_broad")
    ticks = figure.layout["yaxis"]["ticktext"]
    assert set(ticks) == set(renamed[broad]) and len(ticks) > 2
    lowest = effects[broad & effects["term"].isin([t.name for t in terms])].groupby("lineage")["log2fc"].min()
    assert ticks == [f"broad {name}" for name in lowest.sort_values(kind="stable").index]


def test_change_is_named_after_the_scale():
    assert forests.change_on("abs") == "log2 fold change"
    assert forests.change_on("rel").endswith("what is taken as unchanged")
