"""What bears on every answer of the first screen: the smallest possible p, covariates, whether errors were counted."""

import pandas as pd

from compartments.core.numbers import beside
from compartments.core.vocabulary import ALPHA
from compartments.findings import designs
from compartments.report import status
from compartments.report.listing import in_words
from compartments.report.page import Page

OF_COVARIATES = ("not adjusted for", "level of a covariate")  # notes of design.tsv; others say which donors lack what
CALIBRATION = "composition/calibration.tsv"


def sentences(page: Page, findings: pd.DataFrame) -> list[str]:
    """Caveats of a study, those that bear on its answers.

    Parameters
    ----------
    findings : DataFrame
        ``findings.tsv``.
    """
    answered = findings[findings["lineage"].isna() & findings["source"].notna()]
    if answered.empty:
        return []
    if page.results.cohorts:
        return together(page)
    return [*floors(page, answered), *covariates(page), *relabelled(page)]


def together(page: Page) -> list[str]:
    """Of several cohorts: each was compared, and relabelled, by itself, and no donor may change places between them."""
    names = "; ".join(f"{name} for {', '.join(each) or 'nothing'}" for name, each in page.results.cohorts.items())
    return [page.text("limits.cohorts", names=names).text, page.text("limits.counted_apart").text]


def floors(page: Page, answered: pd.DataFrame) -> list[str]:
    """Comparisons with an answer whose p no exact permutation of their donors could give."""
    design = page.results.usable("design.tsv")
    if design is None:
        return []
    found = []
    for term in page.shown:  # of each compartment: others may have more donors, or fewer
        places = design["compartment"].isin([term.compartment, page.base])
        floor = design.loc[places & (design["contrast"] == term.contrast.contrast), "permutation_floor"].max()
        mine = answered["compartment"].eq(term.compartment) & answered["contrast"].eq(term.contrast.contrast)
        if answered.loc[mine, "p_value"].min() < floor:
            compared = designs.compared(term.contrast)
            compared += f", {term.compartment}" if len(page.study.compartments) > 2 else ""
            found.append(page.text("limits.floor", compared=compared, floor=beside(floor, ALPHA)).text)
    return found


def covariates(page: Page) -> list[str]:
    """What is adjusted for, and where it could not be."""
    asked = page.study.covariates
    if not asked:
        return [page.text("limits.none").text]
    design = page.results.usable("design.tsv")
    said = [] if design is None else [part for note in design["note"].dropna() for part in note.split("; ")]
    notes = [part for part in dict.fromkeys(said) if any(words in part for words in OF_COVARIATES)]
    lacking = page.text("limits.lacking", notes="; ".join(notes)).text if notes else ""
    return [f"{page.text('limits.adjusted', names=', '.join(asked)).text} {lacking}".strip()]


def relabelled(page: Page) -> list[str]:
    """That donors were not relabelled to see how often the study claims what is not there, and why."""
    table = page.results.usable(CALIBRATION)
    if table is not None and len(table):
        return []
    skipped = page.results.usable("skipped.tsv")  # contrasts are named in their column: in words only there
    reason = status.reason_for(["calibrate"], None if skipped is None else in_words(skipped, page.study))
    return [page.text("limits.relabelled", reason=reason or page.text("limits.not_asked").text).text]
