"""What would change an answer."""

import numpy as np
import pandas as pd
import pytest

from compartments.core.files import read_tsv, write_tsv
from compartments.report import turning
from compartments.report.page import Page
from compartments.report.results import Results
from tests.support import results as synthetic_results


@pytest.fixture(scope="session")
def term(gappy):
    return gappy.shown[0]


def rows_of(lineages, verdict="cannot_tell"):
    values = {"lineage": lineages, "aspect": "", "verdict": verdict, "source": "f.tsv", "estimate": 0.5}
    return pd.DataFrame(values).assign(ci_low=-2.0, ci_high=3.0, unit="log2 fold change")


def test_more_donors_are_those_of_the_table(gappy, term):
    power = read_tsv(gappy.results.root / "composition" / "power.tsv")
    power = power[(power["level"] == "lineage") & (power["term"] == "interaction")]
    now, *_, then = power.groupby("more_donors")["fold_mde80"].median()
    (said,) = turning.by_donors(gappy, term)
    assert f"if it is {now:.1f}-fold or more" in said and f"it would be {then:.1f}-fold" in said
    assert f"With {power['more_donors'].max()} more donors in each group" in said


def test_every_question_has_its_sentences(gappy, term):
    for number in range(1, 6):
        said = turning.sentences(gappy, number, term, rows_of(["B", "NK"]))
        assert said and all(text.endswith((".", ").")) and "{" not in text for text in said)
        assert any("Not decided for B and NK" in text for text in said) == (number != 5)
    assert turning.sentences(gappy, 1, term, rows_of(["B"]).assign(source=None)) == []


@pytest.mark.parametrize(("absolute", "kind"), [(False, "within"), (False, "one_compartment"), (True, "within")])
def test_no_number_of_donors_answers_by_shares_what_needs_totals(tmp_path, absolute, kind):
    synthetic_results.make(tmp_path, cells=10, kind=kind, absolute=absolute)
    synthetic_results.answer(tmp_path)
    page = Page(Results(tmp_path))
    findings = page.results.table("findings.tsv")
    for number in (1, 2) if kind == "within" else (1,):
        found = turning.sentences(page, number, page.shown[0], findings[findings["question"] == number])
        alone = len(found) == 1 and found[0].startswith("Cells per microlitre of every sample (column cells_per_ul")
        assert alone == (number == 1 and not absolute)
        assert any("more donors" in text.lower() and "would not" not in text for text in found) != alone


def test_what_would_overturn_a_yes(gappy):
    summary = rows_of([None], "yes").assign(q_value=0.001, p_value=0.002)
    yes = rows_of(["B", "NK"], "yes").assign(q_value=[0.04, 0.001], p_value=0.001)
    (said,) = turning.overturned(gappy, pd.concat([summary, yes, rows_of(["T"]).assign(q_value=0.3)]))
    assert "Of the 2 that are one, the first to fall would be B (q = 0.04)" in said
    (said,) = turning.overturned(gappy, pd.concat([summary, yes.tail(1)]))
    assert "it rests on NK alone (q = 0.001)" in said
    (said,) = turning.overturned(gappy, summary)
    assert "a yes needs p < 0.05, and it rests on p = 0.002" in said
    assert turning.overturned(gappy, pd.concat([summary.assign(verdict="no"), yes])) == []


def test_a_set_of_all_lineages_is_overturned_by_itself(gappy):
    """What is said of all lineages does not fall with a single one."""
    summary = rows_of([None], "yes").assign(q_value=0.001, p_value=0.002)
    single = rows_of(["pDC", "NK"], "yes").assign(q_value=[0.04, 0.03], aspect="CORE")
    both = rows_of(["all", "all"], "yes").assign(q_value=[0.001, 0.02], aspect=["CORE", "EGRESS"])
    (said,) = turning.overturned(gappy, pd.concat([summary, both, single]))
    assert "Of the 2 that are one, the first to fall would be EGRESS (q = 0.02)" in said


