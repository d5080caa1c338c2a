"""The step on whole folders of results, and mistakes of its command line."""

import shutil

from compartments.core.files import read_tsv
from compartments.findings.write_findings import TABLES
from tests.support import results as synthetic_results


def test_three_conditions_and_three_compartments(tmp_path, execute):
    arms = (("treated", 3), ("other", 3), ("untreated", 4))
    tree = synthetic_results.make(tmp_path / "r", arms=arms, compartments=("blood", "CSF", "node"))
    done = execute("write_findings", "--results", tmp_path / "r")
    assert done.returncode == 0, done.stderr
    found = read_tsv(tmp_path / "findings.tsv")
    summary = found[found["lineage"].isna()]
    assert len(summary) == 2 * 2 * 6  # contrasts x compartments x (5 questions, the fourth in two parts)
    assert set(summary["contrast"]) == set(tree.contrasts["contrast"])
    assert set(summary["compartment"]) == {"CSF", "node"}


def test_the_alemtuzumab_like_tree_answers_yes_five_times(tmp_path, execute):
    synthetic_results.make(tmp_path / "r")
    done = execute("write_findings", "--results", tmp_path / "r")
    assert done.returncode == 0, done.stderr
    first = (tmp_path / "findings.tsv").read_bytes()
    summary = read_tsv(tmp_path / "findings.tsv")
    summary = summary[summary["lineage"].isna()]
    assert (summary["verdict"] == "yes").all() and (summary["tier"] == "exploratory").all()
    execute("write_findings", "--results", tmp_path / "r")
    assert (tmp_path / "findings.tsv").read_bytes() == first


def test_what_the_run_was_asked_to_leave_out_is_no_failure(tmp_path, execute):
    """Question 4 rests on interactions; the others are answered as before."""
    synthetic_results.make(tmp_path / "r")
    shutil.rmtree(tmp_path / "r" / "interactions")
    for given, words in (("interactions,doublets", "asked to leave out interactions (--skip)"), ("", "did not finish")):
        done = execute("write_findings", "--results", tmp_path / "r", "--skip", given)
        assert done.returncode == 0, done.stderr
        found = read_tsv(tmp_path / "findings.tsv")
        summary = found[found["lineage"].isna()]
        fourth = summary["question"] == 4
        assert fourth.sum() == 2 and (summary.loc[~fourth, "verdict"] == "yes").all()
        assert summary.loc[fourth, "statement"].str.contains(words, regex=False).all()
        assert (summary.loc[fourth, "verdict"] == "cannot_tell").all()


def test_bad_input_is_one_line(tmp_path, execute):
    synthetic_results.make(tmp_path / "r")
    (tmp_path / "bad.tsv").write_text("lineage\tcontrast\npDC\tx\n")
    for arguments, words in (
        ((), "study.json is missing"),
        (("--results", "r", "--composition", "nowhere.tsv"), "no such file"),
        (("--results", "r", "--composition", "bad.tsv"), "column 'term' is missing"),
        (("--results", "r", "--equiv_margin", "0"), "not positive"),
        (("--results", "r", "--alpha", "2"), "not between 0 and 1"),
    ):
        done = execute("write_findings", *arguments)
        assert done.returncode == 2 and words in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert not (tmp_path / "findings.tsv").exists()


def test_a_table_by_its_own_option_and_the_margin_of_the_results(tmp_path, execute):
    """Files named one by one give what their folder gives; the margin is that of composition.json unless given."""
    synthetic_results.make(tmp_path / "r")
    assert execute("write_findings", "--results", "r").returncode == 0
    whole = (tmp_path / "findings.tsv").read_bytes()
    single = ["--study", "r/study.json", "--composition_json", "r/composition/composition.json"]
    for name, (place, _) in TABLES.items():
        if (tmp_path / "r" / place).exists():
            single += [f"--{name}", f"r/{place}"]
    assert execute("write_findings", *single).returncode == 0
    assert (tmp_path / "findings.tsv").read_bytes() == whole
    assert execute("write_findings", "--results", "r", "--equiv_margin", "1").returncode == 0
    assert (tmp_path / "findings.tsv").read_bytes() == whole
    assert execute("write_findings", "--results", "r", "--equiv_margin", "0.1").returncode == 0
    assert (tmp_path / "findings.tsv").read_bytes() != whole
