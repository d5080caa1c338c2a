"""tau_U with the range over left-out donors and lineages, and the concordance of expression."""

from compartments.report import captions, forests
from compartments.report.blocks import Block
from compartments.report.figures.forest import left_out_dots
from compartments.report.figures.style import OKABE_ITO
from compartments.report.page import Page, tagged

NAME = "coupling"
TITLE = "Coupling"
NEEDS = ["coupling/coupling.tsv"]
STEPS = ["compare_coupling"]

KINDS = {"donor": OKABE_ITO[1], "lineage": OKABE_ITO[0]}


def build(page: Page) -> list[Block]:
    """tau_U of every comparison with what it hangs on, and all tables."""
    table, drivers = page.needed("coupling/coupling.tsv"), page.table("coupling/drivers.tsv")
    blocks: list[Block] = []
    for contrast, compartment in page.results.contrasts():
        known = table[(table["contrast"] == contrast.contrast) & (table["compartment"] == compartment)]
        known = known[(known["level"] == "lineage") & known["tau_u"].notna()]
        if known.empty or drivers is None:
            continue
        rows = drivers[(drivers["contrast"] == contrast.contrast) & (drivers["compartment"] == compartment)]
        rows = rows[rows["level"] == "lineage"].sort_values("tau_u", kind="stable")
        behind = captions.estimates(known.iloc[:1], contrast, forests.BOTH)
        words = page.words("coupling.left_out", behind, compartment=compartment)
        blocks.append(left_out_dots(f"tau_{tagged(contrast, compartment)}", known.iloc[0], rows, KINDS, words))
    blocks.append(page.listing("coupling.coupling_table", table, "coupling/coupling.tsv"))
    for name in ("drivers", "concordance", "edistance"):
        frame = page.table(f"coupling/{name}.tsv")
        if frame is not None:
            file = f"coupling/{name}.tsv"
            blocks.append(page.listing(f"coupling.{name}", frame, file, name=f"{name}_table", folded=True))
    return blocks
