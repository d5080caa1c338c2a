"""Composition, coupling and the findings on donors that are not alike: error rates, coverage, words and power.

    python -m benchmarks.compare.bench_unequal [--minutes 60] [--studies 400] [--workers 1] [--only TEXT]

One piece of at most ``--minutes``: the settings in their order, each written to scoreboard.tsv when it is done; the
next piece goes on where this one ended. A setting whose rows were made with the same seed, of as many studies or more,
is not made again with the same code, or with other code under which its first study repeats. Without a limit of time:
``python -m benchmarks.scoreboard --only unequal``.
"""

import itertools
from dataclasses import replace

from benchmarks.compare.unequal_figures import measured
from benchmarks.pieces import Pieces, averaged, fingerprint
from benchmarks.source import digest
from benchmarks.unequal import CORRELATIONS, DEPTHS, FAULTS, MODELS, Setting

KEEPS_ITS_ROWS = REPEATS = True
SEED = 18
SIZES = [(2, 4), (8, 8), (4, 4), (3, 6), (20, 20)]
CROSSED = SIZES[:2]
CLAIMS_GATED = ["2v4", "4v4", "8v8"]


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
    return list(dict.fromkeys(found))


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


def measure(setting, n, over):
    """Figures of one setting."""
    studies = list(
        over(measured, [setting] * n, [SEED] * n, range(n), chunksize=max(1, n // 16)),
    )
    return averaged(studies) + fingerprint(sums(studies[0]))


def sums(one):
    """Of the figures of a study: sums that change when any estimate, error or claim does."""
    found = {kind: sum(x[0] for figure, x in one.items() if kind in figure) for kind in ("bias", "width", "error")}
    claims = ("false", "studies", "called")
    return found | {"claims": sum(x[0] for figure, x in one.items() if figure.startswith(claims))}


def again(setting):
    """Those sums anew."""
    return sums(measured(setting, SEED, 0))


PIECES = Pieces(
    step="unequal",
    seed=SEED,
    studies=400,
    # the words of a sentence decide nothing that is measured here
    code=digest(["benchmarks.compare.unequal_figures"], without=["compartments.findings.words"]),
    settings=settings,
    measure=measure,
    again=again,
    gate_of=gate_of,
    repeated=lambda: one_thing(SIZES[:1]),
)


def run(quick=False):
    """Rows of the scoreboard."""
    return PIECES.run(quick)


if __name__ == "__main__":
    PIECES.main(__doc__)
