"""Power beside other methods on the same studies, at equal type-I error: each by its own null studies of the setting.

    python -m benchmarks.compare.bench_alternatives [--minutes 60] [--studies 500] [--workers 1] [--only TEXT]

Pieces as in bench_unequal.py. On the relative scale beside propeller, crumblr, a beta-binomial, Wilcoxon, edgeR and
limma-voom; on the absolute one beside those that take a size per sample. edgeR and limma need R (Debian: r-bioc-edger,
r-bioc-limma, r-cran-statmod) and are left out where it is not. Untested counts as not found.
"""

import itertools
import sys
from dataclasses import replace

import numpy as np

from benchmarks.compare import alternatives
from benchmarks.compare.alternatives import Batch
from benchmarks.count_studies import composed
from benchmarks.pieces import Pieces, fingerprint, ratio
from benchmarks.source import digest
from benchmarks.unequal import MODELS, Setting, study, targets

KEEPS_ITS_ROWS = REPEATS = True
SEED = 19
SIZES = [(2, 4), (8, 8), (4, 4)]
OURS = "this pipeline"
TERMS = {"within CSF": "within:CSF", "interaction": "interaction"}
LEVEL = 0.05
AT_ONCE = 50  # studies that one worker hands to R
RESAMPLED = 400
LIMIT = "lower 95 % limit"


def settings():
    """Lineages lost from CSF alone, under unlike depth and spread, on both scales; those that matter most first."""
    kinds = [{}, {"depth": "shallow"}, {"depth": "random"}, {"fault": "spread"}]
    return [
        Setting(model, arms, **kind, truth="lost", scale=scale)
        for sizes, model, scale, kind in itertools.product((SIZES[:2], SIZES[2:]), MODELS, ("abs", "rel"), kinds)
        for arms in sizes
    ]


def gate_of(metric, setting):
    """Power is within .03 of the best other's, by the interval of all three lineages together."""
    return ">= -.03" if metric.endswith(LIMIT) else ""


def ours(setting, number):
    """p of every lineage, shape (terms, lineages); 1 where it was not tested."""
    drawn = study(setting, SEED, number)
    samples = drawn.samples(setting)
    effects = composed(samples, drawn.table(samples))[1].effects
    effects = effects[effects["level"] == "lineage"].set_index(["term", "lineage"])["p_value"]
    found = [effects[term].reindex(drawn.names).to_numpy(float) for term in TERMS.values()]
    return np.nan_to_num(found, nan=1.0)


def others(batch, scale, with_r):
    """p of every other method: name -> array, shape (terms, lineages, studies of the batch)."""
    found = alternatives.in_python(batch, scale)
    if with_r:
        found |= alternatives.in_r(batch, scale)
    return {name: np.stack([np.nan_to_num(each[term], nan=1.0).T for term in TERMS]) for name, each in found.items()}


def tested(setting, numbers, over=map, with_r=True):
    """Every method's p on the same studies: name -> array, shape (terms, lineages, studies)."""
    drawn = [study(setting, SEED, number) for number in numbers]
    parts = [
        Batch(np.stack([x.cells for x in part]), np.stack([x.per_ul for x in part]), drawn[0].treated)
        for part in (drawn[start : start + AT_ONCE] for start in range(0, len(drawn), AT_ONCE))
    ]
    found = list(over(others, parts, [setting.scale] * len(parts), [with_r] * len(parts)))
    p = {name: np.concatenate([part[name] for part in found], axis=-1) for name in found[0]}
    mine = np.stack(list(over(ours, [setting] * len(drawn), numbers)))
    return {OURS: mine.transpose(1, 2, 0)} | p


