"""Both steps of the cohort: the same bytes twice, tables, and a file that other tools read."""

import anndata as ad
import h5py
import numpy as np
import scanpy as sc
from scipy import sparse

from compartments.cohort import embedding
from compartments.core.files import read_tsv
from tests.support.samples import arguments_of, cells_of


def test_merge_and_embed(written, execute):
    folder, study, _ = written
    (folder / "D3_CSF.labels.tsv.gz").unlink()
    done = execute("merge_samples", *arguments_of(folder))
    assert done.returncode == 0, done.stderr
    skipped = read_tsv(folder / "skipped.tsv")
    assert list(skipped["sample"].dropna()) == ["D3_CSF"] and "no sums" in skipped["reason"][0]
    # and what it costs: the comparisons that lost a donor
    assert set(skipped.loc[skipped["sample"].isna(), "contrast"]) == {"treated_vs_untreated"}
    tables = ("composition/counts.tsv", "cohort/cells.tsv.gz", "cohort/warnings.tsv")
    first = [(folder / name).read_bytes() for name in tables]
    assert execute("merge_samples", *arguments_of(folder)).returncode == 0
    assert [(folder / name).read_bytes() for name in tables] == first
    merged = ad.read_h5ad(folder / "merged.h5ad")
    assert merged.n_obs == 7 * 57 and "predicted_doublet" not in merged.obs
    assert merged.X is None and not merged.layers, "a matrix that the cohort can do without"
    assert "filtered" not in merged.obs and set(merged.obs["note"].astype(str)) == {"n0", "n1", "n2", "n3"}

    given = ["embed_cohort", "--merged", "merged.h5ad", "--pseudobulk", "cohort/pseudobulk.h5ad", "--filtered"]
    given += sorted(folder.glob("*.filtered.h5ad"))
    done = execute(*given, "--seed", "3")
    assert done.returncode == 0, done.stderr
    embedded = ad.read_h5ad(folder / "cohort/cohort.h5ad")
    names = [f"cohort/{name}" for name in ("umap.tsv.gz", "clusters.tsv", "mixing.tsv", "transfer.tsv")]
    first = [(folder / name).read_bytes() for name in names]
    assert execute(*given, "--seed", "3", "--cpus", "2").returncode == 0
    assert [(folder / name).read_bytes() for name in names] == first, "coordinates or clusters differ between two runs"
    check_embedding_tables(folder, embedded)
    unlisted = ~embedded.var["everywhere"]  # by the file of one sample
    assert list(embedded.var_names[unlisted]) == [f"G{k}" for k in range(10)]
    assert embedded.var["highly_variable"].dtype == bool
    assert (
        embedded.var["highly_variable"].sum() == (~unlisted).sum()
        and not embedded.var["highly_variable"][unlisted].any()
    )
    check_file_for_other_tools(folder / "cohort/cohort.h5ad", merged)
    expected = cells_of(folder, study)
    np.testing.assert_allclose(np.expm1(embedded.X.toarray()).sum(1), 1e4, rtol=1e-4)
    assert sparse.issparse(embedded.X) and {"X_pca", "X_pca_harmony", "X_umap"} <= set(embedded.obsm)
    assert all((embedded.layers[name] != expected.layers[name]).nnz == 0 for name in ("counts", "corrected"))
    check_calls_of_scanpy(embedded)
    assert list(embedded.obs["sheet_sex"].astype(str)) == list(merged.obs["sex"].astype(str))
    assert read_tsv(folder / "cohort/clusters.tsv")["n_cells"].sum() == embedded.n_obs
    for name in ("merged.h5ad", "cohort/cohort.h5ad", "cohort/pseudobulk.h5ad"):
        assert encodings(folder / name) <= READABLE, name
    before = (folder / "cohort/cohort.h5ad").read_bytes()
    done = execute(*given, "--integration_key", "plate")
    assert done.returncode == 2 and "--integration_key 'plate' is not a column" in done.stderr
    (folder / "D2_CSF.filtered.h5ad").unlink()
    done = execute(*given[:5], *given[6:])
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert (folder / "cohort/cohort.h5ad").read_bytes() == before and not list(folder.glob("cohort/.*"))


# what anndataR (read_h5ad) and zellkonverter know; nullable types and "null" are not among them
READABLE = {"", "anndata", "array", "categorical", "csr_matrix", "dataframe", "dict", "numeric-scalar"}
READABLE |= {"string", "string-array"}


def encodings(path):
    """Encoding types of every group and data set of an h5ad."""
    kinds = set()
    with h5py.File(path) as file:
        file.visititems(lambda _, node: kinds.add(node.attrs.get("encoding-type", "")))
    return kinds


