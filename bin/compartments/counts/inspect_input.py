"""Check one count file of the samplesheet before anything is computed."""

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
    parser.add_argument("--column", required=True, help="samplesheet column")
    parser.add_argument(
        "--path", required=True, nargs="+", help="file or folder of that column, or an mtx and its names"
    )
    parser.add_argument("--gtf", help="names genes of a file that has Ensembl ids alone")
    parser.add_argument("--digests", help="lines of sha256sum of the file, if it is the one that tells cells")
    parser.add_argument("--barcodes", action="store_true", help="keep its barcodes, for a look at other captures")
    parser.add_argument("--label_overrides", help="labels of cells: are most of the sample's in the file?")
    return parser.parse_args()


def main() -> None:
    """The problem in ``problems.txt``, doubts in ``doubts.txt``, the species; of the file that tells cells more."""
    args = arguments()
    from compartments.counts.formats import one_path
    from compartments.counts.inspection import look_into, strangers

    asked = (args.barcodes, bool(args.digests), args.labels_key, args.gtf, args.species)
    look = look_into(one_path(args.path), args.column, args.genome, *asked)
    if look.source and args.digests and args.label_overrides:
        problem = strangers(args.label_overrides, args.sample, look.source.barcodes)
        look = look._replace(problem=problem, source=None if problem else look.source)
    if look.source and look.extent:
        write_json(_cells(args, look, look.source), f"{args.sample}.cells.json")
        write_json(look.extent, "extent.json")
    elif look.source:
        beside = {"sample": args.sample, "column": args.column, "species": look.source.species}
        write_json(beside, f"{args.sample}.{args.column}.beside.json")
    for name, said in {"problems.txt": [look.problem] if look.problem else [], "doubts.txt": look.warnings}.items():
        lines = [f"sample '{args.sample}', column '{args.column}': {one}\n" for one in said]
        write_text("".join(lines), name)


def _cells(args: Namespace, look: "Look", source: "Source") -> dict[str, object]:
    """Who the sample is, the digest of its file, the barcodes of its cells, its genes and how it was made."""
    from compartments.counts.inspection import content_of

    row: dict[str, object] = {"sample": args.sample, "column": args.column}
    if args.labels_key:
        row["labels"] = look.labels
    row["content"] = content_of(Path(args.digests).read_text())
    row["species"] = source.species
    listed = {"symbol": list(source.symbol[source.keep]), "gene_id": list(source.gene_id[source.keep])}
    return row | {"barcodes": look.barcodes, "genes": listed, "made": look.made}
