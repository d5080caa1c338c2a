"""Picture and clusters, of the cohort and of each compartment: PCA, Harmony, UMAP, Leiden. No statistic uses them."""

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

from compartments.core.errors import UserError
from compartments.core.vocabulary import UNASSIGNED
from compartments.labels.annotation import normalise

N_GENES = 2000
N_COMPONENTS = 30
N_NEIGHBORS = 15
EXACT_NEIGHBORS = 20_000  # cells up to which neighbours are searched exactly, in seconds
RESOLUTION = 1.0
VOTE_RESOLUTION = 5.0
UMAP_EPOCHS = 200
PERPLEXITY = 30
MAX_MIXING_CELLS = 10_000
N_MARKERS = 10
PROTECTED = ("pDC", "cDC1", "Plasma", "HSPC", "Treg")
VOTE_SHARE = 0.5
NORMALISE_CHUNK = 20_000
MIN_WITHIN = 50  # cells of a compartment that are worth a picture of their own
HIGH_SCORES = 95
# columns of obs that the cellxgene schema (7.1) keeps for itself
RESERVED = ("assay", "cell_type", "development_stage", "disease", "organism", "self_reported_ethnicity", "sex")
RESERVED += ("tissue",)


def normalised_matrix(counts):
    """log1p of counts per 10,000, float32 CSR, shape (cells, genes); made in chunks of cells."""
    parts = [
        normalise(counts[start : start + NORMALISE_CHUNK]).astype(np.float32)
        for start in range(0, counts.shape[0], NORMALISE_CHUNK)
    ]
    return sparse.csr_matrix(sparse.vstack(parts, format="csr"))


def embed(cohort, key="donor", seed=0, fine=True):
    """Add PCA, Harmony, neighbours, UMAP and Leiden clusters to ``cohort`` (in place).

    Parameters
    ----------
    cohort : AnnData, shape (cells, genes)
        ``X`` from :func:`normalised_matrix`; ``obs`` with ``key``.
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
        raise UserError(f"--integration_key '{key}' is not a column of the cells; they have {', '.join(cohort.obs)}")
    batches = cohort.obs[key].astype(str) if key != "none" else pd.Series("", cohort.obs_names)
    several = batches.nunique() > 1
    scanpy.pp.highly_variable_genes(
        cohort,
        n_top_genes=min(N_GENES, cohort.n_vars),
        batch_key=key if several and batches.value_counts().min() >= 50 else None,
    )
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
        cohort.obsm["X_pca_harmony"] = cohort.obsm["X_pca"].copy()
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


def embed_within(cohort, key="donor", seed=0):
    """Embed every compartment by itself, and say how well its batches mix.

    Parameters
    ----------
    cohort : AnnData
        As for :func:`embed`; gets ``obsm['X_umap_within']`` (NaN for compartments of fewer than ``MIN_WITHIN`` cells)
        and ``obs['leiden_within']`` (``<compartment>:<number>``, empty for these).

    Returns
    -------
    list of DataFrame
        :func:`mixing_table` of each compartment.
    """
    import anndata

    compartment = cohort.obs["compartment"].astype(str).to_numpy()
    places = np.full((cohort.n_obs, 2), np.nan, np.float32)
    clusters = np.full(cohort.n_obs, "", object)
    tables = []
    for name in dict.fromkeys(compartment):
        own = np.flatnonzero(compartment == name)
        if len(own) < MIN_WITHIN:
            continue
        # without the layers: only the normalised values are needed twice
        part = anndata.AnnData(cohort.X[own], obs=cohort.obs.iloc[own].copy(), var=cohort.var[[]].copy())
        for column in part.obs.select_dtypes("category"):  # a donor without this compartment is no batch of it
            part.obs[column] = part.obs[column].cat.remove_unused_categories()
        embed(part, key, seed, fine=False)
        places[own] = part.obsm["X_umap"]
        clusters[own] = [f"{name}:{number}" for number in part.obs["leiden"]]
        table = mixing_table(part, ("donor", "lineage"), seed)
        table.insert(0, "compartment", name)
        tables.append(table)
    cohort.obsm["X_umap_within"] = places
    cohort.obs["leiden_within"] = pd.Categorical(clusters)
    return tables


def _start(components):
    """First two components at UMAP's scale: a start that depends on nothing random."""
    start = components[:, :2].astype(np.float32)
    return 10 * start / np.abs(start).max()


def suit_other_tools(cohort):
    """What scanpy, Seurat's readers and the cellxgene schema expect besides, in place.

    Raw counts also as ``raw.X`` (float32 CSR); ``var['feature_is_filtered']`` (False: every gene of ``raw`` is in
    ``X``); ``uns['default_embedding']``; columns of ``RESERVED`` names begin with ``sheet_``.
    """
    import anndata

    counts = cohort.layers["counts"].astype(np.float32)
    cohort.raw = anndata.AnnData(counts, obs=cohort.obs[[]], var=cohort.var[["gene_id"]])
    cohort.obs = cohort.obs.rename(columns={name: f"sheet_{name}" for name in RESERVED})
    cohort.var["feature_is_filtered"] = False
    cohort.uns["default_embedding"] = "X_umap"


