"""Donors as their own controls: error rates, coverage and words of composition, and power beside other methods.

    python -m benchmarks.compare.bench_designs [--minutes 60] [--studies 60] [--workers 1] [--only TEXT]

Pieces as in bench_unequal.py. Of every setting as many null studies as studies with three lineages that fall in CSF
alone, less far the more donors there are; every method meets the same studies, and its power is taken at its own
critical value from the null studies, so at equal type-I error. limma needs R (Debian: r-bioc-limma, r-cran-statmod) and
is left out where it is not. Untested counts as not found.
"""

import itertools
import sys
from dataclasses import replace

import numpy as np

from benchmarks.compare import designs_alternatives
from benchmarks.compare.alternatives import r_is_there
from benchmarks.compare.bench_alternatives import OURS, against
from benchmarks.compare.unequal_figures import word_is_true
from benchmarks.count_studies import long_counts, study_of
from benchmarks.designs import DESIGNS, MISSING, NAMES, PROPORTIONS, Setting, study
from benchmarks.pieces import Pieces, fingerprint, ratio
from benchmarks.source import digest
from benchmarks.unequal import RARE, targets
from compartments.compare import composition

KEEPS_ITS_ROWS = REPEATS = True
SEED = 31
LEVEL = 0.05
FEWEST = 0.3  # of the studies, for a rate: with samples missing, few donors are seldom compared at all
NO_WORD = ("", "inconclusive", "not_testable")
LOST = " beside lost lineages"
UPPER = "upper 95 % limit"
# imported on the way; nothing that is measured here rests on them
UNUSED = ["benchmarks.scoreboard", "benchmarks.studies", "compartments.simulate.presets"]
UNUSED += ["compartments.compare.coupling", "compartments.findings.answers", "compartments.findings.rows"]
# so that every model, depth, scale, correlation and missing samples meet each other
KINDS = [
    {"scale": "abs"},
    {"missing": MISSING},
    {"model": "dirichlet", "depth": "random", "scale": "abs"},
    {"depth": "random", "correlation": 0.9, "missing": MISSING, "scale": "abs"},
    {"model": "dirichlet", "correlation": 0.0},
    {"depth": "random", "correlation": 0.9},
    {"model": "dirichlet", "correlation": 0.0, "missing": MISSING, "scale": "abs"},
]


def settings():
    """All settings, the ones that matter most first."""
    order = [(6, KINDS[:3]), (3, KINDS[:2]), (12, KINDS[:2]), (6, KINDS[3:]), (3, KINDS[2:]), (12, KINDS[2:])]
    found = [Setting(design, n, **kind) for n, kinds in order for kind, design in itertools.product(kinds, DESIGNS)]
    # cells per microlitre of two compartments are not compared, only shares
    return [replace(x, scale="rel") if x.design == "one condition" else x for x in found]


def gate_of(figure, setting):
    """The gate of a figure; empty where it is for information.

    Of the power, whether a setting alone shows that it is more than .03 below the best other's; the page has the
    difference over all settings.
    """
    rules = [
        ("type-I error, rare lineages", ""),
        ("type-I error of", ""),
        ("type-I error", ".03-.07"),
        ("one-sided error", "<= .07"),
        ("coverage,", ".92-.97"),
        ("share tested where", ">= .95"),
        ("studies with a false word", "<= .05"),
    ]
    if figure.endswith(UPPER):
        return ">= -.03"
    return next((gate for start, gate in rules if figure.startswith(start)), "")


def questions(setting):
    """Figures for which there are other methods."""
    return [name for name in setting.terms if name != "within blood"]


def one(setting, number):
    """One study: figures, figure -> (sum, count), and p of every method, name -> array (questions, lineages)."""
    drawn = study(setting, SEED, number)
    samples = drawn.samples(setting)
    table = drawn.table(samples)
    effects = effects_of(setting, samples, table)
    p = {OURS: [effects[setting.terms[name]]["p_value"].to_numpy(float) for name in questions(setting)]}
    for name in questions(setting):
        for method, each in designs_alternatives.in_python(samples, table.to_numpy(), name).items():
            p.setdefault(method, []).append(each)
    return figures(setting, drawn, effects), {name: np.array(each) for name, each in p.items()}


def effects_of(setting, samples, table):
    """Effects of the contrast that the design is made for, a table of all lineages per term."""
    asked = study_of(samples)
    if setting.design == "change":
        asked = replace(asked, contrasts=asked.contrasts[asked.contrasts["kind"] == "change"])
    (_,) = asked.contrasts["contrast"]
    rows = composition.compare(asked, long_counts(table)).effects.set_index("lineage")
    return {term: rows[rows["term"] == term].reindex(NAMES) for term in setting.terms.values()}


def figures(setting, drawn, effects):
    """Rejections, coverage, bias, what was tested and false words of one study; both compartments added up."""
    found = {}
    for name, term in setting.terms.items():
        both = "within a compartment" if name.startswith("within") else name
        for figure, pair in _tests(setting, drawn, name, effects[term]).items():
            found[f"{figure}, {both}"] = np.add(found.get(f"{figure}, {both}", 0), pair)
    if setting.design != "one condition":
        found |= _words(effects["interaction"]["call"].fillna(""), drawn)
    return found


