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
    """A line per problem in ``problems.txt``, per doubt in ``doubts.txt``; of the file of cells more."""
    args = arguments()
    from compartments.counts.inspection import look_into

    lines, doubts = [], []
    for column, path in zip(args.column, args.path, strict=True):
        problem, warnings = look_into(path, column, args.genome)
        lines += [_line(args, column, problem)] if problem else []
        doubts += [_line(args, column, warning) for warning in warnings]
    if args.digests and not lines:
        try:
            _keep(args)
        except UserError as error:
            lines.append(_line(args, args.column[-1], str(error)))
    write_text("".join(lines), "problems.txt")
    write_text("".join(doubts), "doubts.txt")


def _line(args: Namespace, column: str, problem: str) -> str:
    return f"sample '{args.sample}', column '{column}': {problem}\n"


def _keep(args: Namespace) -> None:
    """Who the sample is, digest of its file, barcodes, genes, chemistry: ``<s>.cells.json``; and the file's extent."""
    from pathlib import Path

    from compartments.counts.extent import extent
    from compartments.counts.formats import describe
    from compartments.counts.inspection import content_of
    from compartments.counts.lanes import cell_barcodes

    row = {"sample": args.sample, "column": args.column[-1]}
    row["content"] = content_of(Path(args.digests).read_text())
    source = describe(args.path[-1], args.genome)
    listed = {"symbol": list(source.symbol[source.keep]), "gene_id": list(source.gene_id[source.keep])}
    barcodes = cell_barcodes(source) if args.barcodes else {}
    write_json(extent(source), "extent.json")
    write_json(
        row | {"barcodes": barcodes, "genes": listed, "chemistry": source.chemistry}, f"{args.sample}.cells.json"
    )
