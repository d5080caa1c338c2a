"""The step run_liana."""

import json

import pandas as pd
import pytest

from compartments.compare import liana
from compartments.compare.scored_cells import log_normalise
from compartments.core.contract import Contract
from tests.support.annotated import PAIRS, published_liana, toy, write_sample

KEYS = liana.COLUMNS[:4]


def test_executable(execute, tmp_path):
    counts, genes, lineages = toy(sizes=(30, 25, 6))
    arguments = write_sample(tmp_path, counts, genes, lineages)
    pairs = tmp_path / "pairs.tsv"
    pd.concat([PAIRS, pd.DataFrame({"ligand": ["NOGENE"], "receptor": ["R1"]})]).to_csv(pairs, sep="\t", index=False)
    done = execute("run_liana", *arguments, "--lr_resource", pairs, "--n_perms", 20)
    assert done.returncode == 0, done.stderr
    table = pd.read_parquet(tmp_path / "S1.liana.parquet")
    assert list(table) == ["sample", *liana.COLUMNS]
    assert set(table["source"]) == {"T0", "T1"}
    scored = lineages != "T2"
    reference = published_liana(
        log_normalise(counts[scored]), genes, lineages[scored], PAIRS, n_perms=20, seed=1
    ).set_index(KEYS)
    ours = table.astype(dict.fromkeys(KEYS, str)).set_index(KEYS)[liana.COLUMNS[4:]]
    assert len(ours) == len(reference)
    pd.testing.assert_frame_equal(ours, reference.loc[ours.index, ours.columns], rtol=0, atol=1e-6)
    summary = json.loads((tmp_path / "samples" / "S1" / "S1.liana.json").read_text())
    assert list(summary) == Contract.of("run_liana").names("samples/S1/S1.liana.json")
    assert summary["n_genes_unknown"] == 1
    assert summary["genes_unknown"] == "NOGENE"
    assert (summary["n_edges"], summary["n_pairs_expressed"]) == (12, len(PAIRS))
    skipped = pd.read_csv(tmp_path / "skipped.tsv", sep="\t")
    assert skipped["lineage"].tolist() == ["T2"]
    assert "missing, not zero" in skipped["reason"][0]
    first = (tmp_path / "S1.liana.parquet").read_bytes()
    execute("run_liana", *arguments, "--lr_resource", pairs, "--n_perms", 20)
    assert (tmp_path / "S1.liana.parquet").read_bytes() == first


def test_executable_skips_a_sample_with_one_cell_type(execute, tmp_path):
    counts, genes, lineages = toy(sizes=(30, 5))
    pairs = tmp_path / "pairs.tsv"
    PAIRS.to_csv(pairs, sep="\t", index=False)
    done = execute("run_liana", *write_sample(tmp_path, counts, genes, lineages), "--lr_resource", pairs)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "S1.liana.parquet").exists()
    skipped = pd.read_csv(tmp_path / "skipped.tsv", sep="\t")
    assert "an interaction needs two" in skipped["reason"].iloc[-1]


@pytest.mark.parametrize(
    ("resource", "message"),
    [("consensuss", "did you mean 'consensus'?"), ("mouseconsensus", "none of its"), ("pairs.tsv", "no such file")],
)
def test_executable_refuses_a_wrong_resource(execute, tmp_path, resource, message):
    counts, genes, lineages = toy()
    done = execute("run_liana", *write_sample(tmp_path, counts, genes, lineages), "--lr_resource", resource)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "S1.liana.parquet").exists()
