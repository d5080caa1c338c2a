"""Two small simulated cohorts, and both together."""

import pytest

from compartments.after.before import Before
from compartments.after.whole import Whole
from compartments.core.files import write_json, write_tsv
from tests.support.cohorts import analysed, coupled


@pytest.fixture(scope="module")
def cohorts(tmp_path_factory):
    """Two simulated cohorts of four and four donors, as far as their compositions go."""
    found = []
    for number in (1, 2):
        folder = tmp_path_factory.mktemp("cohorts") / f"study_{number}"
        for name in ("composition", "coupling", "pipeline_info"):
            (folder / name).mkdir(parents=True)
        study, composition = analysed(seed=number)
        coupling = coupled(study, composition)[0]
        named = {donor: f"S{number}{donor}" for donor in study.samples["donor"]}
        donors = composition.donors.assign(donor=composition.donors["donor"].map(named))
        study.samples["donor"] = study.samples["donor"].map(named)
        write_tsv(composition.effects, folder / "composition/effects.tsv")
        write_tsv(donors, folder / "composition/donors.tsv")
        (folder / "pipeline_info/versions.yml").write_text("Workflow:\n    sc-compartments: '0.1.0'\n")
        write_json({}, folder / "pipeline_info/params.json")
        found.append((Before(folder, {"equiv_margin": 1}, study), coupling))
    return [one for one, _ in found], [table for _, table in found]


@pytest.fixture(scope="module")
def whole(cohorts):
    before = cohorts[0]
    return Whole(before, list(before[0].study.contrasts["contrast"]))
