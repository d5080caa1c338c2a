"""Lines of single donors: from condition to condition, from compartment to compartment."""

import pandas as pd

from compartments.report import captions, donors
from compartments.report.figures.dots import slopes
from compartments.report.figures.style import Figure
from compartments.report.page import Page, tagged
from compartments.study.study import BETWEEN, CHANGE, COMPARTMENTS, MIXED, TREND
from compartments.study.terms import Term


def without_parts(page: Page) -> list[Term]:
    """Terms whose samples no other contrast shows, too: a change of change has both groups, a trend all conditions."""
    whole = [term.contrast for term in page.terms if term.kind in (CHANGE, TREND)]
    found = []
    for term in page.terms:
        mine = term.contrast
        parts = [
            each
            for each in whole
            if each != mine
            and (
                {mine.condition, mine.reference} <= set(page.study.order)
                if each.kind == TREND
                else (each.condition, each.reference) == (mine.condition, mine.reference)
                and mine.group in (each.group, each.group_reference)
            )
        ]
        if term.kind != BETWEEN and not parts:
            found.append(term)
    return found


def of_abundances(page: Page) -> list[Figure]:
    """Abundance of every lineage in each sample of donors who have several conditions, or compartments of one."""
    table = donors.abundances(page.results, "lineage")
    if table is None:
        return []
    figures = []
    for term in without_parts(page):
        if term.across != (term.kind == COMPARTMENTS):
            continue
        conditions = [term.contrast.reference, term.contrast.condition]
        if term.kind == TREND:
            conditions = list(page.study.order)
        at = "compartment" if term.across else "condition"
        spots = [page.base, term.compartment] if term.across else conditions
        rows = table[table[at].isin(spots) & table["donor"].isin(term.units["donor"])]
        rows = rows if term.across else rows[rows["compartment"] == term.compartment]
        figures += _lines(page, "shared.lines", "lines", rows.assign(spot=rows[at], value=rows["log2"]), spots, term)
    return figures


def of_changes(page: Page) -> list[Figure]:
    """Change of every lineage in both compartments, of donors who are their own controls."""
    figures = []
    for term in without_parts(page):
        if not term.across or term.kind in (COMPARTMENTS, MIXED):
            continue
        parts = []
        for each in page.within(term):
            rows = donors.composition_of(page.results, each, "lineage")
            if rows is not None:
                # that of a change of change is of a difference between groups
                zero = donors.zeros_of(page.results, each, "lineage", rows["donor"]) if term.one_arm else 0.0
                parts.append(rows.assign(spot=each.compartment, value=rows["log2_seen"] - zero))
        if len(parts) == 2:
            rows = pd.concat(parts)
            spots = [page.base, term.compartment]
            figures += _lines(page, "shared.change_lines", "change_lines", rows, spots, term, zero=True)
    return figures


def _lines(
    page: Page, key: str, start: str, rows: pd.DataFrame, spots: list[str], term: Term, *, zero: bool = False
) -> list[Figure]:
    """One figure; a colour for each group whose changes are compared, else that of the compartment."""
    counts = rows.groupby(["donor", "lineage"])["spot"].transform("nunique")
    if not (counts > 1).any():
        return []
    units = term.units.drop_duplicates("donor").set_index("donor")["arm"]
    series = rows["donor"].map(units) if term.kind == CHANGE else term.compartment
    colours = page.colours.condition if term.kind == CHANGE else page.colours.compartment
    rows = rows.assign(label=rows["lineage"], series=series)[["label", "spot", "donor", "series", "value"]]
    labels = [lineage for lineage in page.results.lineages() if lineage in set(rows["label"])]
    absolute = page.results.json("composition/composition.json").get("scale") == "abs"
    scale = "log2 cells per microlitre" if absolute else "log2 share of cells"
    y = page.wording.get(key, "axis", {"scale": scale})
    behind = captions.counted(rows["donor"].nunique(), "donor")
    lone = sorted(set(rows["donor"]) - set(rows["donor"][counts > 1]))
    behind += f", {len(lone)} of them with one alone ({', '.join(lone)})" if lone else ""
    words = page.words(key, behind, term, spots=", ".join(spots))
    name = f"{start}_{tagged(term.contrast, term.compartment)}"
    return [slopes(name, rows, "value", labels, spots, colours, words, y=y, zero=zero)]