def critical(p):
    """The largest p that at most ``LEVEL`` of the null tests are at or below, -inf where there is none.

    ``p`` has shape (methods, lineages, studies): one critical value per method, for all lineages of the setting.
    """
    ordered = np.sort(p.reshape(len(p), -1), axis=1)
    k = int(LEVEL * ordered.shape[1] + 1e-9)
    if k == 0:
        return np.full(len(p), -np.inf)
    at, above = ordered[:, k - 1], ordered[:, k]
    below = np.where(ordered < at[:, None], ordered, -np.inf).max(1)
    return np.where(above > at, at, below)


def power(null, lost):
    """Share of studies in which a loss is found at equal type-I error, shape (methods, lineages lost)."""
    return (lost <= critical(null)[:, None, None]).mean(-1)


def measure(setting, n, over):
    """Power of every method, ours against the best other, and type-I error at .05."""
    if not alternatives.r_is_there():
        print("edgeR and limma-voom: Rscript with edgeR is not here; left out", file=sys.stderr)
    without = replace(setting, truth="null")
    null, lost = tested(without, range(n), over), tested(setting, range(n), over)
    at = list(targets(study(setting, SEED, 0).proportions).values())
    found = []
    for name in null:
        for k, term in enumerate(TERMS):
            found.append((f"type-I error, {name}, {term}", *_share_below(null[name][k])))
            unchanged = np.delete(lost[name][k], at, axis=0)
            found.append((f"false positives beside lost lineages, {name}, {term}", *_share_below(unchanged)))
    for k, term in enumerate(TERMS):
        none, loss = np.stack([p[k] for p in null.values()]), np.stack([p[k][at] for p in lost.values()])
        found += against(term, list(null), none, loss)
    return found + fingerprint(sums(setting))


def _share_below(p):
    """Share of p-values, shape (lineages, studies), below the level, with its error over studies."""
    return ratio([((one < LEVEL).sum(), len(one)) for one in p.T])


def against(term, names, null, lost):
    """Rows of power of one term; arrays (methods, lineages, studies), this pipeline first; ``lost``: the three lost.

    Intervals by resampling null studies and studies with a loss, the same for all methods, so that the error of the
    critical values is in them.
    """
    rng, n = np.random.default_rng(SEED), null.shape[-1]
    whole = power(null, lost)
    drawn = np.stack(
        [power(null[..., i], lost[..., j]) for i, j in (rng.integers(n, size=(2, n)) for _ in range(RESAMPLED))]
    )
    lineages = ("common", "3 %", "0.5 %")
    found = [
        (f"power, {name}, {term}, {lineage} lineage", whole[m, i], drawn[:, m, i].std())
        for m, name in enumerate(names)
        for i, lineage in enumerate(lineages)
    ]
    best = 1 + whole[1:].argmax(0)
    for i, lineage in enumerate(lineages):
        gap = drawn[:, 0, i] - drawn[:, best[i], i]
        value = whole[0, i] - whole[best[i], i]
        found.append((f"power above the best other's, {term}, {lineage} lineage", value, gap.std()))
    other = 1 + whole[1:].mean(1).argmax()
    gap = drawn[:, 0].mean(1) - drawn[:, other].mean(1)
    name = f"power above the best other's, {term}, all three"
    found.append((name, (whole[0] - whole[other]).mean(), gap.std()))
    return found + [(f"{name}, {LIMIT}", float(np.quantile(gap, 0.025)), np.nan)]


def sums(setting):
    """Sums of the p-values of the first study, of what needs no R."""
    return {name: float(p.sum()) for name, p in tested(setting, range(1), with_r=False).items()}


PIECES = Pieces(
    step="alternatives",
    seed=SEED,
    studies=500,
    code=digest(["benchmarks.compare.bench_alternatives"], without=["compartments.findings.answers"]),
    settings=settings,
    measure=measure,
    again=sums,
    gate_of=gate_of,
    repeated=lambda: settings()[:2],
)


def run(quick=False):
    """Rows of the scoreboard."""
    return PIECES.run(quick)


if __name__ == "__main__":
    PIECES.main(__doc__)
