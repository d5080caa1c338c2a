"""What was left out and why."""

from compartments.report import captions
from compartments.report.blocks import Block
from compartments.report.page import Page

NAME = "skipped"
TITLE = "What was left out"
NEEDS = ["skipped.tsv"]
STEPS = ["collect_skipped"]


def build(page: Page) -> list[Block]:
    """Numbers by step, and every reason."""
    table = page.needed("skipped.tsv")
    if table.empty:
        return [page.text("left_out.nothing")]
    counts = ", ".join(f"{stage} {n}" for stage, n in table["stage"].value_counts().items())
    shown, cut = captions.first_rows(table, limit=4 * captions.ROWS_SHOWN)
    return [
        page.text("left_out.counts", lines=captions.counted(len(table), "line"), counts=counts),
        page.listing("left_out.skipped_table", shown, "skipped.tsv", cut=cut),
    ]
