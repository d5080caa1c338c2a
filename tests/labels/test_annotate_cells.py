"""The step that labels the cells of one sample."""

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from compartments.cohort.sample import read_annotated, without_doublets
from compartments.core.files import read_json, read_tsv, write_tsv
from tests.support.models import GENES, PROFILES, make_model, simulate, write_model, write_sample


def test_executable(sample, execute):
    folder, barcodes, names = sample
    overrides = folder / "overrides.tsv"
    overrides.write_text(f"sample\tbarcode\tlineage\ns1\t{barcodes[0]}\tTreg\nother\tX\tB\n")
    options = ("--cells", "s1.filtered.h5ad", "--model", "made_up.pkl", "--compartment", "CSF")
    done = execute("annotate_cells", *options, "--label_overrides", overrides)
    assert done.returncode == 0, done.stderr
    first = (folder / "samples/s1/s1.labels.tsv.gz").read_bytes()
    labels = read_tsv(folder / "samples/s1/s1.labels.tsv.gz")
    assert list(labels["barcode"]) == barcodes
    assert tuple(labels.loc[0, ["lineage", "lineage_broad", "confidence"]]) == ("Treg", "T", "override")
    summary = read_json(folder / "samples/s1/s1.labels.json")
    assert summary["n_overrides"] == 1 and len(summary["model_sha256"]) == 64
    assert (folder / "skipped.tsv").read_text().count("\n") == 1
    execute("annotate_cells", *options, "--label_overrides", overrides)
    assert (folder / "samples/s1/s1.labels.tsv.gz").read_bytes() == first

    doublets = pd.DataFrame({"barcode": barcodes[::-1], "doublet_score": 0.1, "predicted_doublet": False})
    doublets.loc[0, "predicted_doublet"] = True
    write_tsv(doublets, folder / "s1.doublets.tsv.gz")
    written = (folder / "s1.filtered.h5ad", folder / "s1.doublets.tsv.gz", folder / "samples/s1/s1.labels.tsv.gz")
    joined = without_doublets(read_annotated(*written))
    assert list(joined.obs_names) == barcodes[:-1] and joined.obs["marker_pdc"].dtype == bool
    assert joined.obs["lineage"].iloc[0] == "Treg"


def test_labels_of_the_users_file_stand(sample, execute):
    """By the map, or as a lineage; what is set by hand goes before them; a cell without a label has the model's."""
    folder, barcodes, _ = sample
    cells = anndata.read_h5ad(folder / "s1.filtered.h5ad")
    cells.obs["given_label"] = ["Naive B cells", "Treg", "unassigned", *[""] * (cells.n_obs - 3)]
    cells.write_h5ad(folder / "s1.filtered.h5ad")
    (folder / "o.tsv").write_text(f"sample\tbarcode\tlineage\ns1\t{barcodes[1]}\tClassical monocytes\n")
    options = (
        "--cells",
        "s1.filtered.h5ad",
        "--model",
        "made_up.pkl",
        "--compartment",
        "CSF",
        "--label_overrides",
        "o.tsv",
    )
    done = execute("annotate_cells", *options)
    assert done.returncode == 0, done.stderr
    labels = read_tsv(folder / "samples/s1/s1.labels.tsv.gz")
    assert list(labels["lineage"][:3]) == ["B", "cMono", "unassigned"]
    summary = read_json(folder / "samples/s1/s1.labels.json")
    assert (labels["confidence"] == "override").sum() == summary["n_overrides"] == 3
    assert not labels["marker_agrees"][:3].any(), "markers know these cells by other names"


