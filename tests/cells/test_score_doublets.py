"""The step that scores doublets."""

import anndata
import pytest

from compartments.core.files import read_json, read_tsv
from tests.support.cells import two_types


def test_executable(execute, tmp_path):
    counts = two_types(n=600, n_doublets=15)
    data = anndata.AnnData(shape=counts.shape, layers={"counts": counts}, uns={"sample": "S1"})
    data.write_h5ad(tmp_path / "S1.filtered.h5ad")
    assert execute("score_doublets", "--filtered", "S1.filtered.h5ad", "--loaded_cells", 8333).returncode == 0
    first = (tmp_path / "samples" / "S1" / "S1.doublets.tsv.gz").read_bytes()
    table, summary = (
        read_tsv(tmp_path / "samples" / "S1" / "S1.doublets.tsv.gz"),
        read_json(tmp_path / "samples" / "S1" / "S1.doublets.json"),
    )
    assert list(table) == ["barcode", "doublet_score", "predicted_doublet"] and len(table) == 615
    assert summary["threshold_source"] == "auto" and summary["n_doublets"] == table["predicted_doublet"].sum() > 10
    execute("score_doublets", "--filtered", "S1.filtered.h5ad", "--loaded_cells", 8333)
    assert (tmp_path / "samples" / "S1" / "S1.doublets.tsv.gz").read_bytes() == first
    done = execute("score_doublets", "--filtered", "S1.filtered.h5ad", "--doublet_callers", "scrublet,coexpression")
    assert done.returncode == 0, done.stderr
    assert "coexpression_score" in read_tsv(tmp_path / "samples" / "S1" / "S1.doublets.tsv.gz")
    assert read_json(tmp_path / "samples" / "S1" / "S1.doublets.json")["callers"] == "scrublet, coexpression"
    done = execute("score_doublets", "--filtered", "S1.filtered.h5ad", "--doublet_callers", "scrublet,solo")
    assert (
        done.returncode == 2
        and "--doublet_callers is 'scrublet,solo'" in done.stderr
        and "Traceback" not in done.stderr
    )


def test_doublets_that_are_not_asked_for_cost_nothing_and_no_cell(execute, tmp_path):
    counts = two_types(n=600, n_doublets=15)
    data = anndata.AnnData(shape=counts.shape, layers={"counts": counts}, uns={"sample": "S1"})
    data.write_h5ad(tmp_path / "S1.filtered.h5ad")
    done = execute("score_doublets", "--filtered", "S1.filtered.h5ad", "--skip", "expression, doublets")
    assert done.returncode == 0, done.stderr
    table = read_tsv(tmp_path / "samples" / "S1" / "S1.doublets.tsv.gz")
    assert len(table) == 615 and not table["predicted_doublet"].any() and table["doublet_score"].isna().all()
    summary = read_json(tmp_path / "samples" / "S1" / "S1.doublets.json")
    assert (summary["threshold_source"], summary["n_doublets"], summary["callers"]) == ("left_out", 0, "")


def test_the_rate_is_that_of_the_kit_that_the_file_states(execute, tmp_path):
    """Where the samplesheet names none; it goes before."""
    counts = two_types(n=600, n_doublets=15)
    said = {"sample": "S1", "chemistry": "Single Cell 5' R2-only v3"}
    anndata.AnnData(shape=counts.shape, layers={"counts": counts}, uns=said).write_h5ad(tmp_path / "S1.filtered.h5ad")
    for given, rate in (((), 0.004), (("--chemistry", "5' v2"), 0.008)):
        done = execute("score_doublets", "--filtered", "S1.filtered.h5ad", "--skip", "doublets", *given)
        assert done.returncode == 0, done.stderr
        found = read_json(tmp_path / "samples" / "S1" / "S1.doublets.json")["expected_rate"]
        assert found == pytest.approx(rate * 0.615)


@pytest.mark.parametrize("n", [0, 1, 30])
def test_hardly_any_cells_through_the_executable(execute, tmp_path, n):
    counts = two_types()[:n]
    data = anndata.AnnData(shape=counts.shape, layers={"counts": counts}, uns={"sample": "S1"})
    data.write_h5ad(tmp_path / "S1.filtered.h5ad")
    done = execute("score_doublets", "--filtered", "S1.filtered.h5ad", "--doublet_callers", "scrublet,coexpression")
    assert done.returncode == 0, done.stderr
    summary = read_json(tmp_path / "samples" / "S1" / "S1.doublets.json")
    assert summary["threshold_source"] == "too_few_cells" and summary["n_doublets"] == 0
    assert len(read_tsv(tmp_path / "samples" / "S1" / "S1.doublets.tsv.gz")) == n
