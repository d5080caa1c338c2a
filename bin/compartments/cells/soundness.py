"""What CellBender wrote about a run, and whether the run is sound."""

import csv
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

Metrics = dict[str, float | None]
Curve = dict[str, list[float]]

CURVE_POINTS = 100
MAX_DRIFT = 0.01  # of the training, see training_drift
MAX_NONEMPTY = 0.9  # of the analysed droplets
MAX_RATIO = 3.0  # found to expected cells, or its inverse


def output_path(folder: Path, fprs: Sequence[float], which: int = 0) -> Path:
    """CellBender's output with the cells only, for one of ``fprs``; its name tells the rate when there are several."""
    return folder / (f"out_FPR_{fprs[which]}_filtered.h5" if len(fprs) > 1 else "out_filtered.h5")


def read_metrics(output: Path) -> Metrics:
    """The metrics that CellBender wrote beside an ``output`` of :func:`output_path`.

    Returns
    -------
    dict
        Metric -> float, or None where CellBender gives no number.
    """
    path = output.with_name(output.name.replace("_filtered.h5", "_metrics.csv"))
    metrics: Metrics = {}
    with open(path, newline="") as handle:
        for name, value in csv.reader(handle):
            try:
                number = float(value)
            except ValueError:
                number = np.nan
            metrics[name] = number if np.isfinite(number) else None
    return metrics


def read_curve(path: Path) -> Curve:
    """Training curve from an output.

    Returns
    -------
    dict
        ``train_epoch, train_elbo, test_epoch, test_elbo``: lists thinned to ``CURVE_POINTS``, empty where absent.
    """
    curve: Curve = {}
    with h5py.File(path) as file:
        metadata = file["metadata"]
        for part in ("train", "test"):
            for what in ("epoch", "elbo"):
                name = f"learning_curve_{part}_{what}"
                values = np.ravel(metadata[name][()]) if name in metadata else np.array([])
                points = np.linspace(0, len(values) - 1, CURVE_POINTS if len(values) else 0)
                chosen = np.unique(points.round().astype(int))
                curve[f"{part}_{what}"] = [float(values[i]) if what == "elbo" else int(values[i]) for i in chosen]
    return curve


def training_drift(curve: Curve) -> float | None:
    """How far the training is from its plateau.

    CellBender's own convergence indicator compares the last steps with the spread of the last 20 epochs: at a plateau
    of pure noise it is 2 / sqrt(pi) on average, and low where the curve still climbs; it is reported, not judged.

    Parameters
    ----------
    curve : dict
        From :func:`read_curve`.

    Returns
    -------
    float or None
        Absolute change of the mean training ELBO from the last but one tenth of the epochs to the last, as a part of
        the whole rise (1 if there is none). None for fewer than 20 epochs.
    """
    elbo = np.array(curve["train_elbo"])
    if len(elbo) < 20:
        return None
    tenth = len(elbo) // 10
    end, before = elbo[-tenth:].mean(), elbo[-2 * tenth : -tenth].mean()
    return float(abs(end - before) / (end - elbo[0])) if end > elbo[0] else 1.0


def judge(metrics: Metrics, curve: Curve) -> list[str]:
    """What is wrong with a finished run, as phrases; empty when it is sound.

    Parameters
    ----------
    metrics : dict
        From :func:`read_metrics`.
    curve : dict
        From :func:`read_curve`.
    """
    problems = []
    if not metrics["found_cells"]:
        problems.append("no cells found")
    if not np.isfinite(curve["train_elbo"] + curve["test_elbo"]).all():
        problems.append("the training diverged")
    drift = training_drift(curve)
    if drift is not None and drift > MAX_DRIFT:
        problems.append(f"not converged (the ELBO still moves by {drift:.1%} of its rise, at most {MAX_DRIFT:.0%})")
    test = np.array(curve["test_elbo"])
    if len(test) >= 5:
        typical = test[len(test) // 2 : -1].std()
        # the end far below the best means that the training ran away, not that it wavers
        if test[-1] < test.max() - max(4 * typical, 0.1 * np.ptp(test)):
            problems.append("the test ELBO fell at the end of the training")
    nonempty = metrics["fraction_of_analyzed_droplets_that_are_nonempty"]
    if nonempty is not None and nonempty > MAX_NONEMPTY:
        problems.append(f"{nonempty:.0%} of the analysed droplets called cells: no empty droplets were seen")
    ratio = metrics["ratio_of_found_cells_to_expected_cells"]
    if ratio and not 1 / MAX_RATIO <= ratio <= MAX_RATIO:
        problems.append(f"{ratio:g} times the expected number of cells found")
    return problems
