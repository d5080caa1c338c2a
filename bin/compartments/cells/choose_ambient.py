"""Choose the ambient RNA method of every sample; write methods.tsv and plan.txt, or why not to the problems file."""

import argparse
from pathlib import Path

from compartments.core.errors import problem_in


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requested", default="auto", choices=["auto", "cellbender", "soupem", "none"])
    parser.add_argument("--gpu", action="store_true", help="CellBender has a GPU")
    parser.add_argument("--allow_mixed", action="store_true", help="every sample may have its own method")
    parser.add_argument("--problems", required=True, help="where a problem is written; the exit code stays 0")
    parser.add_argument("summaries", nargs="+", help="<sample>.read.json")
    arguments = parser.parse_args()

    import json

    from compartments.study.ambient_choice import announce, choose_methods

    summaries = [json.loads(Path(path).read_text()) for path in sorted(arguments.summaries)]
    with problem_in(arguments.problems):
        methods, reasons = choose_methods(summaries, arguments.requested, arguments.gpu, arguments.allow_mixed)
        rows = "".join(f"{sample}\t{method}\t{reasons.get(sample, '')}\n" for sample, method in methods.items())
        Path("methods.tsv").write_text(f"sample\tmethod\treason\n{rows}")
        Path("plan.txt").write_text(announce(methods, reasons) + "\n")
