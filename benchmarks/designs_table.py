"""The part of the scoreboard's page about designs: a line per setting of bench_designs.py."""

import re

OURS = "this pipeline"
HEAD = """
## Designs

Under the null: type-I error, coverage of 95 % intervals (within a compartment, between the compartments) and studies
with a false word; bold what misses its gate. Then the power at equal type-I error, mean of three lineages that fall in
CSF alone by 2 / sqrt(n) log2: this pipeline, the best other method on the same studies, and the difference with its
standard error.

| setting | type-I error | coverage | false word | within CSF | between compartments |
|---|---|---|---|---|---|
"""
OVERALL = """
Over the settings of a design: mean difference from the best other method, and its lower 95 % limit (one-sided 97.5 %).

| design | within CSF | between compartments |
|---|---|---|
"""
DESIGNS = ("within", "mixed", "change", "one condition")
BETWEEN = ("interaction", "compartments")
POWER = re.compile(r"power, (.+), (within CSF|interaction|compartments), .+ lineage")


def section(rows):
    """Text of the section; empty without rows of the bench."""
    settings = {}
    for row in rows:
        if row["step"] == "designs":
            settings.setdefault(row["setting"], {})[row["metric"]] = row
    if not settings:
        return []
    lines = [_line(name, figures) for name, figures in settings.items()]
    of_design = {x: [figures for name, figures in settings.items() if name.startswith(f"{x} ")] for x in DESIGNS}
    return [HEAD, *lines, OVERALL, *(_overall(name, each) for name, each in of_design.items() if each)]


def _line(name, figures):
    between = next(term for term in BETWEEN if any(term in metric for metric in figures))
    terms = ["within a compartment", between]
    cells = [name.replace(", lost", "")]
    cells += [_values(figures, [f"{figure}, {term}" for term in terms]) for figure in ("type-I error", "coverage")]
    cells += [_values(figures, ["studies with a false word"]), _power(figures, "within CSF"), _power(figures, between)]
    return f"| {' | '.join(cells)} |\n"


def _gap(figures, term):
    """Row of the difference from the best other, None where there is none."""
    return figures.get(f"power above the best other's, {term}, all three")


def _overall(name, settings):
    cells = []
    for terms in (("within CSF",), BETWEEN):
        gaps = [gap for figures in settings for term in terms if (gap := _gap(figures, term))]
        mean = sum(float(x["value"]) for x in gaps) / max(len(gaps), 1)
        se = sum(float(x["se"]) ** 2 for x in gaps) ** 0.5 / max(len(gaps), 1)
        cells.append(f"{mean:+.3f} ({mean - 1.96 * se:+.3f})" if gaps else "-")
    return f"| {name} | {' | '.join(cells)} |\n"


def _values(figures, metrics):
    """Values with two figures, those that miss their gate in bold; a dash for none."""
    found = [figures[metric] for metric in metrics if metric in figures]
    shown = [f"{float(x['value']):.3f}" for x in found]
    return ", ".join(f"**{s}**" if x["pass"] == "MISSED" else s for s, x in zip(shown, found, strict=True)) or "-"


def _power(figures, term):
    """Ours, the best other, the difference."""
    of_method = {}
    for metric, row in figures.items():
        match = POWER.fullmatch(metric)
        if match and match[2] == term:
            of_method.setdefault(match[1], []).append(float(row["value"]))
    if not of_method:
        return "-"
    mean = {name: sum(values) / len(values) for name, values in of_method.items()}
    best = max((name for name in mean if name != OURS), key=mean.get)
    gap = _gap(figures, term)
    return f"{mean[OURS]:.2f}; {mean[best]:.2f} ({best}); {float(gap['value']):+.2f} ({float(gap['se']):.2f})"
