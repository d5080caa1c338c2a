"""Compare the composition of compartments between conditions."""

import argparse

from compartments.core.contract import Contract
from compartments.core.options import Options, checked
from compartments.core.vocabulary import CV_TOTAL

STEP = "compare_composition"


def arguments() -> argparse.Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--study", required=True, help="study.json of check_design")
    parser.add_argument("--counts", required=True, help="counts.tsv of merge_samples")
    cv_total = checked("cv_total", {"type": "number", "minimum": 0})
    parser.add_argument("--cv_total", type=cv_total, default=CV_TOTAL, help="coefficient of variation of cells_per_ul")
    return parser.parse_args()


def main() -> None:
    """Write the tables and the summary of ``composition/``."""
    options = arguments()
    from compartments.compare.composition import compare
    from compartments.core.files import read_tsv
    from compartments.study.parameters import names_in
    from compartments.study.study import Study

    counts = read_tsv(options.counts, ("sample", "level", "lineage", "n_cells"))
    found = compare(
        Study.load(options.study),
        counts,
        options.equiv_margin,
        options.cv_total,
        options.seed,
        options.relative_reference,
        names_in(options.reference_lineages),
    )
    contract = Contract.of(STEP)
    contract.write(found.effects, "composition/effects.tsv")
    contract.write(found.donors, "composition/donors.tsv")
    contract.write(found.single_case, "composition/single_case.tsv")
    contract.write(found.calls, "composition/calls.tsv")
    contract.write(found.differences(), "composition/compartments.tsv")
    contract.write(found.references(), "composition/references.tsv")
    contract.write_summary(found.summary, "composition/composition.json")
    found.left_out.write()
