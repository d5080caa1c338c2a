"""A simulated study of pseudobulks that several modules look at."""

import numpy as np
import pytest

from benchmarks.studies import pseudobulk_study


@pytest.fixture(scope="module")
def simulated():
    return pseudobulk_study(
        np.random.default_rng(1), 3, 4, n_genes=400, fraction_interaction=0.1, log2fc=2.5, sd_donor=1
    )
