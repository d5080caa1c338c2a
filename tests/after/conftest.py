"""Two small simulated cohorts, and both together."""

import pytest

from compartments.after.before import Before
from compartments.after.whole import Whole
from compartments.core.files import write_json, write_tsv
from tests.support.cohorts import analysed, coupled


def made(root, absolute):
    """Two simulated cohorts of four and four donors, as far as their compositions go, and the coupling of each."""
    found = []
    for number in (1, 2):
        folder = root / f"study_{number}"
        for name in ("composition", "coupling", "pipeline_info"):
            (folder / name).mkdir(parents=True)
        study, composition = analysed(seed=number, absolute=absolute)
        coupling = coupled(study, composition)[0]
        named = {donor: f"S{number}{donor}" for donor in study.samples["donor"]}
        donors = composition.donors.assign(donor=composition.donors["donor"].map(named))
        study.samples["donor"] = study.samples["donor"].map(named)
        write_tsv(composition.effects, folder / "composition/effects.tsv")
        write_tsv(donors, folder / "composition/donors.tsv")
        write_json(composition.summary, folder / "composition/composition.json")
        (folder / "pipeline_info/versions.yml").write_text("Workflow:\n    sc-compartments: '0.1.0'\n")
        write_json({}, folder / "pipeline_info/params.json")
        found.append((Before(folder, {"equiv_margin": 1}, study), coupling))
    return [one for one, _ in found], [table for _, table in found]


@pytest.fixture(scope="module")
def cohorts(tmp_path_factory):
    return made(tmp_path_factory.mktemp("cohorts"), absolute=True)


@pytest.fixture(scope="module")
def whole_of_shares(tmp_path_factory):
    """Two cohorts without cells per microlitre together."""
    before, _ = made(tmp_path_factory.mktemp("shares"), absolute=False)
    return Whole(before, list(before[0].study.contrasts["contrast"]))


@pytest.fixture(scope="module")
def whole(cohorts):
    before = cohorts[0]
    return Whole(before, list(before[0].study.contrasts["contrast"]))
