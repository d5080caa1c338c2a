"""Picture and clusters, of the cohort and of each compartment: PCA, Harmony, UMAP, Leiden. No statistic uses them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.cohort import sketch
from compartments.cohort.mixing import mixing_table
from compartments.cohort.on_disk import rows_of
from compartments.cohort.sums import MOMENTS
from compartments.cohort.variable import variable_genes
from compartments.core.errors import UserError
from compartments.core.left_out import LeftOut
from compartments.study.columns import apart

if TYPE_CHECKING:
    from anndata import AnnData

N_COMPONENTS = 30
N_NEIGHBORS = 15
N_PLACING = 15  # cells of the sketch beside which another is placed
EXACT_NEIGHBORS = 50_000  # cells up to which an exact search takes less CPU time than compiling an approximate one
SKETCH_ABOVE = 250_000  # cells
SKETCH_CELLS = 100_000
RESOLUTION = 1.0
UMAP_EPOCHS = 200
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


@dataclass(frozen=True)
class Settings:
    """How to embed.

    Attributes
    ----------
    key : str
        Column of the samplesheet whose levels Harmony takes for batches; ``none`` leaves the components as they are.
    method : str
        ``full``: all cells have neighbours, a place and a cluster of their own; ``sketch``: those of a sketch, and the
        others go with them; ``auto``: ``sketch`` for more than ``SKETCH_ABOVE`` cells.
    seed, threads : int
    resolution : float
        Of the clusters.
    groups : int, optional
        Groups of cells that Harmony corrects each by itself; default: its own choice, one for 30 cells up to 100.
    """

    key: str = "donor"
    method: str = "auto"
    seed: int = 0
    threads: int = 1
    resolution: float = RESOLUTION
    groups: int | None = None

    def sketches(self, n_cells: int) -> bool:
        """Whether so many cells are embedded by a sketch."""
        return n_cells > SKETCH_CELLS and (self.method == "sketch" or self.method == "auto" and n_cells > SKETCH_ABOVE)


def batches_of(obs: pd.DataFrame, key: str) -> pd.Series:
    """The batch of each cell; one for all without a key.

    Raises
    ------
    UserError
        ``obs`` has no such column, or one that differs within a sample.
    """
    if key == "none":
        return pd.Series("", obs.index)
    if key not in obs or (obs.groupby("sample", observed=True)[key].nunique() > 1).any():
        raise UserError(
            f"--integration_key '{key}' is not a column of the samplesheet; the cells have {', '.join(map(str, obs))}"
        )
    return obs[key].astype(str)


def choose_genes(merged: "AnnData", key: str) -> dict[str, pd.DataFrame]:
    """Variable genes of all cells (name empty) and of each compartment that is embedded by itself.

    Parameters
    ----------
    merged : AnnData
        Of :func:`compartments.cohort.merging.merge`.
    key : str
        As in :class:`Settings`.

    Returns
    -------
    dict, compartment -> DataFrame, shape (genes, ...)
        As of :func:`variable.variable_genes`; only of genes that every file lists: another would tell samples apart by
        their reference.
    """
    obs, listed = cast(pd.DataFrame, merged.obs), merged.var["everywhere"].to_numpy(bool)
    sums, squares = (np.asarray(merged.varm[name])[listed] for name in MOMENTS)
    samples = list(rows_of(obs["sample"]))
    first = [rows.start for _sample, rows in samples]
    n_cells = np.array([rows.stop - rows.start for _sample, rows in samples])
    batch = batches_of(obs, key).to_numpy(object)[first]
    compartment = obs["compartment"].astype(str).to_numpy(object)[first]
    found = {}
    for name in ["", *dict.fromkeys(compartment)]:
        own = (compartment == name) | (name == "")
        if name and n_cells[own].sum() < MIN_WITHIN:
            continue
        table = variable_genes(sums[:, own], squares[:, own], n_cells[own], batch[own]).set_axis(
            merged.var_names[listed]
        )
        table = table.reindex(merged.var_names)
        found[name] = table.assign(highly_variable=table["highly_variable"].eq(True))
    return found


def embed(cells: "AnnData", settings: Settings) -> None:
    """Add PCA, Harmony, neighbours, UMAP and Leiden clusters to ``cells`` (in place).

    Parameters
    ----------
    cells : AnnData, shape (cells, variable genes)
        ``X`` log-normalised, CSR; ``obs`` with the key, ``sample`` and ``lineage``.
    settings : Settings

    Notes
    -----
    PCA on the sparse matrix (ARPACK, centred implicitly), Harmony (Korsunsky et al. 2019, Nat Methods 16:1289). With
    the donor as batch, compartments of a donor are one batch, so what tells them apart is not corrected away. One
    graph of neighbours for UMAP and Leiden (Traag et al. 2019). ``obs['in_sketch']`` says which cells it is of.
    """
    import scanpy

    n_components = min(N_COMPONENTS, cells.n_obs - 1, cells.n_vars - 1)
    scanpy.pp.pca(cells, n_comps=n_components, svd_solver="arpack", random_state=settings.seed)
    del cells.uns["pca"]["params"]["mask_var"]  # None, which R readers of h5ad files do not know
    cells.obsm["X_pca_harmony"] = _integrated(cells, settings)
    place(cells, settings)


def place(cells: "AnnData", settings: Settings) -> None:
    """Add neighbours, UMAP and clusters to ``cells`` with harmonised components, of all or of a sketch (in place)."""
    if not settings.sketches(cells.n_obs):
        cells.obs["in_sketch"] = True
        _picture(cells, settings)
        return
    import anndata

    obs = cast(pd.DataFrame, cells.obs)
    rows = sketch.chosen(obs[["sample", "lineage"]], SKETCH_CELLS, settings.seed)
    points = cast(npt.NDArray[np.float32], cells.obsm["X_pca_harmony"])
    part = anndata.AnnData(obs=obs.iloc[rows][[]].copy(), obsm=cast(Any, {"X_pca_harmony": points[rows]}))
    _picture(part, settings)
    places = cast(npt.NDArray[np.float32], part.obsm["X_umap"])
    nearest = sketch.nearest(points[rows], points, N_PLACING, settings.seed, settings.threads)
    cells.obsm["X_umap"] = sketch.placed(places, nearest, rows)
    cells.obs["leiden"] = sketch.voted(cast(pd.DataFrame, part.obs)["leiden"].array, nearest, rows)
    cells.obs["in_sketch"] = pd.RangeIndex(cells.n_obs).isin(rows)
    for name in part.obsp:
        cells.obsp[name] = sketch.widened(cast(Any, part.obsp)[name], rows, cells.n_obs)
    cells.uns.update(part.uns)


def _integrated(cells: "AnnData", settings: Settings) -> npt.NDArray[np.float32]:
    """Components after Harmony over the batches, as they were where there is one."""
    from harmonypy import run_harmony

    components = cast(npt.NDArray[np.float32], cells.obsm["X_pca"])
    batches = batches_of(cast(pd.DataFrame, cells.obs), settings.key)
    if batches.nunique() < 2:
        return np.array(components)
    batch = pd.DataFrame({"batch": pd.Categorical(batches)})
    # one thread: sums in another order would give other tables
    options = {"random_state": settings.seed, "ncores": 1, "verbose": False, "nclust": settings.groups}
    corrected = np.asarray(run_harmony(components, batch, "batch", **options).Z_corr)
    return (corrected if corrected.shape[0] == cells.n_obs else corrected.T).astype(np.float32)


def _picture(cells: "AnnData", settings: Settings) -> None:
    """Neighbours, UMAP and clusters of cells with harmonised components."""
    import scanpy

    scanpy.settings.n_jobs = settings.threads
    scanpy.pp.neighbors(
        cells,
        n_neighbors=min(N_NEIGHBORS, cells.n_obs - 1),
        use_rep="X_pca_harmony",
        random_state=settings.seed,
        transformer="sklearn" if cells.n_obs <= EXACT_NEIGHBORS else None,
    )
    start = _start(cast(npt.NDArray[np.float32], cells.obsm["X_pca_harmony"]))
    scanpy.tl.umap(cells, init_pos=start, maxiter=UMAP_EPOCHS, random_state=settings.seed)
    options: dict[str, Any] = {"flavor": "igraph", "n_iterations": 2, "directed": False}
    scanpy.tl.leiden(cells, resolution=settings.resolution, random_state=settings.seed, **options)


def say_sketch(obs: pd.DataFrame, left_out: LeftOut) -> None:
    """One reason where only a sketch of the cells of ``obs`` was embedded."""
    n = int(obs["in_sketch"].sum())
    if n < len(obs):
        left_out.add(
            f"picture and clusters are made of a sketch of {n:,} of {len(obs):,} cells, all samples and lineages among "
            "them; the other cells go with their neighbours in it (--embedding full embeds all). No statistic uses them"
        )


def embed_within(
    values: sparse.csr_matrix,
    genes: pd.Index,
    cohort: "AnnData",
    chosen: Mapping[str, pd.DataFrame],
    settings: Settings,
) -> list[pd.DataFrame]:
    """Embed every compartment by itself, and say how well its batches mix.

    Parameters
    ----------
    values : CSR, shape (cells, genes)
        Log-normalised.
    genes : Index
        Names of the columns of ``values``.
    cohort : AnnData
        The embedded cells; gets ``obsm['X_umap_within']`` (NaN for compartments of fewer than ``MIN_WITHIN`` cells) and
        ``obs['leiden_within']`` (``<compartment>:<number>``, empty for these).
    chosen : dict
        Of :func:`choose_genes`.
    settings : Settings

    Returns
    -------
    list of DataFrame
        :func:`mixing.mixing_table` of each compartment.
    """
    compartment = cohort.obs["compartment"].astype(str).to_numpy()
    coordinates = np.full((cohort.n_obs, 2), np.nan, np.float32)
    clusters = np.full(cohort.n_obs, "", object)
    tables = []
    for name in filter(None, chosen):
        rows = np.flatnonzero(compartment == name)
        part = cells_to_embed(values[rows], genes, cast(pd.DataFrame, cohort.obs).iloc[rows], chosen[name])
        embed(part, settings)
        coordinates[rows] = part.obsm["X_umap"]
        clusters[rows] = [f"{name}:{number}" for number in part.obs["leiden"]]
        tables.append(mixing_table(part, ("donor", "lineage"), name, settings.seed))
    cohort.obsm["X_umap_within"] = coordinates
    cohort.obs["leiden_within"] = pd.Categorical(clusters)
    return tables


def cells_to_embed(values: sparse.csr_matrix, genes: pd.Index, obs: pd.DataFrame, chosen: pd.DataFrame) -> "AnnData":
    """The cells of ``obs`` with their values of the variable genes of ``chosen``, for :func:`embed`."""
    import anndata

    own = chosen.index[chosen["highly_variable"]]
    obs = obs.copy()
    for column in obs.select_dtypes("category"):  # a donor without this compartment is no batch of it
        obs[column] = obs[column].cat.remove_unused_categories()
    return anndata.AnnData(values[:, genes.get_indexer(own)], obs=obs, var=pd.DataFrame(index=own))


def coordinate_table(cohort: "AnnData") -> pd.DataFrame:
    """Where each cell lies: ``cell, sample, barcode, leiden, leiden_within``, coordinates of both UMAPs, ``in_sketch``.

    ``cohort`` comes from :func:`embed` and :func:`embed_within`.
    """
    names = ["sample", "barcode", "leiden", "leiden_within"]
    table = cast(pd.DataFrame, cohort.obs)[names].rename_axis("cell").reset_index()
    table[["umap_1", "umap_2"]] = cohort.obsm["X_umap"]
    table[["umap_1_within", "umap_2_within"]] = cohort.obsm["X_umap_within"]
    table["in_sketch"] = cast(pd.DataFrame, cohort.obs)["in_sketch"].to_numpy(bool)
    return table


def _start(components: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """First two components at UMAP's scale: a start that depends on nothing random."""
    start = components[:, :2].astype(np.float32)
    return 10 * start / np.abs(start).max()


