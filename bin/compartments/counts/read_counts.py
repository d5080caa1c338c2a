"""Read one sample's counts, from any of the accepted formats, into droplets.h5ad."""

from argparse import Namespace

from compartments.core.contract import Contract
from compartments.core.errors import UserError
from compartments.core.files import replacing
from compartments.core.left_out import LeftOut
from compartments.core.options import Options

STEP = "read_counts"


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--sample", required=True, help="sample name")
    parser.add_argument(
        "--raw", nargs="+", help="counts of all droplets: 10x h5, mtx folder, mtx and its names, or h5ad"
    )
    parser.add_argument("--filtered", nargs="+", help="counts of cells, as --raw")
    parser.add_argument("--cellbender", nargs="+", help="finished CellBender output (h5, of version 0.3.2 or later)")
    parser.add_argument("--gtf", help="names genes of files that have Ensembl ids alone")
    args = parser.parse_args()
    if not (args.raw or args.filtered or args.cellbender):
        parser.error("give at least one of --raw, --filtered, --cellbender")
    return args


def main() -> None:
    """Write ``<s>.droplets.h5ad`` and ``<s>.read.json``, or the reason in ``skipped.tsv``."""
    args = arguments()
    from compartments.counts.assembly import add_labels, assemble, summarise
    from compartments.counts.formats import one_path
    from compartments.counts.inspection import check_column
    from compartments.counts.reading import read_counts

    left_out = LeftOut(STEP)
    paths = {"raw": args.raw, "filtered": args.filtered, "cellbender": args.cellbender}
    try:
        counts = {
            column: read_counts(one_path(given), args.genome, args.gtf) for column, given in paths.items() if given
        }
        for column, one in counts.items():
            check_column(one.source, column)
        data, notes = assemble(args.sample, **counts)
        if args.labels_key:
            n_labelled = add_labels(data, counts, args.labels_key)
            notes.append(f"{n_labelled} barcodes have a label of the user's in obs column '{args.labels_key}'")
    except UserError as error:  # one bad file costs its sample, not the run
        left_out.add(str(error), sample=args.sample)
    else:
        with replacing(f"{args.sample}.droplets.h5ad") as temporary:
            data.write_h5ad(temporary, compression="lzf")
        summary = summarise(data, counts, notes)
        Contract.of(STEP).write_summary(summary, f"samples/{args.sample}/{args.sample}.read.json")
    left_out.write()