def test_a_rise_in_one_compartment_has_the_size_that_both_of_its_tests_find(gappy, term, monkeypatch):
    """The rise within a compartment takes more than the difference in CSF, less in blood."""
    sizes = {"interaction": [0.4, 0.5, 9, 9], "within:CSF": [0.8, 0.7, 9, 9], "within:blood": [0.1, 0.2, 9, 9]}
    effects = [
        pd.DataFrame(
            {"contrast": term.contrast.contrast, "term": name, "mde80": of, "primary": [True, True, True, False]}
        )
        .assign(compartment="blood" if name == "within:blood" else "CSF", lineage=["all", "all", "pDC", "all"])
        .assign(gene_set=["CORE", "EGRESS", "CORE", "OTHER"])
        for name, of in sizes.items()
    ]
    monkeypatch.setattr(gappy.results, "usable", lambda file: pd.concat(effects))
    csf, blood = turning.by_size(gappy, "migration/effects.tsv", "migration", term)
    assert csf.startswith("In CSF and not in blood, these donors") and "if it is 0.75 points or more" in csf
    assert blood.startswith("In blood and not in CSF, these donors") and "if it is 0.45 points or more" in blood
    (alone,) = turning.by_size(gappy, "migration/effects.tsv", "migration", gappy.within(term)[0])
    assert alone.startswith("In CSF, these donors") and "if it is 0.75 points or more" in alone


def test_each_part_of_question_4_says_its_own(gappy, term):
    for aspect, own, other in (("hub", "share of signalling", "score"), ("signalling", "signalling score", "odds")):
        said = " ".join(turning.sentences(gappy, 4, term, rows_of(["all"]).assign(aspect=aspect)))
        assert own in said and other not in said.replace(own, "")


def test_few_lineages_are_all_named(gappy, term, monkeypatch):
    many = [f"lineage {n}" for n in range(12)]
    counts = pd.DataFrame({"level": "lineage", "lineage": many, "sample": gappy.study.samples["sample"].iloc[0]})
    monkeypatch.setattr(gappy.results, "usable", lambda file: counts.assign(n_cells=1))
    (said,) = turning.by_cells(gappy, term)
    assert all(name in said for name in many) and "more:" not in said
    (said,) = turning.open_lineages(gappy, rows_of(many))
    assert all(name in said for name in many)


def test_open_lineages_say_what_is_possible(gappy):
    (said,) = turning.open_lineages(gappy, rows_of(["B"]))
    assert "from down 4-fold to up 8-fold is possible" in said
    assert turning.open_lineages(gappy, rows_of(["B"], "no")) == []


def test_few_cells_are_named(gappy, term):
    counts = read_tsv(gappy.results.root / "composition" / "counts.tsv").query("level == 'lineage'")
    few = counts.groupby("lineage")["n_cells"].agg(lambda n: (n < 10).mean())
    said = turning.by_cells(gappy, term)
    assert [name in " ".join(said) for name in few.index] == list(few >= 0.5)


def test_few_cells_are_counted_in_the_samples_that_are_compared(in_group, tmp_path):
    """Few in the other group, enough in the group asked about, and the other way round."""
    (tmp_path / "composition").mkdir()
    asked = in_group.study.samples["group"] == "MS"
    counts = [
        in_group.study.samples[["sample"]].assign(
            level="lineage", lineage=name, n_cells=np.where(asked == there, 50, 1)
        )
        for name, there in (("NK", True), ("B", False))
    ]
    write_tsv(pd.concat(counts), tmp_path / "composition" / "counts.tsv")
    (said,) = turning.by_cells(in_group, in_group.shown[0])
    assert "half of the samples: B. " in said


def test_nothing_is_said_without_its_table(bare):
    for each in bare.shown:
        assert turning.by_donors(bare, each) == turning.by_donor(bare, each) == turning.by_cells(bare, each) == []
        assert turning.by_size(bare, "migration/effects.tsv", "migration", each) == []
