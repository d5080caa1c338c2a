"""A sketch beside the embedding of all cells: do clusters give each cell the same lineage, and lie cells alike?

    python -m benchmarks.cohort.sketch_beside_whole results/cohort/cohort.h5ad --cells 100000 [--rows 2000]

The file is of a run with `--embedding full`. A sketch of so many of its cells is embedded from the components that all
cells have (PCA, Harmony), the others go with it, and both are compared: the share of cells whose cluster has the same
lineage by the vote of its cells, the adjusted Rand index of the clusters, and the share of each cell's 15 nearest cells
by the components that are among its 30 nearest on the map, for cells drawn (`--rows`). What two clusterings of the same
graph of all cells agree in, with another seed, is beside it.
"""

import argparse
import os
import time
from datetime import date

import anndata
import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import NearestNeighbors

from benchmarks.scoreboard import machine
from compartments.cohort import embedding, sketch

NEAR, ON_MAP = 15, 30


def votes(clusters, lineage):
    """The lineage of most cells of each cell's cluster."""
    counts = pd.crosstab(np.asarray(clusters, str), np.asarray(lineage, str))
    return counts.idxmax(axis=1)[np.asarray(clusters, str)].to_numpy()


def preserved(components, places, rows):
    """Mean share of the nearest cells by components that are near on the map, over the cells ``rows``."""
    found = [
        NearestNeighbors(n_neighbors=k + 1).fit(points).kneighbors(points[rows])[1]
        for k, points in ((NEAR, components), (ON_MAP, places))
    ]
    return np.mean([len(np.intersect1d(a, b)) / len(a) for a, b in zip(found[0][:, 1:], found[1][:, 1:], strict=True)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", help="cohort.h5ad")
    parser.add_argument("--cells", type=int, default=embedding.SKETCH_CELLS, help="of the sketch (%(default)s)")
    parser.add_argument("--rows", type=int, default=2000, help="cells whose neighbours are compared (%(default)s)")
    given = parser.parse_args()
    import scanpy

    whole = anndata.read_h5ad(given.cohort, backed="r")
    full = anndata.AnnData(obs=whole.obs, obsm={name: whole.obsm[name] for name in ("X_pca_harmony", "X_umap")})
    embedding.SKETCH_CELLS = given.cells
    part = anndata.AnnData(obs=full.obs.drop(columns="leiden"), obsm={"X_pca_harmony": full.obsm["X_pca_harmony"]})
    start = time.process_time()
    embedding.place(part, embedding.Settings(method="sketch"))
    seconds = time.process_time() - start
    again = anndata.AnnData(obs=full.obs[[]].copy(), obsp={"graph": whole.obsp["connectivities"]})
    options = {"flavor": "igraph", "n_iterations": 2, "directed": False, "obsp": "graph"}
    scanpy.tl.leiden(again, resolution=embedding.RESOLUTION, random_state=7, **options)
    n, rows = int(part.obs["in_sketch"].sum()), np.random.default_rng(0).choice(full.n_obs, given.rows, replace=False)
    lineage, one, other = full.obs["lineage"], full.obs["leiden"], part.obs["leiden"]
    same = votes(one, lineage) == votes(other, lineage)
    placed = ~part.obs["in_sketch"].to_numpy()
    print(f"{n:,} of {full.n_obs:,} cells in the sketch; placed and clustered in {seconds:.0f} CPU s")
    print(f"lineage votes agree: {same.mean():.2%} of cells, {same[placed].mean():.2%} of those outside the sketch")
    print(f"clusters: {one.nunique()} and {other.nunique()}, adjusted Rand index {adjusted_rand_score(one, other):.3f}")
    reseeded = votes(again.obs["leiden"], lineage) == votes(one, lineage)
    index = adjusted_rand_score(one, again.obs["leiden"])
    print(f"the whole with another seed: votes agree in {reseeded.mean():.2%}, adjusted Rand index {index:.3f}")
    kept = [preserved(full.obsm["X_pca_harmony"], place, rows) for place in (full.obsm["X_umap"], part.obsm["X_umap"])]
    print(f"{NEAR} nearest cells among the {ON_MAP} nearest on the map: {kept[0]:.3f} and {kept[1]:.3f}")
    print(
        f"{machine()}, {date.today().isoformat()}, load {os.getloadavg()[0]:.1f}; sketch: {sketch.LEAST} of a lineage"
    )


if __name__ == "__main__":
    main()