def vote(lineage, model_lineage, confidence, cluster):
    """Lineages with low-confidence cells named after their neighbours.

    Parameters
    ----------
    lineage, model_lineage, confidence, cluster : sequences, shape (cells,)
        ``model_lineage`` is the model's best guess whatever its confidence; ``cluster`` a fine clustering.

    Returns
    -------
    object array, shape (cells,)
        ``lineage``, but a low-confidence cell takes the lineage that more than half of the confident cells of its
        cluster have. A guess of pDC, cDC1, Plasma, HSPC or Treg is never overruled: rare types drown in a vote.
    """
    frame = pd.DataFrame({"lineage": np.asarray(lineage, str), "cluster": np.asarray(cluster, str)}, dtype=object)
    low = np.asarray(confidence, str) == "low"
    sure = frame[~low & (frame["lineage"] != UNASSIGNED).to_numpy()]
    shares = pd.crosstab(sure["cluster"], sure["lineage"], normalize="index")
    winner = shares.idxmax(axis=1).where(shares.max(axis=1) > VOTE_SHARE)
    proposed = frame["cluster"].map(winner)
    change = low & proposed.notna().to_numpy() & ~np.isin(np.asarray(model_lineage, str), PROTECTED)
    return np.where(change, proposed.to_numpy(object), frame["lineage"].to_numpy(object))


