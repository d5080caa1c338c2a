"""Take the results of several small studies together: a random-effects meta-analysis, donors as units.

Writes a new folder: effects of the whole (composition, gene sets, pairs, hubs) with the five questions and a report;
combined/ has what each cohort says of each row (cohorts.tsv.gz), how far they differ (heterogeneity.tsv.gz), a figure.
"""

import shlex
import sys
from argparse import Namespace
from pathlib import Path

from compartments.core.errors import UserError
from compartments.core.options import Options

STEP = "combine"


def arguments() -> Namespace:
    parser = Options(STEP, __doc__)
    parser.add_argument("results", nargs="+", help="results folders of two studies or more (--outdir of their runs)")
    parser.add_argument("--out", required=True, help="folder of the new results; must not exist")
    given = parser.parse_args()
    if len(given.results) < 2:
        raise UserError("one results folder is given; name two or more to be taken together")
    if Path(given.out).exists():
        raise UserError(f"--out {given.out}: exists, and nothing is overwritten; give a new folder")
    above = next(folder for folder in Path(given.out).absolute().parents if folder.exists())
    if not above.is_dir():
        raise UserError(f"--out {given.out}: {above} is a file; give a folder in a folder")
    return given


def main() -> None:
    given = arguments()
    from compartments.after.alike import Looked, warnings_of
    from compartments.after.before import Before
    from compartments.after.cohorts import check_together
    from compartments.after.joined import write_whole
    from compartments.after.whole import Whole

    cohorts = [Before.open(path) for path in given.results]
    whole = Whole(cohorts, check_together(cohorts))
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    looked = [Looked(cohort, name) for cohort, name in zip(cohorts, whole.names, strict=True)]
    lines = write_whole(whole, warnings_of(looked, whole.left_out), Path(given.out), command)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
