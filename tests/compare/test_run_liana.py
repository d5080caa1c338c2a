"""The step run_liana."""

import json

import pandas as pd
import pytest

from compartments.compare import liana
from compartments.core.contract import Contract
from tests.support.annotated import PAIRS, toy, write_sample


def test_executable(execute, tmp_path):
    counts, genes, lineages = toy(sizes=(30, 25, 6))
    arguments = write_sample(tmp_path, counts, genes, lineages)
    pairs = tmp_path / "pairs.tsv"
    pd.concat([PAIRS, pd.DataFrame({"ligand": ["NOGENE"], "receptor": ["R1"]})]).to_csv(pairs, sep="\t", index=False)
    done = execute("run_liana", *arguments, "--lr_resource", pairs, "--n_perms", 20)
    assert done.returncode == 0, done.stderr
    table = pd.read_parquet(tmp_path / "S1.liana.parquet")
    assert list(table) == ["sample", *liana.COLUMNS, "present"]
    assert set(table["source"]) == {"T0", "T1"}
    assert len(table) == 4 * len(PAIRS)
    summary = json.loads((tmp_path / "samples" / "S1" / "S1.liana.json").read_text())
    assert list(summary) == Contract.of("run_liana").names("samples/S1/S1.liana.json")
    assert summary["n_genes_unknown"] == 1
    assert summary["genes_unknown"] == "NOGENE"
    assert summary["n_edges_present"] == table["present"].sum()
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
