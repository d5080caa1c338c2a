"""Composition against known truth: type-I error, coverage, calls, power and false discoveries, per design."""

import sys

import numpy as np

from benchmarks.count_studies import first_study, many
from benchmarks.gates import row
from benchmarks.pieces import departures, first_rows, ratio

STEP = "composition"
REPEATS = True
SEED = 11
DISCORDANT = "discordant_CSF_retained"
APART = "discordant_|maintained_"
ENOUGH = 400  # studies, for a share of studies to be gated: standard error .011


def run(quick=False, studies=400):
    """Rows of the scoreboard; quick, the first studies of some settings against their stored rows."""
    if quick:
        return departures(STEP, SEED, _again((2, 4)))
    rows = []
    for arms in [(2, 4), (3, 3), (4, 4), (6, 6)]:
        rows += _null(arms, studies, "abs") + _synchronous(arms, studies) + _depleted(arms, studies)
    for arms in [(2, 4), (6, 6)]:
        half = studies // 2
        rows += _null(arms, half, "rel") + _null(arms, half, "abs", unequal=0.45) + _relative(arms, half)
    return rows


def _again(arms):
    """Settings and the sums of their first study, made anew."""
    for preset, name, options in (
        ("null", "null", {}),
        ("null", "null, unequal variances", {"unequal": 0.45}),
        ("synchronous", "synchronous", {}),
        ("alemtuzumab", "alemtuzumab", {"absolute": False}),
    ):
        scale = "abs" if options.get("absolute", True) else "rel"
        yield _setting(arms, name, scale), first_study(*many(preset, arms, 1, SEED, **options)[:2])


def _setting(arms, name, scale="abs"):
    return f"{arms[0]}v{arms[1]} {name} {scale}"


def _null(arms, n, scale, unequal=0.0):
    effects, calls, _ = many("null", arms, n, SEED, scale == "abs", unequal=unequal)
    setting = _setting(arms, "null, unequal variances" if unequal else "null", scale)
    rows = first_rows(STEP, setting, SEED, first_study(effects, calls))
    for term, table in effects.groupby("term", sort=False):
        gate = ".03-.07" if term == "interaction" else ""
        error = (table["p_value"] < 0.05).mean()
        rows.append(row(STEP, f"type-I error, {term}", setting, error, gate, n, SEED))
        rows.append(row(STEP, f"coverage, {term}", setting, _coverage(table), ".92-.97", n, SEED))
    if scale == "abs" and not unequal:
        # equivalence is true here; every other call is false
        rows += _false_calls(calls, calls["call"] != "concordant", setting, n)
    return rows


def _synchronous(arms, n):
    effects, calls, _ = many("synchronous", arms, n, SEED)
    setting = _setting(arms, "synchronous")
    pdc = calls[(calls["lineage"] == "pDC") & (calls["call"] == DISCORDANT)]
    both = calls[calls["call"] == "depleted_both"]
    both = (both["p_value"] < 0.05).groupby(both["lineage"]).mean()
    gate = "<= .06" if arms == (2, 4) else "<= .05"
    return [
        *first_rows(STEP, setting, SEED, first_study(effects, calls)),
        *_false_calls(calls, ~calls["call"].isin(["depleted_both", "concordant"]), setting, n),
        row(STEP, "pDC discordant when false", setting, (pdc["p_value"] < 0.05).mean(), gate, n, SEED),
        row(STEP, "power, depleted in both, CD4 T (-3)", setting, both["CD4_T"], "", n, SEED),
        row(STEP, "power, depleted in both, NK (-1)", setting, both["NK"], "", n, SEED),
    ]


def _depleted(arms, n):
    effects, calls, _ = many("alemtuzumab", arms, n, SEED)
    setting = _setting(arms, "alemtuzumab")
    pdc = calls[calls["lineage"] == "pDC"].set_index("call")
    apart, kept = pdc.loc[DISCORDANT], pdc.loc["maintained_CSF"]
    rows = [
        row(STEP, "power, pDC discordant", setting, (apart["p_value"] < 0.05).mean(), ">= .9", n, SEED),
        row(STEP, "power, pDC discordant, q < .05", setting, (apart["q_value"] < 0.05).mean(), "", n, SEED),
        row(STEP, "power, pDC maintained", setting, (kept["p_value"] < 0.05).mean(), "", n, SEED),
        *_false_calls(calls, (calls["truth_u"] == 0) & calls["call"].str.match(APART), setting, n),
    ]
    for term, table in effects.groupby("term", sort=False):
        rows.append(row(STEP, f"coverage, {term}", setting, _coverage(table), ".92-.97", n, SEED))
        claimed = table[table["q_value"] < 0.05]
        wrong = (claimed["truth"] == 0).groupby(claimed["study"]).mean().sum() / n
        rows.append(row(STEP, f"false discovery proportion at BH 5 %, {term}", setting, wrong, "<= .08", n, SEED))
        if term == "interaction":
            bias = (table["log2fc"] - table["truth"])[table["lineage"] == "pDC"].mean()
            rows.append(row(STEP, "bias of the pDC interaction, log2", setting, bias, "", n, SEED))
    return rows


def _relative(arms, n):
    effects, calls, _ = many("alemtuzumab", arms, n, SEED, absolute=False)
    setting = _setting(arms, "alemtuzumab", "rel")
    interaction = effects[effects["term"] == "interaction"]
    others = interaction[interaction["lineage"] != "pDC"]
    pdc = calls[(calls["lineage"] == "pDC") & (calls["call"] == "relatively_" + DISCORDANT)]
    return [
        *first_rows(STEP, setting, SEED, first_study(effects, calls)),
        row(STEP, "type-I error, interaction", setting, (others["p_value"] < 0.05).mean(), ".03-.07", n, SEED),
        row(STEP, "coverage, interaction", setting, _coverage(interaction), ".92-.97", n, SEED),
        row(STEP, "power, pDC discordant", setting, (pdc["p_value"] < 0.05).mean(), "", n, SEED),
    ]


def _coverage(table):
    return ((table["ci_low"] <= table["truth"]) & (table["truth"] <= table["ci_high"])).mean()


def _false_calls(calls, false, setting, n):
    """False calls at q < .05, all kinds and directions added: per lineage, and studies with any that answers yes."""
    held = calls[false & (calls["q_value"] < 0.05)]
    lineages = held.groupby("study")["lineage"].nunique().reindex(range(n), fill_value=0)
    value, se = ratio([(count, calls["lineage"].nunique()) for count in lineages])
    rows = [row(STEP, "lineages with a false call", setting, value, "", n, SEED, f"{se:.2g}")]
    for name, kind in (("discordant or maintained", APART), ("depleted in both", "depleted_both")):
        studies = held[held["call"].str.match(kind)]["study"].nunique()
        error = np.sqrt(studies / n * (1 - studies / n) / n)
        what, gate = f"studies with a false call, {name}", "<= .05" * (n >= ENOUGH)
        rows.append(row(STEP, what, setting, studies / n, gate, n, SEED, f"{error:.2g}"))
    return rows


if __name__ == "__main__":
    for line in run("--quick" in sys.argv):
        print(*(np.round(x, 3) if isinstance(x, float) else x for x in line.values()), sep="\t")
