"""What CellBender says of a sound run."""

import numpy as np


def sound():
    metrics = dict.fromkeys(["convergence_indicator", "ratio_of_found_cells_to_expected_cells"], 0.5)
    metrics |= {"found_cells": 60.0, "fraction_of_analyzed_droplets_that_are_nonempty": 0.1}
    rising = list(-100 / np.arange(1, 21))
    return metrics, {"train_elbo": rising, "test_elbo": rising, "train_epoch": [], "test_epoch": []}
