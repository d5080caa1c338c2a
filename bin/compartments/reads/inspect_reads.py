"""Check the FASTQ files of one sample before anything is mapped: which chemistry, how many reads, what is wrong."""

from argparse import Namespace

from compartments.core.errors import UserError, problem_in
from compartments.core.files import write_json
from compartments.core.options import Options

STEP = "inspect_reads"


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--sample", required=True, help="sample name")
    parser.add_argument("--fastq_1", required=True, nargs="+", help="reads 1 of its lanes: barcodes and UMIs")
    parser.add_argument("--fastq_2", required=True, nargs="+", help="reads 2 of its lanes, in the same order")
    parser.add_argument("--chemistry", default="", help="as the samplesheet names it; absent: told from the barcodes")
    args = parser.parse_args()
    if len(args.fastq_1) != len(args.fastq_2):
        parser.error("give as many --fastq_2 as --fastq_1")
    return args


def main() -> None:
    """Write ``problems.txt``, empty or one line, and ``<sample>.look.json``."""
    args = arguments()
    from compartments.reads.chemistries import chemistry_named
    from compartments.reads.looks import Lane, look_into

    with problem_in("problems.txt"):
        column = "chemistry"
        try:
            asked = None if args.chemistry.lower() in ("", "auto") else chemistry_named(args.chemistry)
            column = "fastq_1"
            look = look_into([Lane(*pair) for pair in zip(args.fastq_1, args.fastq_2, strict=True)], asked)
        except UserError as error:
            raise UserError(f"sample '{args.sample}', column '{column}': {error}") from None
        chemistry = look.chemistry
        found = {
            "sample": args.sample,
            "chemistry": chemistry.name,
            "umi": chemistry.umi,
            "strands": list(chemistry.strands),
            "reads": look.reads,
            "length": look.length,
            "barcodes": look.shares,
        }
        write_json(found, f"{args.sample}.look.json")