def parts_of_file(
    cells: "AnnData", merged: "AnnData", chosen: pd.DataFrame
) -> dict[str, dict[str, Any] | pd.DataFrame]:
    """All of cohort.h5ad but its matrices.

    Parameters
    ----------
    cells : AnnData
        Of :func:`embed` and :func:`embed_within`.
    merged : AnnData
        Of :func:`compartments.cohort.merging.merge`.
    chosen : DataFrame, shape (genes, ...)
        Of :func:`choose_genes`, for all cells.

    Returns
    -------
    dict
        ``obs`` (names that the cellxgene schema keeps for itself begin with ``sheet_``), ``var``, ``obsm``, ``varm``,
        ``obsp``, ``uns``.
    """
    obs = cast(pd.DataFrame, cells.obs)
    loadings = np.zeros((merged.n_vars, cast(Any, cells.obsm)["X_pca"].shape[1]))
    loadings[chosen["highly_variable"]] = cells.varm["PCs"]
    said = {key: merged.uns[key] for key in ("ambient_method", "reference_compartment")}
    return {
        "obs": obs.rename(columns=apart(list(obs), RESERVED.__contains__)),
        "var": cast(pd.DataFrame, merged.var).join(chosen),
        "obsm": dict(cast(Any, cells.obsm)),
        "varm": {"PCs": loadings},
        "obsp": dict(cast(Any, cells.obsp)),
        "uns": {**cells.uns, **said, "log1p": {}, "default_embedding": "X_umap"},
    }
