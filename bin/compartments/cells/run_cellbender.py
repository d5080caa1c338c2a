"""Run CellBender on one sample, with other settings where it fails; never fails for a sample's sake."""

import signal
import sys
from argparse import Namespace

from compartments.core.contract import Contract
from compartments.core.errors import UserError
from compartments.core.left_out import LeftOut
from compartments.core.options import Options

STEP = "run_cellbender"


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--droplets", required=True, help="<sample>.droplets.h5ad with all barcodes")
    parser.add_argument("--expected_cells", type=int, help="cells in the sample; absent: told from the counts")
    parser.add_argument("--cpus", type=int, default=1, help="threads; a checkpoint needs the same number")
    parser.add_argument("--cuda", action="store_true", help="use the GPU")
    parser.add_argument("--checkpoints", help="folder that outlives the task: a retry goes on where a killed task was")
    parser.add_argument("--max_hours", type=float, help="give up after this time, so that the cohort can go on")
    args = parser.parse_args()
    try:
        args.fprs = tuple(float(part) for part in args.cellbender_fpr.replace(",", " ").split())
    except ValueError:
        args.fprs = ()
    if not args.fprs or not all(0 <= fpr < 1 for fpr in args.fprs):
        raise UserError(f"--cellbender_fpr {args.cellbender_fpr}: give numbers from 0 up to 1, separated by commas")
    return args


def main() -> None:
    """Write ``<s>.cellbender.json``, ``<s>.cellbender.h5`` and that of further rates; a failure in ``skipped.tsv``."""
    args = arguments()
    import shutil
    import time
    from pathlib import Path

    import anndata

    from compartments.cells.cellbender import Settings, run

    started = time.monotonic()
    # a scheduler's SIGTERM ends CellBender with this process, not after it
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    left_out = LeftOut(STEP)
    droplets = anndata.read_h5ad(args.droplets)
    settings = Settings(args.fprs, args.cellbender_epochs, args.cpus, args.cuda)
    outcome = run(droplets, args.expected_cells, settings, args.checkpoints, started, args.max_hours)
    public = Path("samples", outcome.sample)
    public.mkdir(parents=True, exist_ok=True)
    for name, output in outcome.outputs().items():
        shutil.move(output, public / name)
    if outcome.reason:
        left_out.add(outcome.reason, sample=outcome.sample)
    if outcome.folder is not None:
        shutil.move(outcome.folder / "cellbender.log", "cellbender.log")
        shutil.rmtree(outcome.folder)
    Contract.of(STEP).write_summary(outcome.summary(), str(public / f"{outcome.sample}.cellbender.json"))
    left_out.write()
