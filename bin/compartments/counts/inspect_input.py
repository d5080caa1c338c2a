"""Check the count files of one samplesheet row before anything is computed."""

from argparse import Namespace

from compartments.core.errors import UserError
from compartments.core.files import replacing
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
    from compartments.counts.formats import describe
    from compartments.counts.values import check_values, peek_values

    problems = []
    for column, path in zip(args.column, args.path, strict=True):
        try:
            source = describe(path, args.genome)
            if column == "cellbender" and source.format != "CellBender h5":
                raise UserError(
                    f"{path}: a {source.format}, not a CellBender output; put it in column 'raw' or 'filtered'"
                )
            check_values(source, peek_values(source))
        except UserError as error:
            message = " ".join(str(error).split())
            problems.append(f"row {args.row}, sample '{args.sample}', column '{column}': {message}")
    with replacing("problems.txt") as temporary:
        temporary.write_text("".join(line + "\n" for line in problems))
