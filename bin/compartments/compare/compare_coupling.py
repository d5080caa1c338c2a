"""Do the compartments change together?"""

from argparse import Namespace

from compartments.core.contract import Contract
from compartments.core.left_out import LeftOut
from compartments.core.options import Options

STEP = "compare_coupling"


def arguments() -> Namespace:
    parser = Options(STEP, __doc__)
    parser.add_argument("--study", required=True, help="study.json")
    parser.add_argument("--composition", required=True, help="composition effects.tsv")
    parser.add_argument("--donors", required=True, help="composition donors.tsv")
    parser.add_argument("--expression", nargs="*", default=[], help="<contrast>.parquet of compare_expression")
    parser.add_argument("--cohort", help="cohort.h5ad: distances of the arms as clouds of cells")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    from pathlib import Path

    import pandas as pd

    from compartments.compare import coupling
    from compartments.compare.distance import arm_distances, read_cells
    from compartments.core.files import read_tsv
    from compartments.study.study import Study

    contract, left_out = Contract.of(STEP), LeftOut(STEP)
    study = Study.load(given.study).of_specimens()
    effects = read_tsv(given.composition, coupling.EFFECTS)
    donors = read_tsv(given.donors, coupling.DONORS)
    table, drivers = coupling.compare(study, effects, donors, left_out, given.equiv_margin, given.seed)
    expression = ((Path(path).stem, pd.read_parquet(path, columns=coupling.GENES)) for path in sorted(given.expression))
    unnamed = {one: study.named_by_one(one).get("lineage", {}) for one in study.compartments[1:]}
    concordance = coupling.concordance(expression, study.reference_compartment, left_out, unnamed)
    distances = arm_distances(*read_cells(given.cohort), study, left_out) if given.cohort else pd.DataFrame()
    contract.write(table, "coupling/coupling.tsv")
    contract.write(drivers, "coupling/drivers.tsv")
    contract.write(distances, "coupling/edistance.tsv")
    contract.write(concordance, "coupling/concordance.tsv")
    left_out.write()
