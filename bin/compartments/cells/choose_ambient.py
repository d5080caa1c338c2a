"""Choose the ambient RNA method of every sample; write methods.tsv and plan.txt, or why not to the problems file."""

from argparse import Namespace

from compartments.core.errors import problem_in
from compartments.core.files import read_json, write_text
from compartments.core.options import Options

STEP = "choose_ambient"


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--gpu", action="store_true", help="CellBender has a GPU")
    parser.add_argument("--asked", default="", help="what the samplesheet asks for: sample=method, by commas")
    parser.add_argument("--problems", required=True, help="where a problem is written; the exit code stays 0")
    parser.add_argument("summaries", nargs="+", help="<sample>.read.json")
    return parser.parse_args()


def main() -> None:
    """Write ``methods.tsv`` and ``plan.txt``, or one line of problem."""
    args = arguments()
    from compartments.study.ambient_choice import announce, choose_methods, methods_table

    summaries = [read_json(path) for path in sorted(args.summaries)]
    with problem_in(args.problems):
        own = dict(one.split("=") for one in args.asked.split(",") if one)
        methods, reasons = choose_methods(summaries, args.ambient_method, args.gpu, args.allow_mixed_ambient, own)
        write_text(methods_table(methods, reasons), "methods.tsv")
        write_text(announce(methods, reasons) + "\n", "plan.txt")
