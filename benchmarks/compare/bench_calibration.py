"""Relabelled donors: are their claims as rare as promised, whatever the true effect, and is a wrong analysis seen?"""

import sys

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.count_studies import long_counts, study_of
from benchmarks.gates import row
from benchmarks.pieces import departures, first_rows
from benchmarks.studies import count_study
from compartments.compare import composition, coupling, relabelling
from compartments.core.left_out import LeftOut
from compartments.core.vocabulary import EQUIV_MARGIN
from compartments.simulate.presets import preset_effects

STEP = "calibration"
REPEATS = True
SEED = 29
MOST = 12  # relabellings of a study
GATES = {"q_below_05": "<= .07", "depleted_or_increased_both": "<= .07", "discordant_or_maintained": "<= .07"}
GATES |= {"uncoupled": "<= .07"}


def run(quick=False, studies=16):
    """Rows of the scoreboard; quick, the first relabellings of the first study against their stored rows."""
    if quick:
        return departures(STEP, SEED, [("null, 4v4", _sums(_calibrated("null", (4, 4), 0, most=2)))])
    rows = first_rows(STEP, "null, 4v4", SEED, _sums(_calibrated("null", (4, 4), 0, most=2)))
    for preset, arms in [("null", (4, 4)), ("alemtuzumab", (4, 4)), ("alemtuzumab", (3, 5)), ("alemtuzumab", (3, 3))]:
        made = [_calibrated(preset, arms, number) for number in range(studies)]
        rows += _rows(f"{preset}, {arms[0]}v{arms[1]}", pd.concat(made, keys=range(studies), names=["study"]))
    wrong = pd.concat([_calibrated("null", (4, 4), number, _by_cells) for number in range(studies)])
    share = (wrong["n_claimed"] / wrong["n_tests"]).mean()
    return [*rows, row(STEP, "p < .05 per test where cells are replicates", "null, 4v4", share, ">= .2", studies, SEED)]


def _rows(setting, table):
    """Claims per test, or share of relabellings with any, with standard errors over studies."""
    rows = []
    for (term, claim), part in table.groupby(["term", "claim"], sort=False):
        single = claim == "p_below_05"
        values = part["n_claimed"] / part["n_tests"] if single else part["share_any"]
        metric, gate = ("p < .05 per test", ".03-.07") if single else (f"any {claim}", GATES[claim])
        error = f"{values.std() / np.sqrt(len(values)):.2g}"
        rows.append(row(STEP, f"{metric}, {term}", setting, values.mean(), gate, len(values), SEED, error))
    return rows


def _sums(table):
    return {"claims": table["n_claimed"].sum(), "tests": table["n_tests"].sum()}


def _calibrated(preset, arms, number, claims=None, most=MOST):
    """What is claimed of the relabelled donors of one study."""
    effects = preset_effects(preset)
    simulated = count_study(np.random.default_rng([SEED, number]), *arms, effects["CSF"], effects["blood"])
    study, counts = study_of(simulated.samples), long_counts(simulated.counts)
    contrast = next(study.terms())[0]
    found = [
        (claims or _by_composition)(relabelling.relabelled(study, contrast, donors), counts)
        for donors in relabelling.scheme_of(study, contrast).relabellings(most, number)[:most]
    ]
    return relabelling.averaged(pd.concat(found))


def _by_composition(study, counts):
    found = composition.compare(study, counts)
    coupled, _ = coupling.compare(study, found.effects, found.donors, LeftOut(STEP), EQUIV_MARGIN)
    return relabelling.claims_of(found.effects, coupled)


def _by_cells(study, counts):
    """A wrong analysis: all cells of an arm in one heap, and every cell a replicate."""
    samples = study.samples[study.samples["compartment"] == study.reference_compartment].set_index("sample")
    wide = counts.pivot(index="sample", columns="lineage", values="n_cells").loc[samples.index]
    arms = wide.groupby(samples["condition"]).sum()
    rest = arms.sum(axis=1)
    p = pd.Series({name: stats.chi2_contingency(np.array([arms[name], rest - arms[name]]))[1] for name in arms})
    rows = {"term": "within:blood", "compartment": "blood", "q_value": 1.0, "call": np.nan}
    return relabelling.claims_of(pd.DataFrame({"p_value": p}).assign(**rows), pd.DataFrame()).iloc[:1]


if __name__ == "__main__":
    for line in run("--quick" in sys.argv):
        print(*(np.round(x, 3) if isinstance(x, float) else x for x in line.values()), sep="\t")
