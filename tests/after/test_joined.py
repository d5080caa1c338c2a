"""Several cohorts together, written: tables, figure, five answers, a page."""

import pytest

from compartments.after.joined import APART, NOT_TOGETHER, write_whole
from compartments.core.files import read_json, read_tsv
from compartments.report import donors
from compartments.report.results import Results


def test_written_with_five_answers_and_a_page(whole, tmp_path):
    lines = write_whole(whole, ["donor 'a' and 'b': the same person?"], tmp_path / "both", "combine a b")
    found = read_tsv(tmp_path / "both/findings.tsv")
    assert sorted(found["question"].unique()) == [1, 2, 3, 4, 5]
    kept = found[(found["question"] == 2) & (found["lineage"] == "pDC")]
    assert "yes" in set(kept["verdict"]) and kept["n_condition"].max() == 8
    assert any("question 2" in line for line in lines)
    page = (tmp_path / "both/report.html").read_text()
    assert "2 cohorts together" in page and "meta-analysis" in page
    # what a combination did, and nothing that only a run does
    assert "DerSimonian and Laird" in page and "Hartung and Knapp" in page and "study_1: none; study_2: none" in page
    for false in ("Ambient RNA was", "variation of the measured totals", "adjusted for cohort", "--calibrate off"):
        assert false not in page
    for false in (
        "no exact permutation",
        "pydeseq2",
        "This run was asked",
        "score tests",
        "HashSolo",
        "relabelled, within",
    ):
        assert false not in page
    assert "Each cohort was adjusted by itself: study_1 for nothing; study_2 for nothing." in page
    assert read_tsv(tmp_path / "both/design.tsv")["permutation_floor"].isna().all()
    unanswered = found[(found["question"] == 3) & found["lineage"].isna()]["statement"]
    assert all("not all cohorts have it alike" in text for text in unanswered) and len(unanswered)
    assert "did not finish" not in page
    left_out = read_tsv(tmp_path / "both/skipped.tsv").set_index("stage")["reason"]
    for step in NOT_TOGETHER:
        assert left_out[step] == APART
    assert APART in page and "This step did not finish" not in page and "is incomplete" not in page
    said = read_tsv(tmp_path / "both/combined/cohorts.tsv.gz")
    assert set(said["cohort"]) == {"study_1", "study_2"} and len(said) == 2 * len(whole.spread)
    assert "study_2" in (tmp_path / "both/combined/forest.svg").read_text()
    assert set(read_json(tmp_path / "both/pipeline_info/combine.json")["combined"]) == {"study_1", "study_2"}
    assert not list((tmp_path / "both").glob(".*")) and [path.name for path in tmp_path.iterdir()] == ["both"]


def test_circles_of_donors_are_of_their_own_cohort(whole_of_shares, tmp_path):
    """By shares each cohort has its own zero, and its own reference donors: what its donors show is its estimate."""
    write_whole(whole_of_shares, [], tmp_path / "both", "combine a b")
    results = Results(tmp_path / "both")
    said = read_tsv(tmp_path / "both/combined/cohorts.tsv.gz")
    for term in results.terms:
        circles = donors.of_composition(results, term, "lineage", "")
        circles = circles[circles["lineage"].isin(["pDC", "CD4 T", "CD8 T"])]
        circles = circles.assign(cohort=circles["donor"].str[1].map("study_{}".format))
        means = circles.groupby(["cohort", "lineage", "condition"])["shown"].mean().unstack("condition")
        assert means["untreated"].to_numpy() == pytest.approx(0, abs=1e-9)
        own = said[(said[list(term.keys)] == list(term.keys.values())).all(axis=1)]
        own = own.assign(lineage=own["feature"].str.split(" | ", regex=False).str[1])
        own = own[own["feature"].str.startswith("lineage |")].set_index(["cohort", "lineage"])["estimate"]
        own.index = own.index.set_levels([results.lineage_name(name) for name in own.index.levels[1]], level=1)
        assert means["treated"].to_numpy() == pytest.approx(own[means.index].to_numpy(), abs=0.15)
    page = (tmp_path / "both/report.html").read_text()
    assert "relative to the mean of the reference donors of their cohort" in page
