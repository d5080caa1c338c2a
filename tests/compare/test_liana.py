"""LIANA per sample: equal to LIANA itself, and what happens to samples and resources that cannot be used."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from compartments.compare import liana
from compartments.core.errors import SampleSkipped, UserError
from compartments.core.pairs import read_groups, read_resource

KEYS = ["source", "target", "ligand_complex", "receptor_complex"]


def write_sample(folder, counts, genes, lineages, sample="S1"):
    """The three files of an annotated sample; gives the arguments that name them."""
    import anndata

    barcodes = [f"cell{i}-1" for i in range(counts.shape[0])]
    matrix = sparse.csr_matrix(counts, dtype=np.int32)
    anndata.AnnData(
        obs=pd.DataFrame(index=barcodes),
        var=pd.DataFrame(index=list(genes)),
        layers={"counts": matrix, "corrected": matrix},
        uns={"sample": sample},
    ).write_h5ad(folder / f"{sample}.filtered.h5ad")
    doublets = {"barcode": barcodes, "doublet_score": 0.1, "predicted_doublet": False}
    pd.DataFrame(doublets).to_csv(folder / f"{sample}.doublets.tsv.gz", sep="\t", index=False)
    labels = {"barcode": barcodes, "celltypist_label": lineages, "lineage": lineages, "lineage_broad": lineages}
    labels |= {"probability": 0.9, "confidence": "high", "marker_lineage": "", "marker_agrees": True}
    pd.DataFrame(labels | {"marker_pdc": False}).to_csv(folder / f"{sample}.labels.tsv.gz", sep="\t", index=False)
    return [
        *("--filtered", folder / f"{sample}.filtered.h5ad"),
        *("--doublets", folder / f"{sample}.doublets.tsv.gz"),
        *("--labels", folder / f"{sample}.labels.tsv.gz"),
    ]


def toy(seed=0, sizes=(30, 25, 12)):
    """Counts of a few lineages over the genes of ``PAIRS``, cells x genes."""
    rng = np.random.default_rng(seed)
    genes = ["L1", "L2", "R1", "R2", "R3", *(f"G{i}" for i in range(15))]
    rate = rng.gamma(1.0, 2.0, (len(sizes), len(genes)))
    codes = np.repeat(np.arange(len(sizes)), sizes)
    return rng.poisson(rate[codes]), genes, np.array([f"T{k}" for k in codes], object)


PAIRS = pd.DataFrame({"ligand": ["L1", "L2", "L1_L2", "L1"], "receptor": ["R1", "R2", "R1", "R2_R3"]})


@pytest.fixture(scope="module")
def pbmc():
    """Real cells that ship with scanpy: log-normalised matrix, genes, labels."""
    import scanpy

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adata = scanpy.datasets.pbmc68k_reduced().raw.to_adata()
    x = sparse.csr_matrix(adata.X, dtype=np.float32)
    x.eliminate_zeros()
    adata.X = x
    return adata


@pytest.mark.parametrize(("resource", "min_cells", "seed"), [("consensus", 10, 1), ("cellphonedb", 5, 7)])
def test_equal_to_liana(pbmc, resource, min_cells, seed):
    import liana

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = liana.mt.rank_aggregate(
            pbmc,
            groupby="bulk_labels",
            resource_name=resource,
            use_raw=False,
            return_all_lrs=True,
            expr_prop=0.1,
            min_cells=min_cells,
            n_perms=100,
            seed=seed,
            inplace=False,
            verbose=False,
        )
    ours = liana.rank_aggregate(
        pbmc.X,
        pbmc.var_names,
        pbmc.obs["bulk_labels"].to_numpy(str),
        read_resource(resource),
        n_perms=100,
        seed=seed,
        min_cells=min_cells,
    )
    ours, reference = (table.astype(dict.fromkeys(KEYS, str)) for table in (ours, reference))
    both = ours.merge(reference, on=KEYS, suffixes=("", "_liana"))
    assert len(ours) == len(reference) == len(both) > 500
    for column in liana.COLUMNS[4:]:
        np.testing.assert_allclose(both[column], both[f"{column}_liana"], rtol=1e-6, atol=1e-6, err_msg=column)
    assert 0 < ours["present"].sum() < len(ours)


def test_complexes_are_present_only_with_all_subunits():
    counts, genes, lineages = toy()
    counts[lineages == "T0", genes.index("L2")] = 0
    table = liana.rank_aggregate(liana.log_normalise(counts), genes, lineages, PAIRS, n_perms=10)
    rows = table[(table["source"] == "T0") & table["ligand_complex"].isin(["L2", "L1_L2"])]
    assert len(rows) == 6
    assert not rows["present"].any()
    assert table["present"].any()


@given(st.integers(0, 50))
@settings(max_examples=15, deadline=None)
def test_order_of_cells_of_genes_and_of_pairs_does_not_matter(seed):
    counts, genes, lineages = toy(seed)
    x = liana.log_normalise(counts)
    rng = np.random.default_rng(seed)
    columns, pairs = rng.permutation(len(genes)), rng.permutation(len(PAIRS))
    a = liana.rank_aggregate(x, genes, lineages, PAIRS, n_perms=20)
    b = liana.rank_aggregate(x[:, columns], np.array(genes)[columns], lineages, PAIRS.iloc[pairs], n_perms=20)
    both = a.astype(dict.fromkeys(KEYS, str)).merge(b.astype(dict.fromkeys(KEYS, str)), on=KEYS, suffixes=("", "_b"))
    assert len(both) == len(a) == len(b)
    for column in liana.COLUMNS[4:]:
        np.testing.assert_allclose(both[column], both[f"{column}_b"], rtol=1e-5, atol=1e-7)
    assert a["cellphone_pvals"].between(0, 1).all()
    assert a["specificity_rank"].between(0, 1).all()


def test_permutations_run_in_blocks_give_the_same(monkeypatch):
    counts, genes, lineages = toy(3)
    x = liana.log_normalise(counts)
    whole = liana.rank_aggregate(x, genes, lineages, PAIRS, n_perms=30)
    monkeypatch.setattr(liana, "BLOCK_BYTES", 2 * 4 * x.shape[0])
    pd.testing.assert_frame_equal(whole, liana.rank_aggregate(x, genes, lineages, PAIRS, n_perms=30))


def test_log_normalise_is_scanpy_s():
    import anndata
    import scanpy

    counts, _, _ = toy(1)
    counts[4] = 0
    adata = anndata.AnnData(sparse.csr_matrix(counts, dtype=np.float32))
    scanpy.pp.normalize_total(adata, target_sum=1e4)
    scanpy.pp.log1p(adata)
    np.testing.assert_allclose(liana.log_normalise(counts).toarray(), adata.X.toarray(), rtol=1e-6)


def test_too_small_lineages_are_named_and_large_ones_capped():
    lineages = np.array(["A"] * 30 + ["B"] * 9 + ["unassigned"] * 50 + ["C"] * 10, object)
    keep, reasons = liana.testable_cells(lineages, 10, max_cells=20, seed=3)
    assert pd.Series(lineages[keep]).value_counts().to_dict() == {"A": 20, "C": 10}
    assert set(reasons) == {"B", "unassigned"}
    assert "9 cells" in reasons["B"]
    assert list(keep) == sorted(set(keep))


def test_one_lineage_is_skipped():
    counts, genes, lineages = toy(sizes=(40,))
    with pytest.raises(SampleSkipped, match="an interaction needs two"):
        liana.rank_aggregate(liana.log_normalise(counts), genes, lineages, PAIRS)


def test_groups_of_migration_pairs(root):
    resource = read_resource("consensus")
    groups = read_groups(root / "assets" / "interaction_groups.tsv", resource)
    assert {name: int(inside.sum()) for name, inside in groups.items()} == {"chemokine": 79, "adhesion": 24}
    chemokine = resource[groups["chemokine"]]
    assert ((chemokine["ligand"] == "CXCL12") & (chemokine["receptor"] == "CXCR4")).any()


def test_groups_as_pairs(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("group\tligand\treceptor\nx\tL1\tR2_R3\nx\tL9\tR1\ny\tL2\tR2\n")
    groups = read_groups(path, PAIRS)
    assert groups["x"].tolist() == [False, False, False, True]
    assert groups["y"].tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ligand\tpartner\nA\tB\n", "column 'receptor' missing"),
        ("source\ttarget\nA\tB\n", "column 'ligand' and 'receptor' missing"),
        ("ligand\treceptor\nA\t\n", "no row with all of ligand, receptor"),
        ("", "cannot be read as a table"),
    ],
)
def test_bad_resource_tables(tmp_path, text, message):
    path = tmp_path / "pairs.tsv"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_resource(str(path))


def test_bad_groups_tables(tmp_path):
    path = tmp_path / "groups.tsv"
    path.write_text("group\tligand\nx\tA\n")
    with pytest.raises(UserError, match="column 'receptor' missing"):
        read_groups(path, PAIRS)
    path.write_text("group\trole\tgene\nx\tsender\tA\n")
    with pytest.raises(UserError, match="'sender'; it is ligand or receptor"):
        read_groups(path, PAIRS)
    with pytest.raises(UserError, match="no such file"):
        read_groups(tmp_path / "none.tsv", PAIRS)


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
    summary = json.loads((tmp_path / "S1.liana.json").read_text())
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
