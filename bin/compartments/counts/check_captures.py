"""Check that no cells are given twice: the same file under two names, or lanes of one library as captures."""

from argparse import Namespace

from compartments.core.files import read_json, write_text
from compartments.core.options import Options

STEP = "check_captures"


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--study", required=True, help="study.json")
    parser.add_argument("--cells", nargs="*", default=[], help="<s>.cells.json of inspect_input")
    return parser.parse_args()


def main() -> None:
    """One line per problem in ``problems.txt``; an empty file when there is none."""
    args = arguments()
    from compartments.counts.lanes import problems
    from compartments.study.study import Study

    found = [read_json(path) for path in args.cells]
    lines = [f"samplesheet {problem}\n" for problem in problems(found, Study.load(args.study).samples)]
    write_text("".join(lines), "problems.txt")
