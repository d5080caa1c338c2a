"""Run CellBender on one sample, with other settings where it fails; never fails for a sample's sake."""

import argparse
import sys

from compartments.core.errors import UserError
from compartments.core.left_out import write_skipped


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--droplets", required=True, help="<sample>.droplets.h5ad with all barcodes")
    parser.add_argument("--expected_cells", type=int)
    parser.add_argument("--epochs", type=int, default=150)
    parser.add_argument(
        "--fpr", default="0.0", help="one or several, separated by commas; the first is used further on"
    )
    parser.add_argument("--learning_rate", type=float, default=1e-4)
    parser.add_argument("--low_count_threshold", type=int, default=5, help="lower it to 1 where the background is low")
    parser.add_argument("--cpus", type=int, default=1, help="threads; a checkpoint needs the same number")
    parser.add_argument("--cuda", action="store_true", help="use the GPU")
    parser.add_argument("--checkpoints", help="folder that outlives the task: a retry goes on where a killed task was")
    parser.add_argument("--max_hours", type=float, help="give up after this time, so that the cohort can go on")
    options = parser.parse_args()
    try:
        fprs = [float(part) for part in options.fpr.replace(",", " ").split()]
    except ValueError:
        fprs = []
    if not fprs or not all(0 <= fpr < 1 for fpr in fprs):
        raise UserError(f"--fpr {options.fpr}: give numbers from 0 up to 1, separated by commas")

    import shutil
    import signal
    import time
    from importlib.metadata import PackageNotFoundError, version

    import anndata
    import numpy as np

    from compartments.cells import cellbender, soundness
    from compartments.cells.attempts import plan_attempts
    from compartments.core import files

    started = time.monotonic()
    droplets = anndata.read_h5ad(options.droplets)
    sample = str(droplets.uns["sample"])
    # a scheduler's SIGTERM ends CellBender with this process, not after it
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        installed = version("cellbender")
    except PackageNotFoundError:  # a program on PATH, of another environment
        installed = None
    if installed and installed.startswith("0.3.1"):
        raise UserError("CellBender 0.3.1 is installed here, whose counts can overflow: install 0.4")
    attempt, history, resumed, folder = None, [], False, None
    if droplets.uns["kind"] != "raw":
        history.append("no raw matrix: CellBender needs the empty droplets")
    else:
        totals = np.asarray(droplets.X.sum(axis=1)).ravel()
        attempts = plan_attempts(totals, options.expected_cells, options.low_count_threshold, options.learning_rate)
        settings = {
            "fprs": fprs,
            "epochs": options.epochs,
            "low_count": options.low_count_threshold,
            "cpus": options.cpus,
            "cuda": options.cuda,
        }
        rates = [options.learning_rate, options.expected_cells]
        folder = cellbender.working_folder(droplets, settings | {"rates": rates}, options.checkpoints)
        resumed = (folder / cellbender.CHECKPOINT).exists() or (folder / "attempts.json").exists()
        cellbender.write_input(droplets, folder / cellbender.INPUT)
        deadline = started + options.max_hours * 3600 if options.max_hours else None
        attempt, history = cellbender.run_attempts(attempts, folder, settings, deadline)

    summary = {
        "sample": sample,
        "succeeded": attempt is not None,
        "reason": None if attempt else "; ".join(history),
        "attempts": "; ".join(history),
        "n_attempts": len(history),
        "resumed": resumed,
        "device": "GPU" if options.cuda else "CPU",
        "epochs": options.epochs,
        "fpr": fprs[0],
        "seconds": round(time.monotonic() - started, 1),
    }
    skipped = []
    if attempt is None:
        skipped = [{"stage": "run_cellbender", "sample": sample, "reason": summary["reason"]}]
    else:
        output = soundness.output_path(folder, fprs)
        metrics, curve = soundness.read_metrics(output), soundness.read_curve(output)
        summary |= {
            "cellbender_version": installed,
            "learning_rate": attempt.learning_rate,
            "expected_cells": attempt.expected,
            "total_droplets": attempt.total,
            "warnings": "; ".join(soundness.judge(metrics, curve)) or None,
            **{f"metric_{name}": value for name, value in metrics.items()},
            **curve,
        }
        for which, fpr in enumerate(fprs):
            name = f"{sample}.cellbender_fpr_{fpr}.h5" if which else f"{sample}.cellbender.h5"
            shutil.move(soundness.output_path(folder, fprs, which), name)
    if folder is not None:
        shutil.move(folder / "cellbender.log", "cellbender.log")
        shutil.rmtree(folder)
    files.write_json(summary, f"{sample}.cellbender.json")
    write_skipped(skipped)
