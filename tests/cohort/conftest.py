"""A written cohort for all tests of the cohort."""

import numpy as np
import pytest

from tests.support.samples import N_GENES, make_study_of, write_sample


@pytest.fixture
def written(tmp_path):
    study, rng = make_study_of(), np.random.default_rng(0)
    data = {}
    for i, row in enumerate(study.samples.itertuples()):
        # one sample lacks ten genes, another lists them in another order
        genes = {f"G{k}" for k in range(10, N_GENES)} | {"XIST", "RPS4Y1", "DDX3Y"} if i == 1 else None
        data[row.sample] = write_sample(tmp_path, row.sample, rng, donor=int(row.donor[1:]), genes=genes)
    study.save(tmp_path / "study.json")
    return tmp_path, study, data
