"""The part of the scoreboard's page about donors that are not alike: settings of bench_unequal.py taken together."""

import re

HEAD = """
## Unequal donors

Means over the settings of a truth and scale, by donors per arm, weighted by their studies, with the standard error of
the mean in brackets; that of a single setting is several times as large, and some of them miss a gate by chance. Bold:
means that miss it by more than two standard errors.

| truth, scale | figure | {sizes} |
|---|---|{columns}|
"""
FIGURES = (
    "type-I error, within CSF",
    "type-I error, within CSF, rare lineages",
    "type-I error, interaction",
    "type-I error, interaction, rare lineages",
    "coverage, within CSF",
    "coverage, interaction",
    "type-I error of the Q test",
    "studies with a false word, discordant or maintained",
    "studies with any wrong yes",
)
SETTING = re.compile(r"(?P<size>\d+v\d+) \w+, (?P<truth>\w+), .*, (?P<scale>abs|rel)")
BOUNDS = re.compile(r"(?:(?P<low>\.\d+)-|<= )(?P<high>\.\d+)")


def section(rows):
    """Text of the section; empty without rows of the bench."""
    found = {}
    for row in rows:
        if row["step"] == "unequal" and row["metric"] in FIGURES and row["se"]:
            kind = SETTING.match(row["setting"])
            found.setdefault((kind["truth"], kind["scale"], row["metric"]), {}).setdefault(kind["size"], []).append(row)
    if not found:
        return []
    sizes = sorted({size for each in found.values() for size in each}, key=lambda size: [*map(int, size.split("v"))])
    groups = dict.fromkeys((truth, scale) for truth, scale, _ in found)
    lines = [
        f"| {truth}, {scale} | {figure} | {' | '.join(pooled(of_size.get(size, [])) for size in sizes)} |\n"
        for truth, scale in groups
        for figure in FIGURES
        if (of_size := found.get((truth, scale, figure)))
    ]
    return [HEAD.format(sizes=" | ".join(sizes), columns="|".join(["---"] * len(sizes))), *lines]


def pooled(rows):
    """Mean and its standard error, of rows of one figure; a dash of none."""
    if not rows:
        return "-"
    studies = [int(row["n"]) for row in rows]
    mean = sum(n * float(row["value"]) for n, row in zip(studies, rows, strict=True)) / sum(studies)
    error = sum((n * float(row["se"])) ** 2 for n, row in zip(studies, rows, strict=True)) ** 0.5 / sum(studies)
    text = f"{mean:.3f} ({error:.3f})"
    bounds = BOUNDS.fullmatch(rows[0]["gate"])
    if bounds:
        beyond = max(mean - float(bounds["high"]), float(bounds["low"] or 0) - mean if bounds["low"] else 0)
        text = f"**{text}**" if beyond > 2 * error else text
    return text
