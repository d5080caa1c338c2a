"""Doublets called per sample and where the threshold came from."""

from compartments.report import captions
from compartments.report.blocks import Block
from compartments.report.figures.bars import bars
from compartments.report.page import Page

NAME = "doublets"
TITLE = "Doublets"
NEEDS: list[str] = []
STEPS = ["score_doublets"]


def build(page: Page) -> list[Block]:
    """Share of doublets in each sample, all numbers, and the labels that lost cells."""
    table = page.results.summaries("doublets", ["n_cells", "n_doublets"])
    if table is None:
        return []
    if "doublet_rate" not in table:
        table = table.assign(doublet_rate=table["n_doublets"] / table["n_cells"])
    series = {"doublet_rate": "called"}
    words = page.words("doublets.rate", captions.samples(table, page.study, series))
    shares = table[["sample", "doublet_rate"]]
    blocks: list[Block] = [
        bars("doublets", shares, "sample", series, words, y="share of cells", percent=True),
        page.listing("doublets.doublets_table", table, "samples/*/*.doublets.json"),
    ]
    lineages = page.table("cohort/doublets.tsv")
    if lineages is not None and lineages["n_doublets"].any():
        shown = lineages[lineages["n_doublets"] > 0]
        blocks.append(page.listing("doublets.doublet_lineages", shown, "cohort/doublets.tsv", folded=True))
    return blocks
