"""Genes that change, and the target gene."""

import numpy as np
import pytest

from compartments.core.files import write_json
from compartments.core.vocabulary import ALPHA
from compartments.report.sections import expression


@pytest.fixture(scope="module")
def blocks(gappy, named):
    return named(expression.build(gappy))


def test_bars_count_the_genes_that_were_found(gappy, blocks):
    table = gappy.needed("expression/treated_vs_untreated.parquet")
    figure = blocks["genes_found_treated_vs_untreated"]
    series = {"in CSF": "within:CSF", "in blood": "within:blood", "difference in CSF": "interaction"}
    assert {trace["name"] for trace in figure.traces} == set(series)
    for trace in figure.traces:
        rows = table[(table["term"].astype(str) == series[trace["name"]]) & (table["q_value"] <= ALPHA)]
        counts = rows["lineage"].astype(str).value_counts()
        assert dict(zip(trace["x"], trace["y"], strict=True)) == {x: counts.get(x, 0) for x in trace["x"]}
    assert sum(trace["y"].sum() for trace in figure.traces) == (table["q_value"] <= ALPHA).sum() > 0
    assert "2 treated and 3 to 4 untreated donors" in figure.words.caption  # a sample of CSF is lost


def test_first_genes_have_the_smallest_p_and_their_interval(gappy, blocks):
    table = gappy.needed("expression/treated_vs_untreated.parquet")
    between = table[(table["term"].astype(str) == "interaction") & table["p_value"].notna()]
    first = blocks["genes_treated_vs_untreated_CSF"].data
    assert np.allclose(first["p_value"], between["p_value"].nsmallest(expression.GENES_SHOWN))
    half = (first["ci_high"] - first["ci_low"]) / 2
    se = between.assign(lineage=between["lineage"].astype(str)).set_index(["lineage", "gene"])["se"]
    assert np.allclose(half, 1.96 * se.loc[list(zip(first["lineage"], first["gene"], strict=True))])


def test_engine_stands_beside_the_numbers(gappy, blocks):
    """Genes of NK were tested by voom between compartments, all others by PyDESeq2."""
    names = ("genes_found_treated_vs_untreated", "volcano_treated_vs_untreated_CSF", "genes_treated_vs_untreated_CSF")
    found, volcano, first = (blocks[name].words.caption for name in names)
    assert "; p-values of PyDESeq2, in NK (difference in CSF) of voom." in found
    assert "; p-values of PyDESeq2, in NK of voom" in volcano and "; p-values of " in first
    shown = blocks["genes_treated_vs_untreated"].frame
    table = gappy.needed("expression/treated_vs_untreated.parquet").astype({"lineage": str, "term": str})
    voom = table[(table["lineage"] == "NK") & (table["term"] == "interaction")]
    key = ["lineage", "gene", "compartment"]
    by_voom = shown.loc[shown["engine"] == "voom", key]
    assert len(by_voom) > 0 and set(map(tuple, by_voom.to_numpy())) <= set(map(tuple, voom[key].to_numpy()))
    assert set(shown.loc[shown["engine"] == "voom", "term"]) == {"difference between compartments"}
    assert set(shown.loc[shown["engine"] != "voom", "engine"]) == {"PyDESeq2"}
    assert list(shown.columns).index("engine") < list(shown.columns).index("p_value")


def test_target_gene_is_the_mean_of_each_lineage(gappy, blocks):
    table = gappy.needed("expression/target_gene.tsv")
    (trace,) = blocks["target_gene"].traces
    known = {(r.lineage, f"{r.compartment}, {r.condition}"): r.mean_log2_cpm for r in table.itertuples()}
    drawn = {(y, x): trace["z"][i, j] for i, y in enumerate(trace["y"]) for j, x in enumerate(trace["x"])}
    assert drawn == known and "pDC" in trace["y"]
    assert "blood untreated 3 to 4" in blocks["target_gene"].words.caption  # one has no pDC
    assert "CSF untreated 3;" in blocks["target_gene"].words.caption


def test_nothing_without_tables(bare):
    assert expression.build(bare) == []


def test_arms_of_unequal_spread_are_said(bare):
    warning = "treated_vs_untreated, within:CSF: the donors of one condition vary more than those of the other in B"
    path = bare.results.root / "expression" / "expression.json"
    path.parent.mkdir()
    write_json({"warnings": [warning]}, path)
    assert [(block.text, block.level) for block in expression.build(bare)] == [(warning, "warning")]