def _tests(setting, drawn, name, table):
    """Figures of one term."""
    truth, p = drawn.truth[name], table["p_value"].to_numpy(float)
    tested, none = np.isfinite(p), truth == 0
    found = {}
    for group, chosen in (("", tested & none), (" of rare lineages", tested & none & (PROPORTIONS <= RARE))):
        found[f"type-I error{group}"] = (p[chosen] < LEVEL).sum(), chosen.sum()
    for way in ("decrease", "increase"):
        wrong = table[f"p_{way}"].to_numpy(float)[tested & none] < LEVEL
        found[f"one-sided error, {way}"] = wrong.sum(), (tested & none).sum()
    low, high = table["ci_low"].to_numpy(float), table["ci_high"].to_numpy(float)
    covered = (low <= truth) & (truth <= high)
    found["coverage"] = covered[tested].sum(), tested.sum()
    found["coverage of changed lineages"] = covered[tested & ~none].sum(), (tested & ~none).sum()
    found["width of the interval, log2"] = (high - low)[tested].sum(), tested.sum()
    found["bias, log2"] = (table["log2fc"].to_numpy(float) - truth)[tested].sum(), tested.sum()
    enough = (drawn.expected[_sides(name)].min((0, 1, 2)) >= 10) & replicated(setting, drawn, name)
    found["share tested where every arm expects 10 cells"] = tested[enough].sum(), enough.sum()
    found["share tested"] = tested.sum(), len(tested)
    return found


def _sides(name):
    """Compartments that a figure is of."""
    return {"within CSF": slice(0, 1), "within blood": slice(1, 2)}.get(name, slice(0, 2))


def replicated(setting, drawn, name):
    """Whether two donors of every group are their own controls; mixed: whether there are two of every condition."""
    there = drawn.there[_sides(name)].all(0)
    if setting.design == "mixed":
        return there.sum(1).min() >= 2
    groups = [drawn.treated, ~drawn.treated] if setting.design == "change" else [drawn.treated]
    return min(there.all(0)[group].sum() for group in groups) >= 2


def _words(words, drawn):
    """False words of the table, per lineage and per study."""
    own, base = drawn.truth["within CSF"], drawn.truth["within blood"]
    false = sum(
        word not in NO_WORD and not word_is_true(word, *changes)
        for word, *changes in zip(words, own, base, strict=True)
    )
    return {"false words per lineage": (false, len(words)), "studies with a false word": (bool(false), 1)}


def met(setting, n, over):
    """Figures of ``n`` studies, and every method's p on them: name -> array (questions, lineages, studies)."""
    made = list(over(one, [setting] * n, range(n)))
    p = {name: [each[name] for _, each in made] for name in made[0][1]}
    drawn = [study(setting, SEED, number) for number in range(n)]
    given = [(x.samples(setting), x.table(x.samples(setting)).to_numpy()) for x in drawn]
    for k, name in enumerate(questions(setting)):
        for method, each in designs_alternatives.in_r(given, name).items():
            p.setdefault(method, np.empty((n, len(questions(setting)), len(NAMES))))[:, k] = each
    return [each for each, _ in made], {x: np.nan_to_num(np.moveaxis(each, 0, -1), nan=1.0) for x, each in p.items()}


def measure(setting, n, over):
    """Figures of one setting, none of what was seldom tested, and power of every method."""
    if not r_is_there():
        print("limma: Rscript with limma is not here; left out", file=sys.stderr)
    none, null = met(replace(setting, truth="null"), n, over)
    some, lost = met(setting, n, over)
    found = []
    for made, beside in ((none, ""), (some, LOST)):
        for figure in made[0]:
            pairs = np.array([each[figure] for each in made], float)
            if (pairs[:, 1] > 0).mean() >= FEWEST:
                found.append((figure + beside, *ratio(pairs)))
    at = list(targets(np.stack([PROPORTIONS] * 2)).values())
    for k, name in enumerate(questions(setting)):
        for method, p in null.items():
            pairs = [((each < LEVEL).sum(), len(each)) for each in p[k].T]
            found.append((f"type-I error of {method}, {name}", *ratio(pairs)))
            pairs = [((each < LEVEL).sum(), len(each)) for each in np.delete(lost[method][k], at, axis=0).T]
            found.append((f"false positives{LOST}, {method}, {name}", *ratio(pairs)))
        arrays = (np.stack([p[k] for p in null.values()]), np.stack([p[k][at] for p in lost.values()]))
        found += (rows := against(name, list(null), *arrays))
        found += [
            (f"{figure}, {UPPER}", gap + 1.96 * se, np.nan) for figure, gap, se in rows if figure.endswith("three")
        ]
    return found + fingerprint(again(setting))


def again(setting):
    """Sums over the first study that change when an estimate, a test, a word or another method does."""
    found, p = one(setting, 0)
    kinds = {kind: sum(x[0] for figure, x in found.items() if kind in figure) for kind in ("bias", "width", "false")}
    others = sum(np.nan_to_num(each, nan=1.0).sum() for name, each in p.items() if name != OURS)
    return {**kinds, "p": float(np.nan_to_num(p[OURS], nan=1.0).sum()), "p of others": float(others)}


PIECES = Pieces(
    step="designs",
    seed=SEED,
    studies=60,
    code=digest(["benchmarks.compare.bench_designs"], without=UNUSED),
    settings=settings,
    measure=measure,
    again=again,
    gate_of=gate_of,
    repeated=lambda: settings()[:4],
)


def run(quick=False):
    """Rows of the scoreboard."""
    return PIECES.run(quick)


if __name__ == "__main__":
    PIECES.main(__doc__)
