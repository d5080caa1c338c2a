"""What this cohort, or a planned one, can find: minimum detectable effects with 80 % power, and with more donors."""

from argparse import Namespace
from pathlib import Path

from compartments.core.contract import Contract
from compartments.core.errors import UserError
from compartments.core.files import write_tsv
from compartments.core.options import Options
from compartments.core.vocabulary import CONTRAST_KINDS, CV_TOTAL, MORE_DONORS, PLANNED_CELLS

STEP = "power"
PLACE = "composition/power.tsv"
BETWEEN, WITHIN, *_ = CONTRAST_KINDS


def arguments() -> Namespace:
    parser = Options(STEP, __doc__)
    parser.epilog = (
        "Of a cohort: --study with --effects or --counts. Before a study: --condition 2 --reference 4, or of five "
        "donors with both conditions --condition 5 --reference 5 --design within."
    )
    parser.add_argument("--study", help="study.json")
    parser.add_argument("--counts", help="counts.tsv of merge_samples")
    parser.add_argument("--effects", help="effects.tsv of compare_composition")
    parser.add_argument("--condition", type=int, help="donors with the condition")
    parser.add_argument("--reference", type=int, help="donors of the reference")
    parser.add_argument(
        "--design", choices=[BETWEEN, WITHIN], default=BETWEEN, help="each donor has one of the conditions, or both"
    )
    parser.add_argument("--cells", type=float, nargs="+", default=list(PLANNED_CELLS), help="cells of a lineage")
    parser.add_argument("--sd_donor", type=float, default=0.35, help="spread between donors, ln")
    parser.add_argument("--sd_sample", type=float, default=0.30, help="spread between samples, ln")
    parser.add_argument("--cv_total", type=float, default=CV_TOTAL, help="error of cells_per_ul")
    parser.add_argument("--more", type=int, nargs="+", default=list(MORE_DONORS), help="donors to add per arm")
    parser.add_argument("--out", default="power.tsv", help="table to write")
    given = parser.parse_args()
    if min(given.more) < 0:
        raise UserError(f"--more {min(given.more)}: donors are added, so give 0 or more")
    given.planned = given.condition is not None or given.reference is not None
    if given.planned and (None in (given.condition, given.reference) or given.effects or given.counts):
        raise UserError("before a study give both --condition and --reference, and neither --counts nor --effects")
    if not (given.planned or (given.study and (given.counts or given.effects))):
        raise UserError(
            "nothing to compute power from: give --study with --effects or --counts, or --condition with --reference"
        )
    return given


def main() -> None:
    given = arguments()

    from compartments.compare.detectable import NEEDED, before_a_study, with_more_donors
    from compartments.core.files import read_tsv
    from compartments.study.study import Study
    from compartments.study.terms import terms_of

    if given.planned:
        spread = given.sd_donor, given.sd_sample, given.cv_total
        table = before_a_study(given.condition, given.reference, given.cells, given.more, *spread, given.design)
    else:
        study = Study.load(given.study)
        if given.effects:
            effects = read_tsv(given.effects, NEEDED)
        else:
            from compartments.compare.composition import compare

            counts = read_tsv(given.counts, ("sample", "level", "lineage", "n_cells"))
            effects = compare(study, counts, cv_total=given.cv_total).effects
        table = with_more_donors(effects, given.more, terms_of(study.of_specimens()))
    out = Path(given.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_tsv(table[Contract.of(STEP).ordered(list(table), PLACE)], out)
