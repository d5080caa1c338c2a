"""Compare the composition of compartments between conditions: effects.tsv, donors.tsv, single_case.tsv, calls.tsv."""

import argparse

from compartments.core.left_out import write_skipped


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", required=True, help="study.json of check_design.py")
    parser.add_argument("--counts", required=True, help="counts.tsv of merge_samples.py")
    parser.add_argument("--equiv_margin", type=float, default=1.0, help="margin of equivalence, log2 [%(default)s]")
    parser.add_argument(
        "--cv_total", type=float, default=0.15, help="coefficient of variation of cells_per_ul [%(default)s]"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of sampled permutations [%(default)s]")
    arguments = parser.parse_args()

    from compartments.compare.composition import compare
    from compartments.core.errors import UserError
    from compartments.core.files import read_tsv, write_json, write_tsv
    from compartments.study.study import Study

    if not arguments.equiv_margin > 0:
        raise UserError(f"--equiv_margin {arguments.equiv_margin} is not above 0; give a log2 fold change, such as 1")
    if not arguments.cv_total >= 0:
        raise UserError(f"--cv_total {arguments.cv_total} is below 0; give a fraction, such as 0.15")
    counts = read_tsv(arguments.counts, ("sample", "level", "lineage", "n_cells"))
    found = compare(Study.load(arguments.study), counts, arguments.equiv_margin, arguments.cv_total, arguments.seed)
    write_tsv(found.effects, "effects.tsv")
    write_tsv(found.donors, "donors.tsv")
    write_tsv(found.single_case, "single_case.tsv")
    write_tsv(found.calls, "calls.tsv")
    write_tsv(found.compartments, "compartments.tsv")
    write_json(found.summary, "composition.json")
    write_skipped(found.skipped)