def test_what_is_said_of_labels_is_of_those_that_stand(sample, execute):
    """B cells named T cells by the user are told; what was told of labels that the user mended is not."""
    folder, barcodes, _ = sample
    b_cells, pdc = ["Naive B cells"] * 30, ["pDC"] * 10
    barcodes = write_sample(folder, simulate([*b_cells, *pdc], seed=3))
    write_model(make_model(), folder / "second.pkl")
    options = ("--cells", "s1.filtered.h5ad", "--model", "made_up.pkl", "second.pkl", "--compartment", "CSF")
    assert execute("annotate_cells", *options).returncode == 0
    summary = read_json(folder / "samples/s1/s1.labels.json")
    assert (summary["warnings"], summary["n_pdc"], summary["marker_agreement"]) == ("", 10, 1)
    assert summary["model_2_broad_agreement"] == 1
    rows = [f"s1\t{barcode}\tTreg\n" for barcode in barcodes[:30]] + [f"s1\t{barcodes[-1]}\tB\n"]
    (folder / "o.tsv").write_text("sample\tbarcode\tlineage\n" + "".join(rows))
    assert execute("annotate_cells", *options, "--label_overrides", "o.tsv").returncode == 0
    summary = read_json(folder / "samples/s1/s1.labels.json")
    told = "Treg: the markers of 29 of 29 cells name another lineage, most often B (29)"
    assert (summary["warnings"], summary["n_pdc"], summary["marker_agreement"]) == (told, 9, round(9 / 39, 4))
    assert summary["model_2_broad_agreement"] == 9 / 40 and summary["model_fit"] == "yes"
    assert (summary["n_high_confidence"], summary["n_overrides"]) == (9, 31)


def test_a_label_means_what_the_study_says(sample, execute):
    """Another cell of the sample, or none, decides nothing."""
    folder, *_ = sample
    cells = anndata.read_h5ad(folder / "s1.filtered.h5ad")
    cells.obs["given_label"] = ["DC", "ILC", *[""] * (cells.n_obs - 2)]
    cells.write_h5ad(folder / "s1.filtered.h5ad")
    (folder / "m.tsv").write_text("label\tlineage\nDC\tcDC2\n")
    options = ("--cells", "s1.filtered.h5ad", "--model", "made_up.pkl", "--compartment", "CSF")
    done = execute("annotate_cells", *options, "--label_meanings", "m.tsv")
    assert done.returncode == 0, done.stderr
    labels = read_tsv(folder / "samples/s1/s1.labels.tsv.gz")
    assert list(labels["lineage"][:2]) == ["cDC2", "NK_ILC"] and list(labels["lineage_broad"][:2]) == ["cDC", "NK_ILC"]


def test_a_sample_without_cells_is_skipped(tmp_path, execute):
    write_sample(tmp_path, sparse.csr_matrix((0, len(GENES)), dtype=np.int32))
    write_model(make_model(), tmp_path / "made_up.pkl")
    done = execute("annotate_cells", "--cells", "s1.filtered.h5ad", "--model", "made_up.pkl", "--compartment", "CSF")
    assert done.returncode == 0, done.stderr
    assert "s1\t\t\tno cell left" in (tmp_path / "skipped.tsv").read_text()
    assert not (tmp_path / "samples/s1/s1.labels.tsv.gz").exists()


GENE_NAMES = {
    "Ensembl ids alone": (lambda i, name: (f"ENSG{i:011d}",) * 2, "the gene names are Ensembl ids: give a matrix"),
    "versioned ids alone": (lambda i, name: (f"ENSG{i:011d}.7",) * 2, "the gene names are Ensembl ids: give a matrix"),
    "mouse genes": (lambda i, name: (name.capitalize(), f"ENSMUSG{i:011d}"), None),
    "another species": (lambda i, name: (f"dme{i}", f"FBgn{i:07d}"), "use a model of the same species"),
    "ids beside symbols": (lambda i, name: (name, f"ENSG{i:011d}.7"), None),
}


@pytest.mark.parametrize("case", GENE_NAMES)
def test_gene_names_through_the_executable(tmp_path, execute, case):
    rename, reason = GENE_NAMES[case]
    symbols, ids = zip(*(rename(i, name) for i, name in enumerate(GENES)), strict=True)
    write_sample(tmp_path, simulate(list(PROFILES) * 3), genes=symbols, gene_id=list(ids))
    write_model(make_model(), tmp_path / "made_up.pkl")
    done = execute("annotate_cells", "--cells", "s1.filtered.h5ad", "--model", "made_up.pkl", "--compartment", "CSF")
    assert done.returncode == 0, done.stderr
    skipped = read_tsv(tmp_path / "skipped.tsv")
    assert (tmp_path / "samples/s1/s1.labels.tsv.gz").exists() == (reason is None)
    if reason is None:
        assert skipped.empty and not done.stderr
    else:
        # one bad sample does not stop the others: it is left out, with the cause and the fix
        assert (
            list(skipped["sample"]) == ["s1"]
            and reason in skipped["reason"][0]
            and "50% needed" in skipped["reason"][0]
        )
        assert reason in done.stderr and "Traceback" not in done.stderr
