"""Coupling against known truth: tau_U, its test and interval, and the verdicts."""

import sys

import numpy as np

from benchmarks.count_studies import first_study, many
from benchmarks.gates import row
from benchmarks.pieces import departures, first_rows
from compartments.simulate.presets import preset_effects

STEP = "coupling"
REPEATS = True
SEED = 12
# median tau_U of each truth (log2)
TAU_GATES = {"synchronous": "== 0", "alemtuzumab": ".5-.8", "uncoupled": "> .8"}
UNCOUPLED = ["partly_uncoupled", "uncoupled"]


def run(quick=False, studies=200):
    """Rows of the scoreboard; quick, the first study of each truth against its stored rows."""
    if quick:
        presets = ["null", *TAU_GATES]
        found = ((f"2v4 {preset}", many(preset, (2, 4), 1, SEED, with_coupling=True)) for preset in presets)
        return departures(STEP, SEED, ((setting, first_study(x[0], x[2])) for setting, x in found))
    rows = []
    for arms in [(2, 4), (3, 3), (4, 4), (6, 6)]:
        for preset in ["null", *TAU_GATES]:
            # error rates need more studies than medians
            n = studies if preset in ("null", "synchronous") else studies * 3 // 10
            effects, _, found = many(preset, arms, n, SEED, with_coupling=True)
            planted = preset_effects(preset)
            setting = f"{arms[0]}v{arms[1]} {preset}"
            rows += [row(STEP, *figure, n, SEED) for figure in _figures(found, planted, preset, setting)]
            rows += first_rows(STEP, setting, SEED, first_study(effects, found))
    return rows


def _figures(found, planted, preset, setting):
    rejected, verdicts = (found["p_value"] < 0.05).mean(), found["verdict"].value_counts(normalize=True)
    uncoupled = sum(verdicts.get(word, 0.0) for word in UNCOUPLED)
    yield "median tau_U, log2", setting, found["tau_u"].median(), TAU_GATES.get(preset, "")
    tau = (planted["CSF"] - planted["blood"]).std()
    covered = ((found["tau_low"] <= tau) & (tau <= found["tau_high"])).mean()
    yield "coverage of tau_U", setting, covered, ""
    yield "median width of the interval of tau_U", setting, (found["tau_high"] - found["tau_low"]).median(), ""
    yield "median concordance (CCC)", setting, found["ccc"].median(), ""
    if preset in ("null", "synchronous"):
        yield "type-I error of the Q test", setting, rejected, "<= .07"
        yield "called uncoupled or partly uncoupled", setting, uncoupled, "<= .07"
        covered = ((found["mean_u_low"] <= 0) & (found["mean_u_high"] >= 0)).mean()
        yield "coverage of the mean interaction", setting, covered, ""
    else:
        yield "power of the Q test", setting, rejected, ""
        yield "called uncoupled or partly uncoupled", setting, uncoupled, ""
        yield "called coupled", setting, verdicts.get("coupled", 0.0), "<= .05"
    either = ((found["p_value"] < 0.05) | (found["n_discordant"] > 0)).mean()
    yield "Q test, or a discordant lineage, at .05", setting, either, ""
    yield "cannot be told", setting, verdicts.get("cannot_tell", 0.0), ""


if __name__ == "__main__":
    for line in run("--quick" in sys.argv):
        print(*(np.round(x, 3) if isinstance(x, float) else x for x in line.values()), sep="\t")
