"""Several cohorts as one: effects, calls and coupling of the whole, written with findings and a page."""

import pandas as pd
import pytest

from compartments.after.before import Before
from compartments.after.joined import write_whole
from compartments.after.whole import Whole
from compartments.core.contract import Contract
from compartments.core.files import read_json, read_tsv, write_json, write_tsv
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


def test_the_whole_knows_more_than_its_parts(cohorts, whole):
    table = whole.tables["composition/effects.tsv"]
    assert list(table) == Contract.of("compare_composition").names("composition/effects.tsv")
    parts = [read_tsv(one.root / "composition/effects.tsv") for one in cohorts[0]]
    keys = ["level", "lineage", "contrast", "term", "compartment"]
    joined = table.merge(parts[0], on=keys, suffixes=("", "_0")).merge(parts[1], on=keys, suffixes=("", "_1"))
    assert len(joined) == len(table) > 30
    assert (
        joined["log2fc"].between(joined[["log2fc_0", "log2fc_1"]].min(1), joined[["log2fc_0", "log2fc_1"]].max(1)).all()
    )
    agree = whole.spread["tau"].eq(0).to_numpy()
    smaller = joined["se"] < joined[["se_0", "se_1"]].min(axis=1)
    assert smaller[agree].all() and (joined["n_condition"] == 8).all()
    pdc = table[(table["lineage"] == "pDC") & (table["term"] == "interaction") & (table["level"] == "lineage")]
    assert pdc["call"].iloc[0].startswith(("maintained_CSF", "discordant_CSF"))
    assert (table.loc[table["term"] == "within:CSF", "p_decrease"].between(0, 1)).all()


def test_coupling_of_the_whole(cohorts, whole):
    row = whole.tables["coupling/coupling.tsv"].query("level == 'lineage'").iloc[0]
    single = [table[table["level"] == "lineage"].iloc[0] for table in cohorts[1]]
    assert row["verdict"] in ("partly_uncoupled", "uncoupled")
    taus = [one["tau_u"] for one in single]
    assert 0.5 * min(taus) < row["tau_u"] < 1.5 * max(taus), (row["tau_u"], taus)


def test_what_a_cohort_lacks_is_left_out_with_a_reason(whole):
    assert whole.study.samples["sample"].is_unique  # though both cohorts call theirs alike
    reasons = [row["reason"] for row in whole.left_out.rows]
    assert "migration/effects.tsv: study_1 has no such table" in reasons


def test_written_with_five_answers_and_a_page(whole, tmp_path):
    lines = write_whole(whole, tmp_path / "both", "combine a b")
    found = read_tsv(tmp_path / "both/findings.tsv")
    assert sorted(found["question"].unique()) == [1, 2, 3, 4, 5]
    kept = found[(found["question"] == 2) & (found["lineage"] == "pDC")]
    assert "yes" in set(kept["verdict"]) and kept["n_condition"].max() == 8
    assert any("question 2" in line for line in lines)
    page = (tmp_path / "both/report.html").read_text()
    assert "2 cohorts together" in page and "meta-analysis" in page
    said = read_tsv(tmp_path / "both/combined/cohorts.tsv.gz")
    assert set(said["cohort"]) == {"study_1", "study_2"} and len(said) == 2 * len(whole.spread)
    assert "study_2" in (tmp_path / "both/combined/forest.svg").read_text()
    assert set(read_json(tmp_path / "both/pipeline_info/combine.json")["combined"]) == {"study_1", "study_2"}
    assert not list((tmp_path / "both").glob(".*")) and [path.name for path in tmp_path.iterdir()] == ["both"]


def test_an_empty_cohort_of_effects_is_no_error(cohorts, tmp_path):
    one, other = cohorts[0]
    (tmp_path / "composition").mkdir()
    table = read_tsv(other.root / "composition/effects.tsv")
    write_tsv(table.iloc[:0], tmp_path / "composition/effects.tsv")
    write_tsv(read_tsv(other.root / "composition/donors.tsv"), tmp_path / "composition/donors.tsv")
    found = Whole([one, Before(tmp_path, other.parameters, other.study)], list(one.study.contrasts["contrast"]))
    assert found.tables["composition/effects.tsv"].empty and isinstance(found.spread, pd.DataFrame)
