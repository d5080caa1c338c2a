"""Which way a sample's reads run, and whether they are of this genome: from the first of them."""

from argparse import Namespace

from compartments.core.errors import UserError, problem_in
from compartments.core.files import read_json, write_json
from compartments.core.options import Options

STEP = "find_strand"


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--look", required=True, help="<sample>.look.json")
    parser.add_argument("--fastq_2", required=True, nargs="+", help="reads 2 of its lanes")
    parser.add_argument("--index", required=True, help="folder of STAR's index")
    parser.add_argument("--cpus", type=int, default=1, help="threads")
    return parser.parse_args()


def main() -> None:
    """Write ``problems.txt``, empty or one line, and ``<sample>.strand.json``: the look with what was found."""
    args = arguments()
    from compartments.reads.strands import find_strand

    look = read_json(args.look)
    with problem_in("problems.txt"):
        try:
            found = find_strand(args.fastq_2, args.index, look["strands"], args.cpus)
        except UserError as error:
            raise UserError(f"sample '{look['sample']}', column 'fastq_2': {error}") from None
        write_json(look | found._asdict(), f"{look['sample']}.strand.json")
