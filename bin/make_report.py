#!/usr/bin/env python3
"""Make report.html, and MultiQC's tables, from a results folder."""

import argparse

from compartments.cli import run


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", required=True, metavar="DIR", help="results folder; every part is optional")
    parser.add_argument("--template", metavar="DIR", help="folder with the page's template [assets/report]")
    parser.add_argument("--title", default="", help="title of the page [the comparisons and compartments]")
    parser.add_argument("--out", default="report.html", help="[%(default)s]")
    parser.add_argument("--multiqc", default="multiqc", metavar="DIR", help="folder of MultiQC's tables [%(default)s]")
    args = parser.parse_args()

    from pathlib import Path

    from compartments.cli import UserError, replacing
    from compartments.multiqc import write_multiqc
    from compartments.report import Results, make_report

    if not Path(args.results).is_dir():
        raise UserError(f"--results {args.results}: no such folder")
    template = args.template or Path(__file__).resolve().parents[1] / "assets" / "report"
    results = Results(args.results)
    page = make_report(results, template, args.title)
    with replacing(args.out) as temporary:
        temporary.write_text(page, encoding="utf-8")
    write_multiqc(results, args.multiqc)


if __name__ == "__main__":
    run(main)
