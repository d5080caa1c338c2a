"""Figures that more than one section shows: changes, differences between compartments, lines of single donors."""

import pandas as pd

from compartments.findings import designs
from compartments.report import captions, donors
from compartments.report.figures.dots import Spots, paired_dots
from compartments.report.figures.forest import forest
from compartments.report.figures.style import Figure
from compartments.report.page import Page, series_of, variant_of
from compartments.study.study import BETWEEN, CHANGE, COMPARTMENTS, TREND
from compartments.study.terms import Term

LEVELS = {"lineage": "lineage", "lineage_broad": "broad lineage"}


def both(term: Term) -> str:
    """What every donor of a term has."""
    return " with both compartments" if term.across else ""


def change_on(scale: str) -> str:
    """Name of the change on the scale of ``composition/effects.tsv``."""
    return "log2 fold change" if scale == "abs" else "log2 change relative to what is taken as unchanged"


def margin_of(page: Page) -> float | None:
    """The margin of equivalence of composition."""
    return page.results.json("composition/composition.json").get("equiv_margin")


def rows_of(effects: pd.DataFrame, term: Term) -> pd.DataFrame:
    """Rows of a table of effects that are of a term."""
    return effects[(effects[list(term.keys)] == list(term.keys.values())).all(axis=1)]


def axis_of(page: Page, key: str, term: Term, **values: str) -> str:
    """Title of the axis of estimates."""
    return page.wording.get(key, "axis", page.phrases(term) | values, variant_of(term))


def behind_series(parts: list[tuple[Term, pd.DataFrame, pd.DataFrame | None]]) -> str:
    """What is behind each series of a forest: of every term its estimates and single donors."""
    return "; ".join(
        f"{rows['series'].iloc[0]}: {captions.estimates(rows, designs.of_term(term), circles=circles)}"
        for term, rows, circles in parts
    )


def in_series(
    page: Page,
    key: str,
    name: str,
    parts: list[tuple[Term, pd.DataFrame, pd.DataFrame | None]],
    labels: list[str],
    *,
    x: str,
    value: str,
    margin: float | None = None,
    **values: str,
) -> list[Figure]:
    """A forest of changes within compartments, a series each.

    Parameters
    ----------
    parts : list of (term, estimates, circles)
        With ``label`` and ``series``; terms without an estimate are left out.
    """
    parts = [part for part in parts if len(part[1])]
    if not parts:
        return []
    rows = pd.concat([rows.assign(one_arm=term.one_arm) for term, rows, _ in parts])
    single = [circles for *_, circles in parts if circles is not None]
    circles = pd.concat(single) if single else None
    words = page.words(key, behind_series(parts), parts[0][0], **values)
    series = {rows["series"].iloc[0]: term.compartment for term, rows, _ in parts}
    return [forest(name, rows, circles, labels, series, page.colours, words, x=x, value=value, margin=margin)]


def over_lineages(
    page: Page,
    key: str,
    name: str,
    term: Term,
    effects: pd.DataFrame,
    scores: pd.DataFrame | None,
    feature: str,
) -> list[Figure]:
    """Change of every score over all lineages within both compartments, or difference between them where donors have
    one condition.

    Parameters
    ----------
    key : str
        Entry of the words, which also has ``axis``.
    effects : DataFrame
        Estimates of lineage ``all``.
    scores : DataFrame, optional
        ``sample, lineage, score`` and ``feature``, for the circles.
    feature : str
        Column that names what is scored.
    """
    parts = []
    for each in [term] if term.kind == COMPARTMENTS else page.within(term):
        series = series_of(each, page.base) if each.across else each.compartment
        rows = rows_of(effects, each)
        rows = rows.assign(label=rows[feature], series=series)
        circles = None
        if scores is not None:
            own = scores[(scores["lineage"] == "all") & scores[feature].isin(rows[feature])]
            circles = donors.of_term(own, [feature], "score", each)
            circles = circles.assign(label=circles[feature], series=series)
        parts.append((each, rows, circles))
    every = pd.concat([rows for _, rows, _ in parts])
    labels = list(dict.fromkeys(every.sort_values("estimate", ascending=False)["label"]))
    return in_series(page, key, name, parts, labels, x=axis_of(page, key, term), value="estimate")


