"""Picture and clusters, of the cohort and of each compartment: PCA, Harmony, UMAP, Leiden. No statistic uses them."""

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.cohort.mixing import mixing_table
from compartments.core.errors import UserError
from compartments.core.matrix import log_normalise
from compartments.study.columns import apart

if TYPE_CHECKING:
    from anndata import AnnData

N_GENES = 2000
N_COMPONENTS = 30
N_NEIGHBORS = 15
EXACT_NEIGHBORS = 20_000  # cells up to which neighbours are searched exactly, in seconds
RESOLUTION = 1.0
VOTE_RESOLUTION = 5.0
UMAP_EPOCHS = 200
NORMALISE_CHUNK = 20_000
MIN_WITHIN = 50  # cells of a compartment that are worth a picture of their own
# columns of obs that the cellxgene schema (7.1) keeps for itself
RESERVED = (
    "assay",
    "cell_type",
    "development_stage",
    "disease",
    "organism",
    "self_reported_ethnicity",
    "sex",
    "tissue",
)


def normalised_matrix(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    """log1p of counts per 10,000, float32 CSR, shape (cells, genes); made in chunks of cells."""
    parts = [
        log_normalise(counts[start : start + NORMALISE_CHUNK]).astype(np.float32)
        for start in range(0, counts.shape[0], NORMALISE_CHUNK)
    ]
    return sparse.csr_matrix(sparse.vstack(parts, format="csr"))


def embed(cohort: "AnnData", key: str = "donor", seed: int = 0, fine: bool = True) -> None:
    """Add PCA, Harmony, neighbours, UMAP and Leiden clusters to ``cohort`` (in place).

    Parameters
    ----------
    cohort : AnnData, shape (cells, genes)
        ``X`` from :func:`normalised_matrix`; ``obs`` with ``key``, ``var`` with ``everywhere``.
    key : str
        Column of ``obs`` whose levels Harmony takes for batches; ``none`` leaves the components as they are.
    seed : int
    fine : bool
        Also the finer clusters ``overcluster`` that the vote needs.

    Raises
    ------
    UserError
        ``obs`` has no column ``key``.

    Notes
    -----
    Variable genes within batches (Seurat's dispersions), PCA on the sparse matrix (ARPACK), Harmony (Korsunsky et al.
    2019, Nat Methods 16:1289). With the donor as batch, compartments of a donor are one batch, so what tells them apart
    is not corrected away. Leiden on the harmonised neighbours (Traag et al. 2019); a finer clustering for the vote.
    """
    import scanpy
    from harmonypy import run_harmony

    if key not in cohort.obs and key != "none":
        raise UserError(
            f"--integration_key '{key}' is not a column of the cells; they have {', '.join(map(str, cohort.obs))}"
        )
    batches = cohort.obs[key].astype(str) if key != "none" else pd.Series("", cohort.obs_names)
    several = batches.nunique() > 1
    _choose_variable(cohort, key if several and batches.value_counts().min() >= 50 else None)
    n_components = min(N_COMPONENTS, cohort.n_obs - 1, int(cohort.var["highly_variable"].sum()) - 1)
    scanpy.pp.pca(cohort, n_comps=n_components, mask_var="highly_variable", svd_solver="arpack", random_state=seed)
    if several:
        harmony = run_harmony(
            cohort.obsm["X_pca"],
            pd.DataFrame({"batch": batches.to_numpy()}),
            "batch",
            random_state=seed,
            ncores=1,
            verbose=False,
        )
        corrected = np.asarray(harmony.Z_corr)
        corrected = corrected if corrected.shape[0] == cohort.n_obs else corrected.T
        cohort.obsm["X_pca_harmony"] = corrected.astype(np.float32)
    else:
        cohort.obsm["X_pca_harmony"] = np.array(cohort.obsm["X_pca"])
    scanpy.pp.neighbors(
        cohort,
        n_neighbors=min(N_NEIGHBORS, cohort.n_obs - 1),
        use_rep="X_pca_harmony",
        random_state=seed,
        transformer="sklearn" if cohort.n_obs <= EXACT_NEIGHBORS else None,
    )
    scanpy.tl.umap(cohort, init_pos=_start(cohort.obsm["X_pca_harmony"]), maxiter=UMAP_EPOCHS, random_state=seed)
    for name, resolution in (("leiden", RESOLUTION), ("overcluster", VOTE_RESOLUTION))[: 1 + fine]:
        scanpy.tl.leiden(
            cohort,
            resolution=resolution,
            key_added=name,
            flavor="igraph",
            n_iterations=2,
            directed=False,
            random_state=seed,
        )


def _choose_variable(cohort: "AnnData", batch_key: str | None) -> None:
    """Mark the most variable genes that every file lists: another would tell samples apart by their reference."""
    import scanpy

    listed = cohort.var["everywhere"].to_numpy(bool)
    if listed.all():
        scanpy.pp.highly_variable_genes(cohort, n_top_genes=min(N_GENES, cohort.n_vars), batch_key=batch_key)
        return
    part = cohort[:, listed].copy()
    scanpy.pp.highly_variable_genes(part, n_top_genes=min(N_GENES, part.n_vars), batch_key=batch_key)
    for column in part.var.columns.difference(cohort.var.columns, sort=False):
        values = part.var[column].reindex(cohort.var_names)
        cohort.var[column] = values.eq(True) if part.var[column].dtype == bool else values.astype(float)


def embed_within(cohort: "AnnData", key: str = "donor", seed: int = 0) -> list[pd.DataFrame]:
    """Embed every compartment by itself, and say how well its batches mix.

    Parameters
    ----------
    cohort : AnnData
        As for :func:`embed`; gets ``obsm['X_umap_within']`` (NaN for compartments of fewer than ``MIN_WITHIN`` cells)
        and ``obs['leiden_within']`` (``<compartment>:<number>``, empty for these).

    Returns
    -------
    list of DataFrame
        :func:`mixing.mixing_table` of each compartment.
    """
    import anndata

    compartment = cohort.obs["compartment"].astype(str).to_numpy()
    coordinates = np.full((cohort.n_obs, 2), np.nan, np.float32)
    clusters = np.full(cohort.n_obs, "", object)
    tables = []
    for name in dict.fromkeys(compartment):
        rows = np.flatnonzero(compartment == name)
        if len(rows) < MIN_WITHIN:
            continue
        # without the layers: only the normalised values are needed twice
        obs = cast(pd.DataFrame, cohort.obs).iloc[rows].copy()
        for column in obs.select_dtypes("category"):  # a donor without this compartment is no batch of it
            obs[column] = obs[column].cat.remove_unused_categories()
        part = anndata.AnnData(cast(Any, cohort.X)[rows], obs=obs, var=cohort.var[["everywhere"]].copy())
        embed(part, key, seed, fine=False)
        coordinates[rows] = part.obsm["X_umap"]
        clusters[rows] = [f"{name}:{number}" for number in part.obs["leiden"]]
        tables.append(mixing_table(part, ("donor", "lineage"), name, seed))
    cohort.obsm["X_umap_within"] = coordinates
    cohort.obs["leiden_within"] = pd.Categorical(clusters)
    return tables


def coordinate_table(cohort: "AnnData") -> pd.DataFrame:
    """Where each cell lies: ``cell, sample, barcode, leiden, lineage_voted, leiden_within``, coordinates of both UMAPs.

    ``cohort`` comes from :func:`embed` and :func:`embed_within`, with ``obs['lineage_voted']``.
    """
    names = ["sample", "barcode", "leiden", "lineage_voted", "leiden_within"]
    table = cast(pd.DataFrame, cohort.obs)[names].rename_axis("cell").reset_index()
    table[["umap_1", "umap_2"]] = cohort.obsm["X_umap"]
    table[["umap_1_within", "umap_2_within"]] = cohort.obsm["X_umap_within"]
    return table


def _start(components: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """First two components at UMAP's scale: a start that depends on nothing random."""
    start = components[:, :2].astype(np.float32)
    return 10 * start / np.abs(start).max()


def suit_other_tools(cohort: "AnnData") -> None:
    """What scanpy, Seurat's readers and the cellxgene schema expect besides, in place.

    Raw counts also as ``raw.X`` (float32 CSR); ``var['feature_is_filtered']`` (False: every gene of ``raw`` is in
    ``X``); ``uns['default_embedding']``; columns of ``RESERVED`` names begin with ``sheet_``.
    """
    import anndata

    counts = cast(Any, cohort.layers["counts"]).astype(np.float32)
    cohort.raw = anndata.AnnData(counts, obs=cohort.obs[[]], var=cohort.var[["gene_id"]])
    obs = cast(pd.DataFrame, cohort.obs)
    cohort.obs = obs.rename(columns=apart(list(obs), RESERVED.__contains__))
    cohort.var["feature_is_filtered"] = False
    cohort.uns["default_embedding"] = "X_umap"
