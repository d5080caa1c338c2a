"""Check the count files of one samplesheet row before anything is computed."""

from argparse import Namespace

from compartments.core.errors import UserError
from compartments.core.files import write_json, write_text
from compartments.core.options import Options

STEP = "inspect_input"


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--sample", required=True, help="sample name")
    parser.add_argument("--column", required=True, action="append", help="samplesheet column (repeat with --path)")
    parser.add_argument("--path", required=True, action="append", help="file or folder of that column")
    parser.add_argument("--digests", help="lines of sha256sum of the file, if it is the one that tells cells")
    parser.add_argument("--barcodes", action="store_true", help="keep its barcodes, for a look at other captures")
    args = parser.parse_args()
    if len(args.column) != len(args.path):
        parser.error("give one --path for each --column")
    return args


def main() -> None:
    """One line per problem in ``problems.txt``, empty when there is none; of the file with cells ``<s>.cells.json``."""
    args = arguments()
    from compartments.counts.inspection import problem_of

    lines = []
    for column, path in zip(args.column, args.path, strict=True):
        if problem := problem_of(path, column, args.genome):
            lines.append(_line(args, column, problem))
    if args.digests and not lines:
        try:
            write_json(_cells(args), f"{args.sample}.cells.json")
        except UserError as error:
            lines.append(_line(args, args.column[-1], str(error)))
    write_text("".join(lines), "problems.txt")


def _line(args: Namespace, column: str, problem: str) -> str:
    return f"sample '{args.sample}', column '{column}': {problem}\n"


def _cells(args: Namespace) -> dict[str, object]:
    """Who the sample is, the digest of its file and the barcodes of its cells."""
    from pathlib import Path

    from compartments.counts.inspection import content_of

    row = {"sample": args.sample, "column": args.column[-1]}
    row["content"] = content_of(Path(args.digests).read_text())
    if not args.barcodes:
        return row | {"barcodes": {}}
    from compartments.counts.formats import describe
    from compartments.counts.lanes import cell_barcodes

    return row | {"barcodes": cell_barcodes(describe(args.path[-1], args.genome))}