def within(page: Page, terms: list[Term], name: str, level: str = "lineage") -> list[Figure]:
    """Within-compartment changes of abundance of all lineages, donors as circles."""
    effects = page.table("composition/effects.tsv")
    if effects is None or not terms:
        return []
    effects = effects[effects["level"] == level]
    parts = []
    for term in terms:
        rows = rows_of(effects, term)
        rows = rows.assign(label=rows["lineage"], series=term.compartment)
        parts.append((term, rows, donors.of_composition(page.results, term, level, term.compartment)))
    every = pd.concat([rows for _, rows, _ in parts])
    if every.empty:
        return []
    labels = list(every.groupby("label", sort=False)["log2fc"].min().sort_values(kind="stable").index)
    change = change_on(every["scale"].iloc[0])
    compartments = " and ".join(term.compartment for term, rows, _ in parts if len(rows))
    return in_series(
        page, "shared.within", name, parts, labels, x=change, value="log2fc", margin=margin_of(page),
        level=LEVELS[level], compartments=compartments, change=change,
    )  # fmt: skip


def between(page: Page, term: Term, name: str, level: str = "lineage") -> list[Figure]:
    """Difference between compartments of all lineages, or in their change, donors as circles."""
    effects = page.table("composition/effects.tsv")
    if effects is None:
        return []
    series = series_of(term, page.base)
    rows = rows_of(effects[(effects["level"] == level) & effects["log2fc"].notna()], term)
    if rows.empty:
        return []
    rows = rows.assign(label=rows["lineage"], series=series, one_arm=term.one_arm)
    circles = donors.of_composition(page.results, term, level, series)
    behind = captions.estimates(rows, designs.of_term(term), both(term), circles)
    words = page.words("shared.between", behind, term, level=LEVELS[level])
    labels = list(rows.sort_values("log2fc", ascending=False)["label"])
    of, x = {series: term.compartment}, axis_of(page, "shared.between", term)
    return [forest(name, rows, circles, labels, of, page.colours, words, x=x, margin=margin_of(page))]


def differences(
    page: Page, key: str, name: str, rows: pd.DataFrame, values: pd.DataFrame, value: str, term: Term, *, feature: str
) -> list[Figure]:
    """The estimate of every lineage with the donors' own values.

    Parameters
    ----------
    key : str
        Entry of the words, which also has ``what`` (rises) and ``axis``.
    rows : DataFrame
        Estimates per lineage.
    values : DataFrame
        ``sample, lineage, <value>``.
    feature : str
        The gene set or network, for the words.
    """
    rows = rows[rows["estimate"].notna()].sort_values("estimate", ascending=False, kind="stable")
    if rows.empty:
        return []
    series = series_of(term, page.base)
    circles = donors.of_term(values, ["lineage"], value, term)
    rows = rows.assign(label=rows["lineage"], series=series, one_arm=term.one_arm)
    circles = circles.assign(label=circles["lineage"], series=series)
    circles = circles[circles["label"].isin(rows["label"])]
    given = page.phrases(term) | {"feature": feature}
    variant = variant_of(term)
    what, title = (page.wording.get(key, part, given, variant) for part in ("what", "title"))
    behind = captions.estimates(rows, designs.of_term(term), both(term), circles)
    words = page.words("shared.differences", behind, term, title=title, what=what)
    axis, of = axis_of(page, key, term, feature=feature), {series: term.compartment}
    return [forest(name, rows, circles, list(rows["label"]), of, page.colours, words, x=axis, value="estimate")]


def spots_of(page: Page, term: Term) -> Spots:
    """Where the samples of a term stand: lines join a donor's conditions, or compartments if it has one condition."""
    places = [page.base, term.compartment] if term.across else [term.compartment]
    conditions = [term.contrast.reference, term.contrast.condition]
    if term.kind == COMPARTMENTS:
        return Spots(("compartment",), [places])
    if term.kind == TREND:
        conditions = list(page.study.order)
    if term.kind == BETWEEN:
        return Spots(("condition", "compartment"), [conditions, places])
    if term.kind == CHANGE:
        return Spots(("group", "compartment", "condition"), [list(term.arms), places, conditions])
    return Spots(("compartment", "condition"), [places, conditions])


def paired(page: Page, key: str, name: str, table: pd.DataFrame, value: str, term: Term, **values: str) -> list[Figure]:
    """One dot per sample of the donors that are compared, lines join those of a donor."""
    shown = captions.drawn(table, [value])
    spots = spots_of(page, term)
    if "group" in spots.columns or term.contrast.group:
        groups = page.study.samples.drop_duplicates("donor").set_index("donor")["group"]
        shown = shown.assign(group=shown["donor"].map(groups))
        shown = shown[shown["group"].isin(list(term.arms) if term.kind == CHANGE else [term.contrast.group])]
    shown = spots.of(shown).drop(columns="_x")
    if shown.empty:
        return []
    places = spots.levels[spots.columns.index("compartment")]
    behind = captions.arms(shown, designs.of_term(term), places[::-1])
    words = page.words(key, behind, term, **values)
    y = page.wording.get(key, "axis", {})
    return [paired_dots(name, shown, value, page.colours, spots, words, y=y)]
