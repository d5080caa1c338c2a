"""The minimum detectable effect: is such a change found as often as promised, and do more donors give what they say?"""

import sys

import numpy as np

from benchmarks.count_studies import many
from benchmarks.gates import row
from benchmarks.pieces import departures, first_rows
from compartments.compare.detectable import with_more_donors
from compartments.simulate.presets import preset_effects

STEP = "power"
REPEATS = True
SEED = 13


def run(quick=False):
    """Rows of the scoreboard; quick, what the first study promises against its stored rows."""
    if quick:
        return departures(STEP, SEED, [("2v4", _first(_interactions("null", (2, 4), 1)))])
    n = 60
    rows = []
    for arms in [(2, 4), (4, 4), (6, 6)]:
        setting = f"{arms[0]}v{arms[1]}"
        pilot = _interactions("null", arms, n)
        rows += first_rows(STEP, setting, SEED, _first(pilot[pilot["study"] == 0]))
        promised = pilot.groupby("lineage")["mde80"].median()
        planted = preset_effects("null")
        planted["CSF"] = promised.reindex(planted.index)
        found = _interactions("null", arms, n, planted)
        power = (found["p_value"] < 0.05).mean()
        rows.append(row(STEP, "power at the minimum detectable effect", setting, power, ".7-.9", n, SEED))
        # promised with two more donors per arm, against studies that have them
        predicted = with_more_donors(pilot, [2]).groupby("lineage")["mde80"].median()
        larger = _interactions("null", (arms[0] + 2, arms[1] + 2), n).groupby("lineage")["mde80"].median()
        ratio = (predicted / larger).median()
        rows.append(row(STEP, "predicted over true MDE, two more donors per arm", setting, ratio, ".8-1.25", n, SEED))
        rows += [
            row(STEP, f"MDE of the interaction, {lineage}, log2", setting, promised[lineage], "", n, SEED)
            for lineage in ("CD4_T", "pDC")
        ]
    return rows


def _first(pilot):
    """Sums of what one study promises."""
    return {"mde": pilot["mde80"].sum(), "mde of two more": with_more_donors(pilot, [2])["mde80"].sum()}


def _interactions(preset, arms, n, planted=None):
    effects = many(preset, arms, n, SEED, effects=planted)[0]
    return effects[effects["term"] == "interaction"]


if __name__ == "__main__":
    for line in run("--quick" in sys.argv):
        print(*(np.round(x, 3) if isinstance(x, float) else x for x in line.values()), sep="\t")
