"""Make report.html, and MultiQC's tables, from a results folder."""

import argparse


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", required=True, metavar="DIR", help="results folder; every part is optional")
    parser.add_argument("--template", metavar="DIR", help="folder with the page's template [assets/report]")
    parser.add_argument("--title", default="", help="title of the page [the comparisons and compartments]")
    parser.add_argument("--out", default="report.html", help="[%(default)s]")
    parser.add_argument("--multiqc", default="multiqc", metavar="DIR", help="folder of MultiQC's tables [%(default)s]")
    args = parser.parse_args()

    from pathlib import Path

    from compartments.core.errors import UserError
    from compartments.core.files import replacing
    from compartments.report.multiqc import write_multiqc
    from compartments.report.report import Results, make_report

    if not Path(args.results).is_dir():
        raise UserError(f"--results {args.results}: no such folder")
    template = args.template or Path(__file__).resolve().parents[3] / "assets" / "report"
    results = Results(args.results)
    page = make_report(results, template, args.title)
    with replacing(args.out) as temporary:
        temporary.write_text(page, encoding="utf-8")
    write_multiqc(results, args.multiqc)
