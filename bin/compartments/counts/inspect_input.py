"""Check the count files of one samplesheet row before anything is computed."""

from argparse import Namespace

from compartments.core.files import write_text
from compartments.core.options import Options

STEP = "inspect_input"


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--sample", required=True, help="sample name")
    parser.add_argument("--row", required=True, help="row of the samplesheet, for messages")
    parser.add_argument("--column", required=True, action="append", help="samplesheet column (repeat with --path)")
    parser.add_argument("--path", required=True, action="append", help="file or folder of that column")
    args = parser.parse_args()
    if len(args.column) != len(args.path):
        parser.error("give one --path for each --column")
    return args


def main() -> None:
    """One line per problem in ``problems.txt``; an empty file when there is none."""
    args = arguments()
    from compartments.counts.inspection import problem_of

    lines = []
    for column, path in zip(args.column, args.path, strict=True):
        if problem := problem_of(path, column, args.genome):
            lines.append(f"row {args.row}, sample '{args.sample}', column '{column}': {problem}\n")
    write_text("".join(lines), "problems.txt")
