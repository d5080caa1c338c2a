"""Make a samplesheet from a folder of counted samples; donor, compartment and condition are left to fill in."""

import sys
from argparse import Namespace
from pathlib import Path

from compartments.core.errors import UserError
from compartments.core.options import Options

STEP = "samplesheet"
COLUMNS = ("sample", "donor", "compartment", "condition", "raw", "filtered")


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("folder", help="outputs of Cell Ranger (count, multi, aggr), STARsolo, kb or simpleaf")
    parser.add_argument("--out", default="samplesheet.csv", help="samplesheet to write; one that is there stays")
    return parser.parse_args()


def main() -> None:
    """Write the samplesheet, and say what was found."""
    args = arguments()
    import csv
    import io

    from compartments.core.files import write_text
    from compartments.counts.outputs import find_outputs

    if Path(args.out).exists():
        raise UserError(f"{args.out}: is there already, and may be filled in; give another name with --out")
    found, notes = find_outputs(Path(args.folder))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in found:
        writer.writerow([one.sample, "", "", "", *(one.files.get(column, "") for column in COLUMNS[4:])])
    write_text(text.getvalue(), args.out)
    programs = ", ".join(sorted({one.program for one in found}))
    said = f"{args.out}: {len(found)} samples ({programs}); fill in donor, compartment and condition\n"
    sys.stderr.write("".join(f"note: {note}\n" for note in notes) + said)