def check_embedding_tables(folder, embedded):
    """Every compartment has its own picture; donors mix better after Harmony; compartments stay apart."""
    umap, mixing = (read_tsv(folder / f"cohort/{name}") for name in ("umap.tsv.gz", "mixing.tsv"))
    mixing = mixing.fillna({"compartment": ""})
    assert umap.notna().all(axis=None) and len(umap) == embedded.n_obs
    assert (umap["leiden_within"].str.split(":").str[0] == umap["sample"].str.split("_").str[1]).all()
    rows = mixing.set_index(["compartment", "key"])
    assert list(rows.index) == [
        *(("", key) for key in ("donor", "compartment", "lineage")),
        *((name, key) for name in ("CSF", "blood") for key in ("donor", "lineage")),
    ]
    donors = rows.xs("donor", level="key")
    assert (donors["mixing_after"] > donors["mixing_before"] + 0.2).all(), (
        "Harmony did not mix the planted donor effects"
    )
    assert rows.loc[("", "compartment"), "mixing_after"] < 0.3 and mixing["remark"].isna().all()
    shares = read_tsv(folder / "cohort/clusters.tsv")["doublet_share"]
    assert shares.between(0, 1).all()


def check_file_for_other_tools(path, merged):
    """Structure that the cellxgene schema asks of an h5ad, read from the file; ontology terms are the curator's."""
    with h5py.File(path) as file:
        for name, kind in (("X", "float32"), ("layers/counts", "int32"), ("layers/corrected", "int32")):
            node = file[name]
            assert node.attrs["encoding-type"] == "csr_matrix" and node["data"].dtype == kind, name
            assert tuple(node.attrs["shape"]) == merged.shape
        assert "raw" not in file and "log1p" in file["uns"] and (np.diff(file["layers/counts/indptr"][:]) > 0).all()
        assert file["X/indices"] == file["layers/corrected/indices"], "the same places are stored twice"
        index = file["obs"][file["obs"].attrs["_index"]][:]
        assert len(set(index)) == len(index) == merged.n_obs
        for name in ("X_pca", "X_pca_harmony", "X_umap"):
            places = file["obsm"][name]
            assert places.dtype == "float32" and places.shape[0] == merged.n_obs and np.isfinite(places[:]).all()
        assert file["uns/default_embedding"].asstr()[()] in file["obsm"]
        assert not [name for frame in ("obs", "var") for name in file[frame] if name.startswith("__")]
        assert not set(file["obs"]) & set(embedding.RESERVED) and "sheet_sex" in file["obs"]
        for column in ("probability", "probability_broad", "doublet_score", "contamination"):
            assert file["obs"][column].dtype == "float64", column


def check_calls_of_scanpy(cells):
    """The commonest calls find what they are meant for: log-normalised values, not counts of a ``.raw``."""
    assert cells.raw is None and cells.uns["log1p"] == {}
    x, counts, gene = cells.X.toarray(), cells.layers["counts"].toarray(), "G3"
    column = list(cells.var_names).index(gene)
    # 1-3: values of a gene, a picture by them, means of groups
    assert np.array_equal(sc.get.obs_df(cells, [gene])[gene], x[:, column])
    drawn = sc.pl.umap(cells, color=gene, show=False).collections[0].get_array()
    assert np.allclose(np.sort(np.asarray(drawn)), np.sort(x[:, column]))
    b = (cells.obs["lineage"] == "B").to_numpy()
    dots = sc.pl.dotplot(cells, [gene], "lineage", return_fig=True).dot_color_df
    assert np.isclose(dots.loc["B", gene], x[b, column].mean())
    # 4: markers; scanpy takes X for log1p of counts
    sc.tl.rank_genes_groups(cells, "lineage", groups=["B"], method="wilcoxon")
    found = sc.get.rank_genes_groups_df(cells, "B").set_index("names")
    fold = np.log2((np.expm1(x[b].mean(0)) + 1e-9) / (np.expm1(x[~b].mean(0)) + 1e-9))
    assert np.allclose(found.loc[gene, "logfoldchanges"], fold[column], rtol=1e-3)
    # 5: quality from the counts
    sc.pp.calculate_qc_metrics(cells, layer="counts", percent_top=None, log1p=False, inplace=True)
    assert np.array_equal(cells.obs["total_counts"], counts.sum(1))
    # 6-7: counts normalised anew are X
    again = ad.AnnData(cells.layers["corrected"].astype(np.float32), var=cells.var[[]])
    sc.pp.normalize_total(again, target_sum=1e4)
    sc.pp.log1p(again)
    assert np.allclose(again.X.toarray(), x, rtol=1e-5)
    # 8: variable genes by counts, 9: scores, 10: the components that are there
    sc.pp.filter_genes(cells, min_cells=1, inplace=False)
    sc.tl.score_genes(cells, ["G3", "G4"], ctrl_as_ref=True, n_bins=5, ctrl_size=5, random_state=1)
    assert np.corrcoef(cells.obs["score"], x[:, column])[0, 1] > 0.3
    wanted = cells[:, cells.var["highly_variable"]].copy()
    sc.pp.pca(wanted, n_comps=3, svd_solver="arpack")
    both = np.corrcoef(wanted.obsm["X_pca"][:, 0], cells.obsm["X_pca"][:, 0])[0, 1]
    assert abs(both) > 0.999
