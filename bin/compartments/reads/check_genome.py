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
    from compartments.reads.genome import look_at

    with problem_in("problems.txt"):
        genome = look_at(args.fasta, args.gtf)
        needs = {"gb": round(genome.gb, 2), "gb_to_build": round(genome.gb_to_build, 2)}
        found = genome._asdict() | needs
        write_json(found, "genome.json")
        every = "every suffix" if genome.sparse == 1 else f"one of {genome.sparse} suffixes"
        said = (
            f"# genome: {genome.bases / 1e6:,.1f} million bases, {genome.genes:,} genes; index with {every}, foreseen"
        )
        said += f" to take {genome.gb_to_build:.1f} GB of memory to build and {genome.gb:.1f} GB to map with\n"
        write_text(said, "plan.txt")
