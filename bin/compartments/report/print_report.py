"""Make report.pdf, and every figure as SVG, PDF and table, from a results folder."""

import argparse
import sys
from pathlib import Path

STEP = "print_report"


def arguments() -> argparse.Namespace:
    from compartments.report.given import parser

    options = parser(STEP, __doc__)
    options.add_argument("--pdf", type=Path, default="report.pdf", metavar="FILE", help="the report on paper")
    options.add_argument("--figures", type=Path, default="figures", metavar="DIR", help="folder of figures as files")
    return options.parse_args()


def main() -> None:
    """Write the figures, and the PDF where the system's libraries allow."""
    given = arguments()

    from compartments.report import provenance
    from compartments.report.contents import build_sections
    from compartments.report.given import shown
    from compartments.report.page import Page
    from compartments.report.paper.document import document, figures_of
    from compartments.report.paper.files import write_bytes, write_figures
    from compartments.report.paper.pdf import missing, pdf

    results, template, title, run, schema = shown(given)
    page = Page(results, template)
    sections = build_sections(page)
    drawings = write_figures(figures_of(sections), given.figures)
    if absent := missing():
        sys.stderr.write(f"WARNING: {given.pdf} was not made: {absent}\n")
        return
    defaults = provenance.defaults(schema or provenance.SCHEMA)
    write_bytes(pdf(document(page, sections, drawings, template, title, run, defaults)), given.pdf)
