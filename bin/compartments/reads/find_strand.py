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
    parser.add_argument("--fastq_1", required=True, nargs="+", help="reads 1 of its lanes")
    parser.add_argument("--fastq_2", required=True, nargs="+", help="reads 2 of its lanes, in the same order")
    parser.add_argument("--index", required=True, help="folder of the counter's index")
    parser.add_argument("--cpus", type=int, default=1, help="threads")
    return parser.parse_args()


def main() -> None:
    """Write ``problems.txt``, empty or one line, and ``<sample>.strand.json``: the look with what was found, and
    a warning of the index."""
    args = arguments()
    from pathlib import Path

    from compartments.reads.chemistries import chemistry_of
    from compartments.reads.copies import said_of
    from compartments.reads.counting import COUNTERS
    from compartments.reads.fastq import copy_first
    from compartments.reads.strands import PART, judged

    look, parts, counter = read_json(args.look), ("part_R1.fastq", "part_R2.fastq"), COUNTERS[args.counter]
    for part, files in zip(parts, (args.fastq_1, args.fastq_2), strict=True):
        with open(part, "wb") as out:
            for path in files:
                copy_first(path, out, PART // len(files))
    with problem_in("problems.txt"):
        try:
            ways = counter.both_ways(*parts, args.index, chemistry_of(look), args.cpus)
            found = judged(ways, look["strands"])
        except UserError as error:
            raise UserError(f"sample '{look['sample']}', column 'fastq_2': {error}") from None
        write_json(
            look | found._asdict() | {"warning": said_of(counter.copies_in(args.index))},
            f"{look['sample']}.strand.json",
        )
    for part in parts:
        Path(part).unlink()
