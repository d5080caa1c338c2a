"""Make report.html, report.pdf, the figures as files, summary.json and MultiQC's tables from a results folder."""

import argparse
import sys
from pathlib import Path

from compartments.core.errors import UserError
from compartments.core.files import replacing, write_json
from compartments.core.options import Options

STEP = "make_report"
TEMPLATE = Path(__file__).resolve().parents[3] / "assets" / "report"


def arguments() -> argparse.Namespace:
    parser = Options(STEP, __doc__)
    parser.add_argument("--results", required=True, metavar="DIR", help="results folder; every part is optional")
    parser.add_argument("--template", type=Path, metavar="DIR", help="folder with the page's template [assets/report]")
    parser.add_argument(
        "--dictionary", type=Path, metavar="FILE", help="what the columns mean [dictionary.tsv beside the template]"
    )
    parser.add_argument("--schema", type=Path, metavar="FILE", help="nextflow_schema.json [that of the pipeline]")
    parser.add_argument("--command", help="command line of the run")
    parser.add_argument("--started", help="date and time of its start")
    parser.add_argument("--palette", type=Path, metavar="FILE", help="colours and order of lineages")
    parser.add_argument("--out", default="report.html", help="the page")
    parser.add_argument("--summary", default="summary.json", metavar="FILE", help="the results for other systems")
    parser.add_argument("--pdf", default="report.pdf", help="the page on paper")
    parser.add_argument("--figures", type=Path, default="figures", metavar="DIR", help="folder of figures as files")
    parser.add_argument("--multiqc", default="multiqc", metavar="DIR", help="folder of MultiQC's tables")
    given = parser.parse_args()
    given.template = given.template or TEMPLATE
    given.dictionary = given.dictionary or given.template.parent / "dictionary.tsv"
    if not Path(given.results).is_dir():
        raise UserError(f"--results {given.results}: no such folder")
    return given


def main() -> None:
    given = arguments()

    from compartments.core import dictionary
    from compartments.core.palette import read_palette
    from compartments.findings import names
    from compartments.report import provenance
    from compartments.report.contents import build_sections
    from compartments.report.html import check_template, make_report
    from compartments.report.multiqc import multiqc_files
    from compartments.report.page import Page
    from compartments.report.paper.document import document, figures_of
    from compartments.report.paper.files import write_bytes, write_figures
    from compartments.report.paper.pdf import missing, pdf
    from compartments.report.results import Results
    from compartments.report.summary import summary

    check_template(given.template)
    if given.schema and not given.schema.is_file():
        raise UserError(f"--schema {given.schema}: no such file; give nextflow_schema.json of the pipeline")
    if not given.dictionary.is_file():
        raise UserError(f"--dictionary {given.dictionary}: no such file; give assets/dictionary.tsv of the pipeline")
    palette = read_palette(given.palette).told(names.lineage) if given.palette else None
    results = Results(given.results, dictionary.load(given.dictionary), palette)
    run = provenance.Run(given.project or "", given.contact or "", given.command or "", given.started or "")
    sections = build_sections(Page(results, given.template))
    page, warnings = make_report(
        results, given.template, given.title or "", run=run, schema=given.schema, sections=sections
    )
    write_json(summary(results), given.summary)
    texts = {Path(given.out): page}
    texts |= {Path(given.multiqc, name): text for name, text in multiqc_files(results).items()}
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    if given.paper == "true":
        drawings = write_figures(figures_of(sections), given.figures)
        defaults = provenance.defaults(given.schema or provenance.SCHEMA)
        printed = (Page(results, given.template), sections, drawings, given.template, given.title or "", run, defaults)
        absent = missing()
        warnings += [f"{given.pdf} was not made: {absent}"] if absent else []
        if not absent:
            write_bytes(pdf(document(*printed)), Path(given.pdf))
    for warning in warnings:
        sys.stderr.write(f"WARNING: {warning}\n")
