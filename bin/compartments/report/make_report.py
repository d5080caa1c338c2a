"""Make report.html, and MultiQC's tables, from a results folder."""

import argparse
import sys
from pathlib import Path

from compartments.core.errors import UserError
from compartments.core.files import replacing
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
    parser.add_argument("--logo", type=Path, metavar="FILE", help="picture in the head of the page: PNG, SVG or JPEG")
    parser.add_argument("--command", help="command line of the run")
    parser.add_argument("--started", help="date and time of its start")
    parser.add_argument("--out", default="report.html", help="the page")
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
    from compartments.report import provenance, shared
    from compartments.report.html import check_template, make_report
    from compartments.report.multiqc import multiqc_files
    from compartments.report.results import Results

    check_template(given.template)
    if given.schema and not given.schema.is_file():
        raise UserError(f"--schema {given.schema}: no such file; give nextflow_schema.json of the pipeline")
    if not given.dictionary.is_file():
        raise UserError(f"--dictionary {given.dictionary}: no such file; give assets/dictionary.tsv of the pipeline")
    results = Results(given.results, dictionary.load(given.dictionary))
    logo = provenance.logo_of(given.logo) if given.logo else ""
    run = provenance.Run(given.project or "", given.contact or "", given.command or "", given.started or "", logo)
    page, warnings = make_report(results, given.template, given.title or "", run=run, schema=given.schema)
    pages = {Path(given.out): page}
    if given.pseudonyms:
        copy, unsure = shared.make_copy(results, given.template, given.title or "", run=run, schema=given.schema)
        pages[shared.place_of(Path(given.out))] = copy
        warnings += unsure
    for warning in warnings:
        sys.stderr.write(f"WARNING: {warning}\n")
    texts = pages | {Path(given.multiqc, name): text for name, text in multiqc_files(results).items()}
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
