"""Are the programs here that the reads will be given to? Told before anything is read."""

from argparse import Namespace

from compartments.core.files import write_text
from compartments.core.options import Options

STEP = "check_programs"


def arguments() -> Namespace:
    """Command line."""
    return Options(STEP, __doc__).parse_args()


def main() -> None:
    """Write ``problems.txt``, empty or a line for each program that is missing or does not run."""
    args = arguments()
    from compartments.reads.counting import COUNTERS
    from compartments.reads.fastp import FASTP
    from compartments.reads.programs import lacking

    wanted = [*COUNTERS[args.counter].programs, *[FASTP] * args.read_quality]
    write_text("".join(f"{line}\n" for line in lacking(wanted)), "problems.txt")
