"""Several studies together: what each of them says, and how far they differ."""

import pandas as pd
from scipy import stats

from compartments.core.vocabulary import ALPHA
from compartments.report import captions, forests
from compartments.report.blocks import Block
from compartments.report.figures.style import SYMBOLS, Figure, bars_around, layout, palette, rows_of
from compartments.report.page import Page
from compartments.study.terms import Term

NAME = "cohorts"
TITLE = "The cohorts"
SPREAD, SAID = "combined/heterogeneity.tsv.gz", "combined/cohorts.tsv.gz"
NEEDS = [SPREAD, SAID]
STEPS = ["combine"]
COMPOSITION = "composition/effects.tsv"
WHOLE = "all together"
SEPARATOR = " | "  # of a feature: level, lineage and scale
LEVEL = f"lineage{SEPARATOR}"


def build(page: Page) -> list[Block]:
    """How many effects the cohorts differ in, a forest of lineages for each comparison, and where they differ most."""
    spread, said = page.needed(SPREAD), page.needed(SAID)
    names = list(said["cohort"].unique())
    differ = int((spread["p_heterogeneity"] < ALPHA).sum())
    n, chance = f"{len(spread):,}", f"{ALPHA * len(spread):,.0f}"
    blocks: list[Block] = [page.text("cohorts.differ", n=n, differ=differ, chance=chance, names=", ".join(names))]
    for term in page.terms:
        blocks += _forest(page, term, said, names)
    shown, cut = captions.first_rows(spread, "p_heterogeneity")
    return [*blocks, page.listing("cohorts.heterogeneity", shown, SPREAD, cut=cut)]


def _forest(page: Page, term: Term, said: pd.DataFrame, names: list[str]) -> list[Figure]:
    """Changes of lineages in each cohort and in all; none where nothing was taken together."""
    effects = page.table(COMPOSITION)
    if effects is None:
        return []
    whole = forests.rows_of(effects[effects["level"] == "lineage"], term)
    if whole.empty:
        return []
    whole = whole.rename(columns={"log2fc": "estimate"}).assign(cohort=WHOLE)
    own = forests.rows_of(said[said["table"] == COMPOSITION], term)
    own = own[own["feature"].str.startswith(LEVEL)]
    raw = own["feature"].str.removeprefix(LEVEL).str.rpartition(SEPARATOR)[0]  # a lineage's name may have one, too
    own = own.assign(lineage=raw.map(page.results.lineage_name))
    own = own[own["lineage"].isin(whole["lineage"])]
    half = stats.t.ppf(1 - ALPHA / 2, own["df"]) * own["se"]
    own = own.assign(ci_low=own["estimate"] - half, ci_high=own["estimate"] + half)
    columns = ["cohort", "lineage", "estimate", "ci_low", "ci_high", "n_condition", "n_reference"]
    rows = pd.concat([own[columns], whole[columns]], ignore_index=True)
    labels = list(whole.sort_values("estimate")["lineage"])
    places, axis = rows_of(labels)
    colours, traces = palette([*names, WHOLE]), []
    for number, name in enumerate(colours):
        part = rows[rows["cohort"] == name]
        low, high = part["ci_low"], part["ci_high"]
        traces.append({
            "type": "scatter", "mode": "markers", "name": name, "x": part["estimate"],
            "y": part["lineage"].map(places) + 0.28 - 0.56 * number / len(names),
            "marker": {"size": 10 if name == WHOLE else 7, "color": colours[name], "symbol": SYMBOLS[number % 6]},
            "error_x": bars_around(part["estimate"], low, high, color=colours[name], thickness=1.5, width=3),
        })  # fmt: skip
    line = {"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper", "line": {"color": "#444", "width": 1}}
    shown = layout(forests.change_on(whole["scale"].iloc[0]), shapes=[line], yaxis=axis)
    donors = captions.span(whole["n_condition"]), captions.span(whole["n_reference"])
    behind = f"{len(names)} cohorts, {donors[0]} and {donors[1]} donors in all"
    where = term.compartment if not term.across else f"{term.compartment} minus {page.base}"
    words = page.words("cohorts.forest", behind, contrast=term.contrast.contrast, where=where)
    tall = 130 + (24 + 10 * len(colours)) * len(labels)
    name = f"cohorts_{term.contrast.contrast}_{term.name.replace(':', '_')}_{term.compartment}"
    return [Figure(name, words, traces, shown, rows, tall)]
