"""Composition, coupling and the findings on donors that are not alike: error rates, coverage, words and power.

    python -m benchmarks.compare.bench_unequal [--minutes 60] [--studies 400] [--workers 1] [--only TEXT]

One piece of at most ``--minutes``: the settings in their order, each written to scoreboard.tsv when it is done; the
next piece goes on where this one ended. A setting whose rows were made with the same code, seed and number of studies
is not made again.
"""

import argparse
import itertools
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from benchmarks import scoreboard
from benchmarks.compare.unequal_figures import measured
from benchmarks.gates import row
from benchmarks.source import digest
from benchmarks.unequal import CORRELATIONS, DEPTHS, FAULTS, MODELS, Setting, available

STEP = "unequal"
SEED = 18
KEEPS_ITS_ROWS = True
STUDIES = 400
COMMAND = "python -m benchmarks.compare.bench_unequal"
# the words of a sentence decide nothing that is measured here
CODE = digest(["benchmarks.compare.unequal_figures"], without=["compartments.findings.words"])
SIZES = [(2, 4), (8, 8), (4, 4), (3, 6), (20, 20)]
CROSSED = SIZES[:2]
CLAIMS_GATED = ["2v4", "4v4", "8v8"]
FIRST = "first study: "


def settings():
    """All settings, the ones that matter most first.

    Every size and model with one thing differing at a time; lineages lost in both compartments and the relative scale;
    lineages lost from CSF alone; at two sizes every depth x fault x correlation of the Dirichlet model.
    """
    truths = [("synchronous", "abs"), ("synchronous", "rel"), ("null", "rel")]
    found = one_thing(CROSSED)
    found += [
        Setting(model, arms, depth, truth=truth, scale=scale)
        for arms, model, depth, (truth, scale) in itertools.product(CROSSED, MODELS, DEPTHS, truths)
    ]
    found += one_thing(SIZES[2:]) + [replace(setting, truth="lost") for setting in one_thing(SIZES[:3])]
    crossed = itertools.product(CROSSED, DEPTHS, FAULTS, CORRELATIONS)
    found += [Setting(MODELS[0], arms, depth, fault, r) for arms, depth, fault, r in crossed]
    return [setting for setting in dict.fromkeys(found) if available(setting.model)]


def one_thing(sizes):
    """Settings in which nothing, or one thing, differs."""
    kinds = [{"depth": depth} for depth in DEPTHS] + [{"fault": fault} for fault in FAULTS[1:]]
    kinds += [{"correlation": r} for r in CORRELATIONS if r != Setting.correlation]
    return [Setting(model, arms, **kind) for arms, model, kind in itertools.product(sizes, MODELS, kinds)]


def gate_of(figure, setting):
    """The gate of a figure; empty where it is for information."""
    gated = setting.size in CLAIMS_GATED
    rules = [
        ("type-I error of the Q test", "<= .07"),
        ("type-I error", ".03-.07"),
        ("one-sided error", "<= .07"),
        ("coverage", ".92-.97"),
        ("share tested where", ">= .95"),
        ("studies with a wrong yes", "<= .05" * gated),
        ("studies with any wrong yes", "<= .1" * gated),
        ("studies with a false word, ", "<= .05" * gated),
    ]
    return next((gate for start, gate in rules if figure.startswith(start)), "")


def ratio(pairs):
    """Sum over sum of (studies, 2), and its standard error over studies (of a ratio, linearised)."""
    sums, n = np.asarray(pairs, float), len(pairs)
    value = sums[:, 0].sum() / sums[:, 1].sum()
    residual = sums[:, 0] - value * sums[:, 1]
    se = np.sqrt((residual**2).sum() * n / max(n - 1, 1)) / sums[:, 1].sum()
    return value, se


