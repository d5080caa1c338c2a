"""Several studies together: how far they differ."""

import numpy as np
import pandas as pd

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
