"""Expression, gene sets, edges, groups of edges and hubs on donors that are not alike: errors, bias, what is tested.

    python -m benchmarks.compare.bench_downstream [--minutes 60] [--studies N] [--workers 1] [--only TEXT]

Pieces as in bench_unequal.py, one of at most ``--minutes`` per table (edges with their groups, hubs, sets, expression),
each with its own number of studies unless ``--studies`` is given.

Nothing differs (equal), or one thing does, in seven ways, at 2v4 and 8v8:

1. cells few: 50 to 300 in the treated CSF, 1,000 to 10,000 elsewhere (else 3,000 each);
2. cells random: 50 to 20,000 in every sample;
3. spread: treated donors and their samples deviate twice as much;
4. absent lineage: cDC2 are lacking in 30 % of the donors of either arm;
5. covariate: acts in CSF alone, the arms 1 SD apart, given to the analysis;
6. outlier: one donor of the study deviates three times as much;
7. counts of the treated CSF: half the reads (hubs: and .8 of them), or 10 % ambient where 1 % is elsewhere, of which
   80 % was removed, or of which nothing was removed anywhere.

Studies with a true change (expression under 1 and 3, a hub) say how many discoveries are false, and what is found.
"""

import itertools
from functools import partial

from benchmarks.compare import downstream_edges, downstream_expression, downstream_hubs, downstream_sets
from benchmarks.downstream import DIFFERS, READS, Setting
from benchmarks.pieces import Pieces, averaged, fingerprint
from benchmarks.source import digest

KEEPS_ITS_ROWS = REPEATS = True
STEP = "downstream"
SEED = 18
MODULES = {
    "edges": downstream_edges,
    "hubs": downstream_hubs,
    "sets": downstream_sets,
    "expression": downstream_expression,
}
SIZES = {"edges": [(2, 4), (8, 8)], "hubs": [(8, 8), (2, 4)], "sets": [(2, 4), (8, 8)], "expression": [(2, 4), (8, 8)]}
STUDIES = {"edges": 50, "hubs": 60, "sets": 100, "expression": 25}
OF_HUBS = "reads x .8"
CHANGED = {"hubs": ["equal"], "expression": ["equal", "cells few", "spread"]}
GATES = [
    ("type-I error, network", ".02-.08"),
    ("type-I error, groups", "<= .08"),
    ("type-I error, both partners", "<= .07"),
    ("type-I error", ".03-.07"),
    ("studies with a false hub", "<= .05"),
    ("lineages with a false hit", "<= .08"),
    ("false genes per lineage", "<= 1"),
    ("FDP", "<= .08"),
    ("bias, groups", "-.06-.06"),
    ("share of lineages tested where", ">= .95"),
    ("power, hub", ">= .9"),
]


def settings(table):
    """All settings of a table, the ones that matter most first."""
    first = ["equal", *READS] if table == "hubs" else ["equal"]  # a hub was seen to follow the reads
    differing = [kind for kind in dict.fromkeys([*first, *DIFFERS]) if kind != OF_HUBS or table == "hubs"]
    null = [Setting(table, arms, kind) for arms, kind in itertools.product(SIZES[table], differing)]
    changed = itertools.product(SIZES[table], CHANGED.get(table, []))
    return null + [Setting(table, arms, kind, "changed") for arms, kind in changed]


def gate_of(figure, setting):
    """The gate of a figure; empty where it is for information."""
    if setting.table == "edges" and figure.startswith("studies with a false hit") and "groups" not in figure:
        return "<= .08"  # under a null, any hit is a false discovery proportion of one
    return next((gate for start, gate in GATES if figure.startswith(start)), "")


def measured(setting, number):
    """Figures of one study."""
    return MODULES[setting.table].measured(setting, SEED, number)


def measure(setting, n, over):
    """Figures of one setting."""
    studies = list(over(measured, [setting] * n, range(n)))
    return averaged(studies) + fingerprint(sums(studies[0]))


def sums(one):
    """Of the figures of a study: sums that change when any estimate, error or claim does."""
    kinds = ("mean p", "bias", "error", "false", "share")
    return {kind: float(sum(x[0] for figure, x in one.items() if kind in figure)) for kind in kinds}


def again(setting):
    """Those sums anew."""
    return sums(measured(setting, 0))


PIECES = {
    table: Pieces(
        step=STEP,
        seed=SEED,
        studies=STUDIES[table],
        code=digest([MODULES[table].__name__]),
        settings=partial(settings, table),
        measure=measure,
        again=again,
        gate_of=gate_of,
        repeated=lambda table=table: settings(table)[:1] if table != "hubs" else [Setting(table, (2, 4))],
    )
    for table in SIZES
}


def run(quick=False):
    """Rows of the scoreboard."""
    return [row for pieces in PIECES.values() for row in pieces.run(quick)]


if __name__ == "__main__":
    for pieces in PIECES.values():
        pieces.main(__doc__)
