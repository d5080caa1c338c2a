"""What composition, coupling and the findings say of one study whose truth is known: the figures of bench_unequal.py.

A figure is a sum and a count, so that over studies it is a rate or a mean with a standard error.
"""

import numpy as np

from benchmarks.count_studies import claims
from benchmarks.unequal import RARE, study, targets

MARGIN = 1.0  # log2, of equivalence
TERMS = {"within CSF": "within:CSF", "within blood": "within:blood", "interaction": "interaction"}
UNCOUPLED = ["partly_uncoupled", "uncoupled"]


def word_is_true(word, own, base):
    """Whether a word of the table holds for changes (log2) in CSF (``own``) and blood (``base``)."""
    word = word.removeprefix("relatively_")
    if word == "concordant":
        return abs(own - base) < MARGIN
    if word in ("depleted_both", "increased_both"):
        return max(own, base) < 0 if word == "depleted_both" else min(own, base) > 0
    kind, side, *how = word.split("_")
    here, there = (own, base) if side == "CSF" else (base, own)
    if how == ["increased"]:
        return here > max(there, 0)
    return there < 0 and here > there and (kind == "discordant" or here > -MARGIN)


def measured(setting, seed, number):
    """One study: figure -> (sum, count), which give a rate or mean over studies."""
    drawn = study(setting, seed, number)
    samples = drawn.samples(setting)
    said = claims(samples, drawn.table(samples), ["age"] if setting.fault == "covariate" else [])
    effects = said.effects[said.effects["level"] == "lineage"]
    found = {}
    for name, term in TERMS.items():
        table = effects[effects["term"] == term].set_index("lineage").reindex(drawn.names)
        found |= _tests(name, table, drawn, setting)
    words = effects[effects["term"] == "interaction"].set_index("lineage")["call"].reindex(drawn.names).fillna("")
    found |= _words(words, drawn)
    found |= _verdicts(said, drawn)
    if setting.truth == "lost":
        return found | _power(effects, words, said.findings, drawn)
    return found


def _changes(drawn):
    """Figure of ``TERMS`` -> its true log2 changes."""
    own, base = drawn.truth
    return dict(zip(TERMS, (own, base, own - base), strict=True))


def _tests(name, table, drawn, setting):
    """Rejections, coverage, bias and what was tested, of one term."""
    truth, p = _changes(drawn)[name], table["p_value"].to_numpy(float)
    estimate = table["log2fc"].to_numpy(float)
    tested, none = np.isfinite(p), truth == 0
    side = 0 if name == "within CSF" else 1
    share = drawn.proportions.min(0) if name == "interaction" else drawn.proportions[side]
    cells = drawn.expected.min((0, 1)) if name == "interaction" else drawn.expected[side].min(0)
    everyone = np.arange(len(truth)) != drawn.absent
    groups = {"": everyone, ", rare lineages": everyone & (share <= RARE)}
    if drawn.absent >= 0:
        groups[", the absent lineage"] = ~everyone
    found = {}
    for group, chosen in groups.items():
        at = tested & none & chosen
        found[f"type-I error, {name}{group}"] = (p[at] < 0.05).sum(), at.sum()
        if name != "within blood" and "absent" not in group:
            for way in ("decrease", "increase"):
                wrong = table[f"p_{way}"].to_numpy(float)[at] < 0.05
                found[f"one-sided error, {way}, {name}{group}"] = wrong.sum(), at.sum()
    low, high = table["ci_low"].to_numpy(float), table["ci_high"].to_numpy(float)
    covered = (low <= truth) & (truth <= high)
    found[f"width of the interval, {name}, log2"] = (high - low)[tested].sum(), tested.sum()
    found[f"coverage, {name}"] = covered[tested].sum(), tested.sum()
    found[f"coverage, {name}, changed lineages"] = covered[tested & ~none].sum(), (tested & ~none).sum()
    at = tested & groups[", rare lineages"]
    found[f"bias of rare lineages, {name}, log2"] = (estimate - truth)[at].sum(), at.sum()
    found[f"share tested where both arms expect 10 cells, {name}"] = tested[cells >= 10].sum(), (cells >= 10).sum()
    found[f"share tested, {name}"] = tested.sum(), len(tested)
    return found


def _words(words, drawn):
    """False words of the table, per lineage and per study, all directions added."""
    false = [
        word
        for word, own, base in zip(words, *drawn.truth, strict=True)
        if word not in ("", "inconclusive", "not_testable") and not word_is_true(word, own, base)
    ]
    kinds = {
        "depleted_both": ("depleted_both",),
        "discordant or maintained": ("discordant", "maintained"),
        "increased_both": ("increased_both",),
    }
    found = {"false words per lineage": (len(false), len(words)), "studies with a false word": (bool(false), 1)}
    for name, starts in kinds.items():
        made = any(word.removeprefix("relatively_").startswith(starts) for word in false)
        found[f"studies with a false word, {name}"] = made, 1
    return found


def _verdicts(said, drawn):
    """Coupling, and the questions that composition can answer wrongly with yes."""
    apart = drawn.truth[0] != drawn.truth[1]
    truth = dict(zip(drawn.names, drawn.truth.T, strict=True))
    coupling = said.coupling[said.coupling["level"] == "lineage"] if len(said.coupling) else said.coupling
    p = coupling["p_value"].to_numpy(float) if len(coupling) else np.array([np.nan])
    verdict = coupling["verdict"].iloc[0] if len(coupling) else ""
    rejected, uncoupled = (p[0] < 0.05, np.isfinite(p[0])), (verdict in UNCOUPLED, 1)
    wrong = dict.fromkeys((1, 2, 5), False)
    yes = said.findings[said.findings["verdict"] == "yes"]
    for answer in yes[yes["lineage"] != ""].itertuples():
        if answer.question in (1, 2):
            word = "depleted_both" if answer.question == 1 else f"discordant_{answer.aspect}_retained"
            wrong[answer.question] |= not word_is_true(word, *truth[answer.lineage])
    if not apart.any():
        wrong[5] = bool(((yes["question"] == 5) & (yes["lineage"] == "")).any())
        found = {"type-I error of the Q test": rejected, "called uncoupled or partly uncoupled": uncoupled}
    else:
        found = {"power of the Q test": rejected, "power, called uncoupled or partly uncoupled": uncoupled}
    found |= {f"studies with a wrong yes, question {question}": (made, 1) for question, made in wrong.items()}
    return found | {"studies with any wrong yes": (any(wrong.values()), 1)}


def _power(effects, words, findings, drawn):
    """Lineages lost from CSF alone that are found; one that was not tested was not found."""
    found = {}
    kept = findings[(findings["question"] == 2) & (findings["verdict"] == "yes") & (findings["aspect"] == "blood")]
    for name, at in targets(drawn.proportions).items():
        lineage = drawn.names[at]
        for term in ("within CSF", "interaction"):
            here = effects[(effects["term"] == TERMS[term]) & (effects["lineage"] == lineage)]
            lost = bool(((here["p_value"] < 0.05) & (here["log2fc"] < 0)).any())
            found[f"power, {term}, {name} lineage lost from CSF"] = lost, 1
        word = words.iloc[at].removeprefix("relatively_").startswith(("discordant_blood", "maintained_blood"))
        found[f"power, word kept in blood, {name} lineage"] = word, 1
        found[f"power, question 2, {name} lineage"] = lineage in set(kept["lineage"]), 1
    return found
