"""The step that calls cells, and what users give by mistake, from the file to the cells."""

import numpy as np
import pytest
import scipy.sparse as sp

from compartments.core.files import read_json, read_tsv
from tests.support.droplets import droplets, write_10x, write_droplets


def test_executable(execute, tmp_path):
    write_droplets(tmp_path / "S1.droplets.h5ad", droplets(100))
    assert execute("call_cells", "--droplets", "S1.droplets.h5ad").returncode == 0
    first = (tmp_path / "samples" / "S1" / "S1.calls.tsv.gz").read_bytes()
    table, summary = (
        read_tsv(tmp_path / "samples" / "S1" / "S1.calls.tsv.gz"),
        read_json(tmp_path / "samples" / "S1" / "S1.calls.json"),
    )
    assert list(table) == ["barcode", "total", "is_cell", "source", "fdr"] and len(table) == 3100
    assert summary["n_cells"] == table["is_cell"].sum() and summary["few_cells"] is False
    assert len(summary["curve_rank"]) == len(summary["curve_total"]) <= 200
    assert summary["curve_total"] == sorted(summary["curve_total"], reverse=True)
    execute("call_cells", "--droplets", "S1.droplets.h5ad")
    assert (tmp_path / "samples" / "S1" / "S1.calls.tsv.gz").read_bytes() == first


def test_given_cells_are_accepted(execute, tmp_path):
    given_cells = np.arange(3030) % 101 == 0
    write_droplets(tmp_path / "S1.droplets.h5ad", droplets(30), is_cell=given_cells)
    assert execute("call_cells", "--droplets", "S1.droplets.h5ad").returncode == 0
    table = read_tsv(tmp_path / "samples" / "S1" / "S1.calls.tsv.gz")
    assert (table["is_cell"] == given_cells).all() and set(table["source"].dropna()) == {"filtered"}
    assert read_json(tmp_path / "samples" / "S1" / "S1.calls.json")["few_cells"] is True


@pytest.mark.parametrize("n", [1, 5])
def test_a_handful_of_barcodes_is_a_skip(execute, tmp_path, n):
    write_droplets(tmp_path / "S1.droplets.h5ad", droplets(n, n_empty=0), kind="filtered")
    done = execute("call_cells", "--droplets", "S1.droplets.h5ad")
    assert done.returncode == 0 and not (tmp_path / "samples" / "S1" / "S1.calls.tsv.gz").exists()
    assert f"{n} cells" in read_tsv(tmp_path / "skipped.tsv").loc[0, "reason"]


@pytest.fixture
def steps(execute, tmp_path):
    """read_counts, call_cells and remove_ambient on one file: (read, calls, ambient summaries, reasons of skips)."""

    def go(column, counts, types=None):
        for old in (*tmp_path.glob("S1.*"), *tmp_path.glob("samples/S1/*")):
            old.unlink()
        write_10x(tmp_path / "given.h5", counts.astype(np.int32), types)
        found, reasons = [], []
        for name, options in (
            ("read_counts", ("--sample", "S1", f"--{column}", "given.h5")),
            ("call_cells", ("--droplets", "S1.droplets.h5ad")),
            ("remove_ambient", ("--droplets", "S1.droplets.h5ad", "--calls", "samples/S1/S1.calls.tsv.gz")),
        ):
            done = execute(name, *options)
            assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
            reasons += list(read_tsv(tmp_path / "skipped.tsv")["reason"])
            if reasons:
                break
            step = {"read_counts": "read", "call_cells": "calls", "remove_ambient": "ambient"}[name]
            found.append(read_json(tmp_path / "samples" / "S1" / f"S1.{step}.json"))
        return found, reasons

    return go


def test_cells_given_as_raw_are_taken_as_cells(steps):
    (read, calls, soup), _ = steps("raw", droplets(60)[-60:])
    assert read["kind"] == "filtered" and "no empty droplets: used as filtered" in read["notes"]
    assert calls["n_cells"] == 60 and calls["method"] == "filtered"
    assert soup["method"] == "none" and "no empty droplets" in soup["reason"]


def test_droplets_given_as_filtered_have_their_cells_called(steps):
    (read, calls, soup), _ = steps("filtered", droplets(60))
    assert read["kind"] == "raw" and "holds all droplets: used as raw" in read["notes"]
    assert calls["method"] == "emptydrops" and 55 <= calls["n_cells"] <= 62 and soup["method"] == "soupem"


def test_empty_droplets_without_soup_leave_the_counts_as_they_are(steps):
    """All barcodes are there, but nothing is in the empty ones: no test, no soup, and no cell is lost."""
    blank = sp.csr_matrix((3000, 600), dtype=np.int32)
    (read, calls, soup), _ = steps("raw", sp.vstack([blank, droplets(60)[-60:]]).tocsr())
    assert read["kind"] == "raw" and calls["n_cells"] == 60 and "no empty droplets to test" in calls["warning"]
    assert soup["method"] == "none" and "no empty droplets" in soup["reason"]


def test_fewer_than_fifty_cells_are_said_and_one_barcode_is_dropped(steps):
    (_, calls, soup), _ = steps("raw", droplets(30))
    assert calls["few_cells"] is True and 25 <= calls["n_cells"] <= 32 and soup["method"] == "soupem"
    found, reasons = steps("raw", droplets(1)[-1:])
    assert len(found) == 1 and reasons == ["1 cells, fewer than 10: nothing to analyse"]


def test_other_features_are_left_out_and_said(steps):
    counts = droplets(60)
    kinds = {"Antibody Capture": 20, "Peaks": 10}
    counts = sp.hstack([counts, sp.csr_matrix(np.full((counts.shape[0], 30), 50))]).tocsr()
    types = ["Gene Expression"] * 600 + [kind for kind, n in kinds.items() for _ in range(n)]
    (read, calls, _), _ = steps("raw", counts, types)
    assert read["n_genes"] == 600
    assert "left out of the raw matrix were 20 Antibody Capture, 10 Peaks features" in read["notes"]
    assert 55 <= calls["n_cells"] <= 62
