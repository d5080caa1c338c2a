"""Cohort and design."""

import numpy as np

from compartments.core.files import read_tsv


def test_power_of_every_lineage_and_with_more_donors(whole):
    folder, page, _ = whole
    power = read_tsv(folder / "composition" / "power.tsv").query("level == 'lineage' and term == 'interaction'")
    figure = page.figures["power_treated_vs_untreated_between_CSF"]
    names = [trace.get("name") for trace in figure["data"][1:]]
    assert names == ["this cohort", "+1 per arm", "+2 per arm", "+3 per arm", "+4 per arm"]
    now, most = (power[power["more_donors"] == k].set_index("lineage")["fold_mde80"] for k in (0, 4))
    assert np.allclose(sorted(figure["data"][1]["x"]), sorted(now), rtol=1e-4)
    assert f"a typical lineage must differ between compartments {now.median():.1f}-fold" in page.words
    assert f"With 4 more donors in each arm it would be {most.median():.1f}-fold" in page.words
    assert f"({now.idxmax()}) {now.max():.1f}-fold" in page.words
