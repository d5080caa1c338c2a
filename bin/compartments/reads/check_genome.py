"""Check that a genome and its genes belong together, and what an index of them needs."""

from argparse import Namespace

from compartments.core.errors import problem_in
from compartments.core.files import write_json, write_text
from compartments.core.options import Options

STEP = "check_genome"


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--fasta", required=True, help="sequence of the genome, plain or packed with gzip")
    parser.add_argument("--gtf", required=True, help="its genes")
    return parser.parse_args()


def main() -> None:
    """Write ``problems.txt``, ``genome.json`` and ``plan.txt``, what is said of it before the run."""
    args = arguments()
    from compartments.reads.counting import COUNTERS
    from compartments.reads.genome import look_at

    with problem_in("problems.txt"):
        genome, counter = look_at(args.fasta, args.gtf), COUNTERS[args.counter]
        gb, gb_to_build, kind = counter.needs(genome)
        needs = {"gb": round(gb, 2), "gb_to_build": round(gb_to_build, 2)}
        write_json(genome._asdict() | needs | {"folder": genome.digest + counter.suffix}, "genome.json")
        write_text(
            f"# genome: {genome.bases / 1e6:,.1f} million bases, {genome.genes:,} genes; {kind}, foreseen to take "
            f"{gb_to_build:.1f} GB of memory to build and {gb:.1f} GB to map with\n",
            "plan.txt",
        )
