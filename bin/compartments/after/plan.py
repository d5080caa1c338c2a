"""Before a study: how many donors and cells find which change, as a table and a figure (plan.tsv, plan.svg)."""

import sys
from argparse import Namespace
from pathlib import Path

from compartments.core.contract import Contract
from compartments.core.errors import UserError
from compartments.core.files import replacing, write_tsv
from compartments.core.options import Options
from compartments.core.vocabulary import CV_TOTAL

STEP = "plan"


def arguments() -> Namespace:
    parser = Options(STEP, __doc__)
    parser.epilog = "Such as --donors 2..20 --cells 50..5000 --lineage .5%%"
    parser.add_argument("--donors", default="2..12", help="donors of each arm: from..to, or several with commas")
    parser.add_argument("--cells", default="500..5000", help="cells per sample, of all lineages: the same way")
    parser.add_argument("--lineage", default="5%", help="share of the lineage among the cells, as .5%% or .005")
    parser.add_argument("--fold", type=float, default=2.0, help="change whose power is wanted")
    parser.add_argument("--sd_donor", type=float, default=0.35, help="spread between donors, ln")
    parser.add_argument("--sd_sample", type=float, default=0.30, help="spread between samples, ln")
    parser.add_argument("--cv_total", type=float, default=CV_TOTAL, help="error of cells_per_ul")
    parser.add_argument("--out", default="plan.tsv", help="table to write, and beside it the figure (.svg)")
    given = parser.parse_args()
    for path in (Path(given.out), Path(given.out).with_suffix(".svg")):
        if path.exists():
            raise UserError(f"{path}: exists, and nothing is overwritten; give another --out")
    return given


def main() -> None:
    given = arguments()

    from compartments.after.planned import drawn, in_words, numbers_in, share_in
    from compartments.compare.detectable import over_designs

    donors = [int(n) for n in numbers_in("donors", given.donors, every=True)]
    cells = numbers_in("cells", given.cells)
    spreads = given.sd_donor, given.sd_sample, given.cv_total
    table = over_designs(donors, cells, share_in(given.lineage), given.fold, *spreads)
    out = Path(given.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_tsv(table[Contract.of(STEP).ordered(list(table), "plan.tsv")], out)
    with replacing(out.with_suffix(".svg")) as temporary:
        temporary.write_text(drawn(table, share_in(given.lineage)), encoding="utf-8")
    sys.stdout.write("\n".join([*in_words(table), f"Written: {out} and {out.with_suffix('.svg')}", ""]))
