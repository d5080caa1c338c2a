"""Several studies together: how far they differ."""

import numpy as np
import pandas as pd

from compartments.core.files import read_tsv
from compartments.report.contents import build_sections
from compartments.report.sections import cohorts
from tests.support.tables import write

EFFECTS = cohorts.COMPOSITION


def test_each_cohort_and_all_are_drawn_and_the_largest_differences_listed(gappy, bare):
    assert cohorts.NAME not in [section.name for section in build_sections(gappy)]
    effects = gappy.needed(EFFECTS)
    root = bare.results.root
    keys = ["contrast", "term", "compartment"]
    feature = effects["level"] + " | " + effects["lineage"] + " | " + effects["scale"]
    rows = effects[[*keys, "se", "df", "n_condition", "n_reference"]].assign(
        table=EFFECTS, feature=feature, estimate=effects["log2fc"]
    )
    said = pd.concat([rows.assign(cohort=name) for name in ("north", "south")])
    p = np.linspace(0.001, 1, len(rows))
    spread = rows.drop(columns=["n_condition", "n_reference"]).assign(
        tau=0.5, q_statistic=2.0, p_heterogeneity=p[::-1], i2=0.5
    )
    write(said, root, cohorts.SAID)
    write(spread, root, cohorts.SPREAD)
    write(effects, root, EFFECTS)
    text, *figures, table = cohorts.build(bare)
    assert f"In {(p < 0.05).sum()} of {len(rows)} effects" in text.text and "north, south" in text.text
    assert len(figures) == len(bare.terms)
    assert [trace["name"] for trace in figures[0].traces] == ["north", "south", cohorts.WHOLE]
    assert set(figures[0].data["cohort"]) == {"north", "south", cohorts.WHOLE}
    assert table.frame["p_heterogeneity"].is_monotonic_increasing


def test_every_lineage_of_the_forest_has_the_symbols_of_the_cohorts(gappy, bare):
    """Whatever its name: one that readers know by another, one with the separator of features, one of labels."""
    keys = ["contrast", "term", "compartment"]
    effects = read_tsv(gappy.results.root / EFFECTS).query("level == 'lineage'")
    effects = effects.replace({"lineage": {"NK": "NK | ILC", "CD4 T": "CD4_T"}})
    feature = effects["level"] + " | " + effects["lineage"] + " | " + effects["scale"]
    rows = effects[[*keys, "se", "df", "n_condition", "n_reference"]].assign(table=EFFECTS, feature=feature)
    said = pd.concat([rows.assign(estimate=effects["log2fc"], cohort=name) for name in ("north", "south")])
    alone = said[:1].assign(feature="lineage | Plasma_x | abs")  # of one cohort only: it has no line
    root = bare.results.root
    write(pd.concat([said, alone]), root, cohorts.SAID)
    write(effects, root, EFFECTS)
    (figure,) = cohorts._forest(bare, bare.terms[0], bare.needed(cohorts.SAID), ["north", "south"])
    labels = figure.layout["yaxis"]["ticktext"]
    assert {"gamma-delta T", "NK | ILC", "CD4 T"} <= set(labels)
    for trace in figure.traces:
        assert len(trace["y"]) == len(labels) and trace["y"].notna().all()
