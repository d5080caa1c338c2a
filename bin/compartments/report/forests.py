"""Forests that more than one section shows: changes of abundance, and differences between compartments."""

from collections.abc import Sequence

import pandas as pd

from compartments.report import captions, donors
from compartments.report.figures.forest import forest
from compartments.report.figures.style import Figure
from compartments.report.page import Page, arms
from compartments.study.study import Contrast

LEVELS = {"lineage": "lineage", "lineage_broad": "broad lineage"}
BOTH = " with both compartments"


def change_on(scale: str) -> str:
    """Name of the change on the scale of ``composition/effects.tsv``."""
    return "log2 fold change" if scale == "abs" else "log2 change relative to what is taken as unchanged"


def margin_of(page: Page) -> float | None:
    """The margin of equivalence of composition."""
    return page.results.json("composition/composition.json").get("equiv_margin")


def per_series(rows: pd.DataFrame, circles: pd.DataFrame | None, contrast: Contrast) -> str:
    """What is behind each series of a forest."""
    return "; ".join(
        f"{name}: {captions.estimates(part, contrast, circles=donors.of_series(circles, str(name)))}"
        for name, part in rows.groupby("series", sort=False)
    )


def within(
    page: Page, contrast: Contrast, compartments: Sequence[str], name: str, level: str = "lineage"
) -> list[Figure]:
    """Within-compartment changes of abundance of all lineages, donors as circles."""
    effects = page.table("composition/effects.tsv")
    if effects is None:
        return []
    rows = effects[(effects["contrast"] == contrast.contrast) & (effects["level"] == level)]
    terms = {f"within:{c}": c for c in compartments}
    rows = rows[rows["term"].isin(list(terms))]
    if rows.empty:
        return []
    rows = rows.assign(label=rows["lineage"], series=rows["term"].map(terms))
    known = [x for x in page.results.lineages() if x in set(rows["label"])] or list(rows["label"].unique())
    order = rows.groupby("label")["log2fc"].min()
    circles = donors.of_composition(page.results, contrast, level, terms)
    change = change_on(rows["scale"].iloc[0])
    words = page.words(
        "shared.within",
        per_series(rows, circles, contrast),
        level=LEVELS[level],
        compartments=" and ".join(compartments),
        arms=arms(contrast),
        change=change,
    )
    series = {c: c for c in compartments}
    labels = sorted(known, key=lambda label: order[label])
    return [forest(name, rows, circles, labels, series, page.colours, words, x=change, margin=margin_of(page))]


def between(page: Page, contrast: Contrast, compartment: str, name: str, level: str = "lineage") -> list[Figure]:
    """Difference between compartments in the change of all lineages, donors as circles."""
    effects = page.table("composition/effects.tsv")
    if effects is None:
        return []
    rows = effects[
        (effects["contrast"] == contrast.contrast)
        & (effects["level"] == level)
        & (effects["term"] == "interaction")
        & (effects["compartment"] == compartment)
    ]
    if rows.empty:
        return []
    series = f"{compartment} minus {page.base}"
    rows = rows.assign(label=rows["lineage"], series=series)
    circles = donors.of_composition(page.results, contrast, level, {"interaction": series})
    if circles is not None:
        circles = circles[circles["compartment"] == compartment]
    behind = captions.estimates(rows, contrast, BOTH, circles)
    words = page.words("shared.between", behind, compartment=compartment, base=page.base, series=series)
    return [
        forest(
            name,
            rows,
            circles,
            list(rows.sort_values("log2fc", ascending=False)["label"]),
            {series: compartment},
            page.colours,
            words,
            x=page.wording.get("shared.between", "axis", {}),
            margin=margin_of(page),
        )
    ]


def differences(
    page: Page,
    key: str,
    name: str,
    rows: pd.DataFrame,
    values: pd.DataFrame,
    value: str,
    contrast: Contrast,
    compartment: str,
    *,
    feature: str,
) -> list[Figure]:
    """The interaction of every lineage with the donors' own differences.

    Parameters
    ----------
    key : str
        Entry of the words, which also has ``what`` (rises) and ``axis``.
    rows : DataFrame
        Estimates per lineage.
    values : DataFrame
        ``donor, condition, compartment, lineage, <value>``.
    feature : str
        The gene set or network, for the words.
    """
    rows = rows[rows["estimate"].notna()].sort_values("estimate", ascending=False, kind="stable")
    if rows.empty:
        return []
    pair = (compartment, page.base)
    circles = donors.differences(values, ["lineage"], value, contrast, pair)
    rows, circles, series = donors.labelled(rows, circles, lambda table: table["lineage"], pair)
    circles = circles[circles["label"].isin(rows["label"])]
    given = {"feature": feature, "compartment": compartment, "base": page.base, "arms": arms(contrast)}
    what, axis = page.wording.get(key, "what", given), page.wording.get(key, "axis", given)
    title = page.wording.get(key, "title", given)
    behind = captions.estimates(rows, contrast, BOTH, circles)
    words = page.words("shared.differences", behind, **given, title=title, what=what, series=series)
    labels = list(rows["label"])
    return [forest(name, rows, circles, labels, {series: compartment}, page.colours, words, x=axis, value="estimate")]
