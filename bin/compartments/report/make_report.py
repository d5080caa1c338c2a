"""Make report.html, summary.json and MultiQC's tables from a results folder."""

import argparse
import sys
from pathlib import Path

from compartments.core.files import replacing, write_json

STEP = "make_report"
PAPER = "report.pdf"


def arguments() -> argparse.Namespace:
    from compartments.report.given import parser

    options = parser(STEP, __doc__)
    options.add_argument("--out", default="report.html", help="the page")
    options.add_argument("--summary", default="summary.json", metavar="FILE", help="the results for other systems")
    options.add_argument("--multiqc", default="multiqc", metavar="DIR", help="folder of MultiQC's tables")
    return options.parse_args()


def main() -> None:
    given = arguments()

    from compartments.report import shared
    from compartments.report.given import shown
    from compartments.report.html import make_report
    from compartments.report.multiqc import multiqc_files
    from compartments.report.paper.pdf import missing
    from compartments.report.summary import summary

    results, template, title, run, schema = shown(given)
    if given.paper == "true" and not missing():  # it is made besides
        run = run._replace(paper=PAPER)
    page, warnings = make_report(results, template, title, run=run, schema=schema)
    pages = {Path(given.out): page}
    if given.pseudonyms:
        copy, unsure = shared.make_copy(results, template, title, run=run, schema=schema)
        pages[shared.place_of(Path(given.out))] = copy
        warnings += unsure
    for warning in warnings:
        sys.stderr.write(f"WARNING: {warning}\n")
    write_json(summary(results), given.summary)
    texts = pages | {Path(given.multiqc, name): text for name, text in multiqc_files(results).items()}
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
