"""Check that no cells are given twice: the same file under two names, or lanes of one library as captures."""

from argparse import Namespace

from compartments.core.files import read_json, write_text
from compartments.core.options import Options

STEP = "check_captures"


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--samples", required=True, help="samples.tsv of check_design")
    parser.add_argument("--cells", nargs="*", default=[], help="<s>.cells.json of inspect_input")
    return parser.parse_args()


def main() -> None:
    """One line per problem in ``problems.txt``; an empty file when there is none."""
    args = arguments()
    from compartments.core.files import read_tsv
    from compartments.counts.lanes import problems

    samples = read_tsv(args.samples)
    rows = dict(zip(samples["sample"], samples["row"].astype(int), strict=True))
    found = [cells | {"row": rows[cells["sample"]]} for cells in map(read_json, args.cells)]
    lines = [f"samplesheet {problem}\n" for problem in problems(found, samples)]
    write_text("".join(lines), "problems.txt")
