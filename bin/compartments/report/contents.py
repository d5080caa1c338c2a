"""The sections of the page in their order, each built or said to be missing."""

from types import ModuleType

from compartments.core.contract import MissingColumn
from compartments.report import status
from compartments.report.blocks import Section
from compartments.report.figures.style import Figure
from compartments.report.page import Page
from compartments.report.sections import (
    activities,
    ambient,
    annotation,
    calibration,
    cohorts,
    compartments,
    composition,
    coupling,
    design,
    doublets,
    expression,
    interactions,
    left_out,
    migration,
    quality,
    questions,
)

ORDER = [
    questions, design, quality, ambient, doublets, annotation, composition, expression, migration, activities,
    interactions, coupling, calibration, left_out,
]  # fmt: skip

LEADING = [compartments]  # of studies of one condition
SEVERAL = [cohorts]  # of several studies together, behind the answers


def build_sections(page: Page) -> list[Section]:
    """All sections of the page in order; of one condition those that compare compartments lead.

    Of several studies together there are those of what was taken together: nothing else was to be made.
    """
    leading = LEADING if page.of_one_condition else []
    several = SEVERAL if page.results.has(cohorts.SPREAD) else []
    found = [build_section(page, module) for module in (*leading, *ORDER[:1], *several, *ORDER[1:])]
    return [section for section in found if section.finished or section.warning] if several else found


def build_section(page: Page, module: ModuleType) -> Section:
    """A section with its blocks, or with one line on why there is none.

    A table of another version must not cost the reader the whole report: a section that lacks a column says so. Any
    other exception is a defect of the report and ends it.
    """
    section, lacking = Section(module.NAME, module.TITLE), ""
    if module.NAME in page.skipped:
        section.blocks = [page.text("shared.left_out", part=module.NAME)]
        return section
    try:
        absent = [file for file in module.NEEDS if page.results.table(file) is None]
        lacking = f": {', '.join(absent)} is missing" if absent else ""
        if not absent and (page.results.study is not None or module is left_out):
            blocks = module.build(page)
            section.blocks = [block for block in blocks if not isinstance(block, Figure) or block.shows]
    except MissingColumn as error:
        section.warning = f"section '{module.TITLE}' could not be made: {error}"
        lacking = f": a column that this section needs is missing ({error})"
    section.finished = bool(section.blocks)
    if not section.finished:
        reason = status.reason_for(module.STEPS, page.results.usable("skipped.tsv"))
        reason = f" {reason}." if reason else ""
        section.blocks = [page.text("shared.unfinished", "missing", lacking=lacking, reason=reason)]
    return section