def local_diversity(points, labels):
    """Local inverse Simpson's index of every cell.

    Parameters
    ----------
    points : array, shape (cells, dimensions)
    labels : sequence, shape (cells,)

    Returns
    -------
    array, shape (cells,)
        Effective number of labels among the neighbours: 1 (all of one) to the number of labels.

    Notes
    -----
    LISI of Korsunsky et al. (2019): 90 neighbours weighted by a Gaussian of perplexity 30, found by bisection.
    """
    n = len(points)
    k = min(3 * PERPLEXITY, n - 1)
    distance, neighbor = NearestNeighbors(n_neighbors=k + 1).fit(points).kneighbors(points)
    distance, neighbor = distance[:, 1:].astype(float) ** 2, neighbor[:, 1:]
    distance = distance - distance[:, :1]
    target = np.log(min(PERPLEXITY, max(2, k // 3)))
    low, high = np.zeros(n), np.full(n, np.inf)
    beta = 1 / np.maximum(distance.mean(axis=1), 1e-12)
    for _ in range(50):
        weight = np.exp(-distance * beta[:, None])
        total = weight.sum(axis=1)
        entropy = np.log(total) + beta * (distance * weight).sum(axis=1) / total
        flat = entropy > target
        low, high = np.where(flat, beta, low), np.where(flat, high, beta)
        beta = np.where(np.isinf(high), beta * 2, (low + high) / 2)
    weight /= total[:, None]
    codes = pd.factorize(np.asarray(labels))[0]
    simpson = np.zeros(n)
    for code in range(codes.max() + 1):
        simpson += np.where(codes[neighbor] == code, weight, 0).sum(axis=1) ** 2
    return 1 / simpson


def mixing_table(cohort, keys=("donor", "compartment", "lineage"), seed=0):
    """How well donors, compartments and lineages mix before and after Harmony.

    Returns
    -------
    DataFrame
        ``key, n_labels, n_cells, expected`` (inverse Simpson's index of the whole cohort: perfect mixing),
        ``before``, ``after`` (median local index), ``mixing_before``, ``mixing_after`` (0 = apart, 1 = as in the whole
        cohort), ``remark``. At most 10,000 seeded cells are used.
    """
    chosen = np.arange(cohort.n_obs)
    if cohort.n_obs > MAX_MIXING_CELLS:
        chosen = np.sort(np.random.default_rng(seed).choice(cohort.n_obs, MAX_MIXING_CELLS, replace=False))
    rows = []
    for key in keys:
        labels = cohort.obs[key].astype(str).to_numpy()[chosen]
        shares = pd.Series(labels).value_counts(normalize=True)
        expected = float(1 / (shares**2).sum())
        medians = [
            float(np.median(local_diversity(cohort.obsm[name][chosen], labels))) for name in ("X_pca", "X_pca_harmony")
        ]
        span = expected - 1
        before, after = ((m - 1) / span if span > 1e-9 else np.nan for m in medians)
        remark = ""
        if key == "compartment" and after > 0.8 and after > before + 0.2:
            remark = (
                "compartments are no longer apart after Harmony: the picture does not show what differs between them; "
                "another --integration_key may"
            )
        if key == "donor" and after < before - 0.05:
            remark = "donors are less mixed after Harmony than before"
        rows.append(
            {
                "key": key,
                "n_labels": len(shares),
                "n_cells": len(chosen),
                "expected": expected,
                "before": medians[0],
                "after": medians[1],
                "mixing_before": before,
                "mixing_after": after,
                "remark": remark,
            }
        )
    return pd.DataFrame(rows)


def cluster_markers(expression, codes, genes, n_markers=N_MARKERS):
    """Genes that set each cluster apart from all other cells.

    Parameters
    ----------
    expression : CSR matrix, shape (cells, genes)
        log1p-normalised.
    codes : int array, shape (cells,)
    genes : sequence of str

    Returns
    -------
    list of lists of str, one per cluster
        By Welch's t of log expression, only genes seen in at least a quarter of the cluster's cells. A ranking: cells
        are no replicates, so no p-value is given.
    """
    n = np.bincount(codes).astype(float)
    indicator = sparse.csr_matrix((np.ones(len(codes)), (codes, np.arange(len(codes)))))
    sums = np.asarray((indicator @ expression).todense(), float)
    squared = expression.copy()
    squared.data = squared.data**2
    squares = np.asarray((indicator @ squared).todense(), float)
    seen = np.asarray((indicator @ (expression > 0)).todense(), float) / n[:, None]
    rest = n.sum() - n
    mean, other = sums / n[:, None], (sums.sum(0) - sums) / np.maximum(rest, 1)[:, None]
    variance = np.maximum(squares / n[:, None] - mean**2, 0)
    variance_other = np.maximum((squares.sum(0) - squares) / np.maximum(rest, 1)[:, None] - other**2, 0)
    se = np.sqrt(variance / n[:, None] + variance_other / np.maximum(rest, 1)[:, None])
    t = np.where((seen >= 0.25) & (mean > other), (mean - other) / np.maximum(se, 1e-9), -np.inf)
    order = np.argsort(-t, axis=1, kind="stable")[:, :n_markers]
    return [[str(genes[g]) for g in row if t[code, g] > -np.inf] for code, row in enumerate(order)]


def cluster_table(cohort):
    """What each Leiden cluster is made of, so that a user can see and overrule labels.

    Returns
    -------
    DataFrame
        ``cluster, n_cells, lineage`` (the most frequent), ``lineages, compartments`` (shares as text), ``n_donors,
        largest_donor_share, unassigned_share, marker_agreement, doublet_score, contamination`` (means),
        ``doublet_share`` (cells whose score is among the highest 5 % of their sample), ``markers, remark``.
    """
    obs = cohort.obs
    cluster = obs["leiden"].astype(int).to_numpy()
    markers = cluster_markers(cohort.X, cluster, cohort.var_names)
    rows = []
    typical = obs["doublet_score"].groupby(cluster).mean().median()
    limits = obs.groupby("sample", observed=True)["doublet_score"].quantile(HIGH_SCORES / 100)
    suspect = obs["doublet_score"] > obs["sample"].map(limits).astype(float)
    for code, own in obs.groupby(cluster):
        lineages, donors = _shares(own["lineage"]), _shares(own["donor"])
        named = own["marker_lineage"].astype(str) != ""
        score = own["doublet_score"].mean()
        remarks = []
        if np.isfinite(score) and score > max(2 * typical, 0.1):
            remarks.append("high doublet score")
        if donors.iloc[0] > 0.9 and obs["donor"].nunique() > 2:
            remarks.append("mostly one donor")
        if lineages.iloc[0] < 0.5:
            remarks.append("no lineage has half of it")
        rows.append(
            {
                "cluster": code,
                "n_cells": len(own),
                "lineage": lineages.index[0],
                "lineages": _text(lineages),
                "compartments": _text(_shares(own["compartment"])),
                "n_donors": own["donor"].nunique(),
                "largest_donor_share": donors.iloc[0],
                "unassigned_share": (own["lineage"].astype(str) == UNASSIGNED).mean(),
                "marker_agreement": own.loc[named, "marker_agrees"].mean() if named.any() else np.nan,
                "doublet_score": score,
                "doublet_share": suspect[own.index].mean(),
                "contamination": own["contamination"].mean() if "contamination" in own else np.nan,
                "markers": ", ".join(markers[code]),
                "remark": "; ".join(remarks),
            }
        )
    return pd.DataFrame(rows)


def _shares(values):
    """Shares of the values, largest first, ties by name."""
    shares = values.astype(str).value_counts(normalize=True).rename_axis("name").reset_index(name="share")
    return shares.sort_values(["share", "name"], ascending=[False, True]).set_index("name")["share"]


def _text(shares):
    return "; ".join(f"{name} {share:.0%}" for name, share in shares.items() if share >= 0.01)
