"""tau_U with the range over left-out donors and lineages, and the concordance of expression."""

from compartments.findings import designs
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
    if not (page.shown and page.shown[0].across) or page.of_one_condition:
        return [page.text("coupling.needs_conditions" if page.of_one_condition else "coupling.needs_compartments")]
    for term in page.shown:
        if drivers is None:
            break
        rows, known = (each[each["contrast"] == term.contrast.contrast] for each in (drivers, table))
        known = known[(known["compartment"] == term.compartment) & (known["level"] == "lineage")]
        known = known[known["tau_u"].notna()]
        if known.empty:
            continue
        rows = rows[(rows["compartment"] == term.compartment) & (rows["level"] == "lineage")]
        rows = rows.sort_values("tau_u", kind="stable")
        behind = captions.estimates(known.iloc[:1], designs.of_term(term), forests.both(term))
        words = page.words("coupling.left_out", behind, term)
        name = f"tau_{tagged(term.contrast, term.compartment)}"
        blocks.append(left_out_dots(name, known.iloc[0], rows, KINDS, words))
    blocks.append(page.listing("coupling.coupling_table", table, "coupling/coupling.tsv"))
    for name in ("drivers", "concordance", "edistance"):
        frame = page.table(f"coupling/{name}.tsv")
        if frame is not None:
            file = f"coupling/{name}.tsv"
            blocks.append(page.listing(f"coupling.{name}", frame, file, name=f"{name}_table", folded=True))
    return blocks
