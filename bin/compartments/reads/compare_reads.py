"""Reads of all samples side by side, and where depth or mapping differ between compartments."""

from argparse import Namespace

from compartments.core.contract import Contract
from compartments.core.files import read_json, write_text
from compartments.core.options import Options

STEP = "compare_reads"


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--study", required=True, help="study.json")
    parser.add_argument("--reads", required=True, nargs="+", help="<sample>.reads.json of all samples given as reads")
    return parser.parse_args()


def main() -> None:
    """Write ``cohort/reads.tsv``, and ``warnings.txt``, a line for each figure that differs between compartments."""
    args = arguments()
    import pandas as pd

    from compartments.reads.depths import differing

    study = {row["sample"]: row for row in read_json(args.study)["samples"]}
    found = {one["sample"]: one for one in map(read_json, args.reads)}
    rows = [found[name] | {"compartment": row["compartment"]} for name, row in study.items() if name in found]
    Contract.of(STEP).write(pd.DataFrame(rows), "cohort/reads.tsv")
    write_text("".join(f"{line}\n" for line in differing(rows)), "warnings.txt")
