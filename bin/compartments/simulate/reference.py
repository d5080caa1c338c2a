"""Labelled cells of donors that are not in the cohort."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from compartments.core.matrix import totals
from compartments.simulate.droplets import add_red_cells, draw_soup
from compartments.simulate.people import Noise
from compartments.simulate.settings import Settings
from compartments.simulate.sources import Source

if TYPE_CHECKING:
    from anndata import AnnData


def draw_reference(settings: Settings, source: Source, n_donors: int = 16, cells_per_lineage: int = 10) -> "AnnData":
    """Clean labelled cells of donors that are not in the cohort, for training a classifier.

    Many donors with few cells each: a classifier that has seen three donors is unsure of the fourth.

    Returns
    -------
    AnnData
        ``X`` int32 counts; obs ``lineage, donor``. No doublets, no dying cells, a little ambient RNA.
    """
    import anndata

    settings = replace(settings, seed=settings.seed + 100_003, batches=1, outlier="")
    noise = Noise(settings, source, ["reference"])
    blocks, labels = [], []
    for donor in range(n_donors):
        rng = np.random.default_rng([settings.seed, 6, donor])
        row = pd.Series({"donor": f"R{donor}", "batch": "batch1", "compartment": "reference", "sex": "FM"[donor % 2]})
        factors = noise.factors(row, donor, donor)
        ones = np.ones(len(source.genes))
        cells = sparse.vstack(
            [
                source.draw(rng, lineage, cells_per_lineage, factors[i], ones, ones, settings.mean_umi)
                for i, lineage in enumerate(source.lineages)
            ],
            format="csr",
        )
        soup = totals(cells, axis=0).astype(float)
        blocks.append(cells + draw_soup(rng, add_red_cells(soup / soup.sum(), source.genes, 0.1), cells.shape[0], 40))
        lineages = np.repeat(source.lineages, cells_per_lineage).astype(object)
        labels.append(pd.DataFrame({"lineage": lineages, "donor": f"R{donor + 1}"}))
    obs = pd.concat(labels, ignore_index=True).astype(object)
    obs.index = [f"reference_{i:05d}" for i in range(len(obs))]
    var = pd.DataFrame({"gene_id": np.array(source.gene_ids, dtype=object)}, index=list(source.genes))
    adata = anndata.AnnData(sparse.csr_matrix(sparse.vstack(blocks, format="csr")).astype(np.int32), obs=obs, var=var)
    adata.uns["simulated"] = True
    return adata
