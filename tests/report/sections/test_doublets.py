"""Doublets."""

import pandas as pd
import pytest

from compartments.report.sections import doublets


def test_share_of_every_sample_that_was_scored(gappy, named):
    blocks = named(doublets.build(gappy))
    summaries = {
        sample: gappy.results.json(f"samples/{sample}/{sample}.doublets.json")
        for sample in gappy.study.samples["sample"]
    }
    expected = {sample: s["n_doublets"] / s["n_cells"] for sample, s in summaries.items() if s}
    (trace,) = blocks["doublets"].traces
    assert dict(zip(trace["x"], trace["y"], strict=True)) == pytest.approx(expected)
    assert len(expected) == 11 and "UN4_CSF" not in expected
    assert blocks["doublets"].words.caption.endswith("Behind it: 11 samples of 6 donors.")
    assert len(blocks["doublets_table"].frame) == 11


def test_labels_without_doublets_are_not_listed(gappy, named, monkeypatch):
    table = pd.DataFrame({"lineage": ["B", "T"], "n_doublets": [0, 3]})
    monkeypatch.setattr(gappy, "table", {"cohort/doublets.tsv": table}.get)
    assert list(named(doublets.build(gappy))["doublet_lineages"].frame["lineage"]) == ["T"]
    monkeypatch.setattr(gappy, "table", {"cohort/doublets.tsv": table.assign(n_doublets=0)}.get)
    assert "doublet_lineages" not in named(doublets.build(gappy))


def test_nothing_without_summaries(bare):
    assert doublets.build(bare) == []