def rows_of(setting, studies, code):
    """Rows of one setting from what :func:`measured` gave of each study; no row of what was never tested."""
    found = []
    for figure in studies[0]:
        pairs = np.array([one[figure] for one in studies], float)
        if pairs[:, 1].sum() == 0:
            continue
        value, se = ratio(pairs)
        gate = gate_of(figure, setting)
        found.append(row(STEP, figure, setting.name, value, gate, len(studies), SEED, f"{se:.2g}", code))
    return found + fingerprint(setting, studies[0], code)


def fingerprint(setting, one, code):
    """Rows of the first study alone, which a test repeats."""
    sums = {
        kind: np.sum([x[0] for figure, x in one.items() if kind in figure])
        for kind in ("bias", "width", "tested", "error")
    }
    sums["claims"] = np.sum([x[0] for figure, x in one.items() if figure.startswith(("false", "studies", "called"))])
    return [row(STEP, f"{FIRST}{kind}", setting.name, x, "", 1, SEED, "", code) for kind, x in sums.items()]


def kept_rows():
    """Rows of this bench in scoreboard.tsv, by the gates of today; without settings that are no more."""
    known = {setting.name: setting for setting in settings()}
    kept = [each for each in scoreboard.stored()[0] if each["step"] == STEP and each["setting"] in known]
    for each in kept:
        each["gate"] = gate_of(each["metric"], known[each["setting"]])
    return scoreboard.as_rows(kept)


def missing(n, only=""):
    """Settings that have no rows of this code, seed and number of studies."""
    done = {(each["setting"], each["n"], each["seed"], each["code"]) for each in kept_rows()}
    wanted = [setting for setting in settings() if only in setting.name]
    return [setting for setting in wanted if (setting.name, str(n), str(SEED), CODE) not in done]


def make(n, minutes=np.inf, workers=1, only=""):
    """Measure what is missing, a setting at a time; how many are left when the time is over."""
    started, left = time.monotonic(), missing(n, only)
    with ProcessPoolExecutor(workers) as pool:
        while left and time.monotonic() - started < 60 * minutes:
            setting, before = left.pop(0), time.monotonic()
            chunk = max(1, n // (4 * workers))
            studies = list(
                pool.map(measured, itertools.repeat(setting, n), itertools.repeat(SEED, n), range(n), chunksize=chunk)
            )
            seconds = time.monotonic() - before
            found = scoreboard.as_text(STEP, rows_of(setting, studies, CODE))
            scoreboard.keep(STEP, found, COMMAND, seconds * workers, only=setting.name)
            print(f"{setting.name}: {seconds / n * workers:.3f} s per study, {len(left)} left", flush=True)
            if time.monotonic() - started + seconds > 60 * minutes:
                break
    return len(left)


def repeat():
    """Repeat the first study where at most one thing differs: its largest relative departure from its stored rows."""
    kept = {(each["setting"], each["metric"]): each["value"] for each in kept_rows()}
    found = []
    for setting in one_thing(CROSSED):
        if (setting.name, f"{FIRST}claims") not in kept or not available(setting.model):
            continue
        again = fingerprint(setting, measured(setting, SEED, 0), CODE)
        values = [(each["value"], kept[setting.name, each["metric"]]) for each in again]
        departure = max(abs(new - old) / (abs(old) + 0.01) for new, old in values)
        found.append(row(STEP, "first study against its stored row", setting.name, departure, "<= .001", 1, SEED))
    return found


def run(quick=False):
    """Rows of the scoreboard: what is missing is measured; quick, what is stored is repeated in part."""
    if quick:
        return repeat()
    make(STUDIES)
    return kept_rows()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60, help="end after the setting that this time falls in")
    parser.add_argument("--studies", type=int, default=STUDIES, help="per setting (%(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="processes (%(default)s)")
    parser.add_argument("--only", default="", metavar="TEXT", help="settings whose name has this text")
    given = parser.parse_args()
    if not available("real"):
        print("real donors: their counts are not here, set COMPARTMENTS_TEST_DATA; left out", file=sys.stderr)
    left = make(given.studies, given.minutes, given.workers, given.only)
    print(f"{left} settings left" if left else "all settings are done")


if __name__ == "__main__":
    main()
