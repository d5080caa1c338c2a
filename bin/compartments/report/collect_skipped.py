"""Join the skipped.tsv of all steps into one sorted table."""

import argparse
import csv

from compartments.core.files import read_json
from compartments.core.left_out import LeftOut
from compartments.core.options import Options

STEP = "collect_skipped"


def arguments() -> argparse.Namespace:
    parser = Options(STEP, __doc__)
    parser.add_argument("--study", required=True, help="study.json, for the order of the samples")
    parser.add_argument("pieces", nargs="+", help="skipped.tsv of the steps")
    return parser.parse_args()


def main() -> None:
    given = arguments()

    from compartments.report.paper.pdf import missing
    from compartments.report.skipped import joined

    rows: list[dict[str, str]] = []
    for path in given.pieces:
        with open(path, newline="") as handle:
            rows += csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)
    # the report comes last: what it cannot make is known here
    if given.paper == "true" and (absent := missing()):
        reason = f"report.pdf was not made: {absent}"
        rows.append({"stage": "print_report", "sample": "", "lineage": "", "contrast": "", "reason": reason})
    every = LeftOut(STEP)
    every.rows = joined(rows, [row["sample"] for row in read_json(given.study)["samples"]])
    every.write("skipped.tsv")
