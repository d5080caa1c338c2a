"""What the comparison of compositions claims of donors whose conditions are relabelled."""

import pandas as pd

from compartments.findings import designs
from compartments.report import status
from compartments.report.blocks import Block, Text
from compartments.report.page import Page, flags
from compartments.study.study import MIXED, Contrast

NAME = "calibration"
TITLE = "Error rate of this study"
NEEDS = ["composition/calibration.tsv"]
STEPS = ["calibrate"]

FILE = "composition/calibration.tsv"
SHOWN = ["contrast", "term", "compartment", "claim", "n_relabellings", "n_tests", "n_expected", "n_claimed"]
SHOWN += ["share_any", "share_at_most"]


def build(page: Page) -> list[Block]:
    """How donors were relabelled, what that shows, and what was claimed of them."""
    table = page.needed(FILE)
    if table.empty:
        reason = status.reason_for(STEPS, page.results.usable("skipped.tsv"))
        return [page.text("calibration.none", reason=reason or "it was not asked for (--calibrate off)")]
    schemes = [
        _scheme(page, table[table["contrast"] == contrast.contrast].iloc[0], contrast)
        for contrast in page.results.comparisons()
        if contrast.contrast in set(table["contrast"])
    ]
    return [page.text("calibration.meaning"), *schemes, page.listing("calibration.claims", table[SHOWN], FILE)]


def _scheme(page: Page, row: pd.Series, contrast: Contrast) -> Text:
    """Which relabellings were made of a comparison, one line."""
    exact, left = flags(pd.Series([row["exact"]])).iloc[0], row["effect_left"]
    variant = "own" if designs.one_arm(contrast) else "mixed" if contrast.kind == MIXED else ""
    balance = "calibration.unbalanced" if left else "calibration.balanced"
    values = {
        "compared": designs.compared(contrast),
        "made": f"all {row['n_possible']:,.0f}" if exact else f"a random choice of {row['n_possible']:,.0f}",
        "arms": f"{row['n_condition']:.0f} and {row['n_reference']:.0f}",
        "n": f"{row['n_condition']:.0f}",
        "balance": page.wording.get(balance, "text", {"left": f"{left:.0%}"}, variant),
    }
    return Text(page.wording.get("calibration.scheme", "text", values, variant))
