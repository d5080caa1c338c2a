"""Check the count files of one samplesheet row before anything is computed."""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from compartments.core.files import write_json, write_text
from compartments.core.options import Options

if TYPE_CHECKING:
    from compartments.counts.inspection import Look
    from compartments.counts.source import Source

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
    """A line per problem in ``problems.txt``, per doubt in ``doubts.txt``; of the file of cells ``<s>.cells.json``."""
    args = arguments()
    from compartments.counts.inspection import look_into

    lines, doubts = [], []
    for column, path in zip(args.column, args.path, strict=True):
        look = look_into(path, column, args.genome, args.barcodes, bool(args.digests))
        lines += [_line(args, column, look.problem)] if look.problem else []
        doubts += [_line(args, column, warning) for warning in look.warnings]
    if args.digests and look.source:
        write_json(_cells(args, look, look.source), f"{args.sample}.cells.json")
    write_text("".join(lines), "problems.txt")
    write_text("".join(doubts), "doubts.txt")


def _line(args: Namespace, column: str, problem: str) -> str:
    return f"sample '{args.sample}', column '{column}': {problem}\n"


def _cells(args: Namespace, look: "Look", source: "Source") -> dict[str, object]:
    """Who the sample is, the digest of its file, the barcodes of its cells, its genes and how it was made."""
    from compartments.counts.inspection import content_of

    row = {"sample": args.sample, "column": args.column[-1]}
    row["content"] = content_of(Path(args.digests).read_text())
    listed = {"symbol": list(source.symbol[source.keep]), "gene_id": list(source.gene_id[source.keep])}
    return row | {"barcodes": look.barcodes, "genes": listed, "made": look.made}
