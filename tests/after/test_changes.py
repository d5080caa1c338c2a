"""What two sets of findings say differently."""

import pandas as pd

from compartments.after.changes import changes_of, in_words


def findings(*rows):
    columns = ["question", "contrast", "compartment", "lineage", "aspect", "verdict", "estimate", "q_value"]
    return pd.DataFrame([[row[0], "a_vs_b", "CSF", *row[1:]] for row in rows], columns=columns).assign(
        source="t.tsv: x=y"
    )


def test_verdicts_that_differ_rows_that_come_and_go():
    before = findings(
        (1, None, None, "yes", -2.0, 0.01), (1, "B", None, "yes", 1, 0.5), (2, "pDC", "CSF", "no", 1, 0.9)
    )
    after = findings((1, None, None, "no", -1.0, 0.2), (1, "B", None, "yes", 2, 0.4), (3, "pDC", None, "yes", 1, 0.01))
    found = changes_of(before, after)
    assert found[["question", "lineage", "change"]].to_numpy().tolist() == [
        [1, "", "verdict"],
        [3, "pDC", "new"],
        [2, "pDC", "gone"],
    ]
    first = found.iloc[0]
    assert (first["verdict_before"], first["verdict_after"], first["estimate_before"]) == ("yes", "no", -2.0)
    assert in_words(found, after) == [
        "Of 3 rows of findings.tsv, 1 have another verdict and 1 are new; 1 are gone (changes.tsv):",
        "  question 1, a_vs_b, all, CSF: yes -> no",
        "  question 3, a_vs_b, pDC, CSF: new: yes",
        "  question 2, a_vs_b, pDC, CSF, CSF: gone, was no",
    ]


def test_rows_that_are_gone_are_not_counted_among_those_there():
    before = findings(*((question, None, None, "yes", 1, 0.01) for question in range(1, 6)))
    after = findings((1, "B", None, "yes", 1, 0.01))
    first, *_ = in_words(changes_of(before, after), after)
    assert first == "Of 1 rows of findings.tsv, 0 have another verdict and 1 are new; 5 are gone (changes.tsv):"


def test_nothing_that_differs():
    same = findings((1, None, None, "yes", -2.0, 0.01))
    assert changes_of(same, same).empty
    assert in_words(changes_of(same, same), same) == ["All 1 rows of findings.tsv have the verdict that they had."]


def test_a_lineage_has_a_row_for_each_network_and_group():
    """One says yes and one no, before and after: nothing has changed."""
    rows = [(4, "pDC", "hub", "no", 0.1, 0.3), (4, "pDC", "hub", "yes", 0.5, 0.01), (4, None, "hub", "yes", 0.5, 0.01)]
    sources = [f"e.tsv: network={name}, lineage=pDC, term=within:CSF" for name in ("all", "migration", "migration")]
    before = findings(*rows).assign(source=sources)
    assert changes_of(before, before).empty
    # the summary goes with what is clearest, which may be of another network
    after = before.assign(verdict=["yes", "yes", "yes"], source=[*sources[:2], sources[0]])
    found = changes_of(before, after)
    assert found[["lineage", "pairs", "verdict_before", "verdict_after"]].to_numpy().tolist() == [
        ["pDC", "all", "no", "yes"]
    ]
    assert in_words(found, after)[1] == "  question 4, a_vs_b, pDC, hub, all, CSF: no -> yes"


def test_a_group_of_pairs_may_have_a_comma_in_its_name():
    rows = [(4, "pDC -> all", "signalling", "yes", 0.1, 0.3), (4, "pDC -> all", "signalling", "no", 0.5, 0.01)]
    sources = [f"groups.tsv: group=Th1, {name}, source=pDC, target=all" for name in ("Th2", "Th17")]
    before = findings(*rows).assign(source=sources)
    found = changes_of(before, before.assign(verdict=["yes", "yes"]))
    assert found["pairs"].tolist() == ["Th1, Th17"]
