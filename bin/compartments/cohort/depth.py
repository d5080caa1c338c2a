"""How deep each sample was sequenced, and how many of its UMIs are kept so that all are equally deep."""

from itertools import pairwise
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from compartments.core.matrix import totals
from compartments.core.vocabulary import UNASSIGNED

if TYPE_CHECKING:
    from anndata import AnnData

MIN_CELLS = 5  # of a lineage in a sample, as the networks need
STEP_KEPT = 0.02  # of the log share kept: a sample more rarely changes the networks of the others
MIN_UMIS = 500  # per cell of the median lineage: thinned to fewer, the others would lose their signal
MIN_RELATIVE = 0.5  # of the median sample: a cohort that is shallow as a whole is compared as it is
APART = (
    1.5  # fold between the arms' nearest samples from which they are said to differ: v3 has about twice the UMIs of v2
)
COLUMNS = ["sample", "umis_per_cell", "relative_depth", "umis_kept"]


def common_depth(bulk: "AnnData") -> pd.DataFrame:
    """Depth of all samples, and the share of each that leaves the depth of the shallowest.

    Parameters
    ----------
    bulk : AnnData
        From :func:`compartments.cohort.merging.make_pseudobulk`.

    Returns
    -------
    DataFrame, shape (samples, ...)
        ``sample``, ``umis_per_cell`` (corrected counts of a cell of the median lineage), ``relative_depth`` (1 is the
        median sample) and ``umis_kept``, the share of its UMIs that makes it as deep as the shallowest sample; 0 for
        one below both :data:`MIN_UMIS` and :data:`MIN_RELATIVE`, which is left out rather than all thinned to it.

    Notes
    -----
    Lineages differ in UMIs per cell, and samples in lineages: the depth of a sample is its effect in an additive fit
    of sample and lineage to the logs of the mean UMIs per cell (median polish, Tukey 1977), so that neither a lineage
    that is lost nor one that changes alone makes a sample shallow.
    """
    obs = cast(pd.DataFrame, bulk.obs)
    mean = pd.Series(np.log(np.maximum(totals(bulk.layers["corrected"]), 1) / obs["n_cells"].to_numpy()), obs.index)
    enough = (obs["n_cells"].ge(MIN_CELLS) & obs["lineage"].ne(UNASSIGNED)).to_numpy()
    wide = mean[enough].set_axis(pd.MultiIndex.from_frame(obs.loc[enough, ["sample", "lineage"]])).unstack()
    samples = list(dict.fromkeys(obs["sample"]))
    middle, effect = _polished(wide)
    depth = np.exp(effect).reindex(samples)
    umis = depth * np.exp(middle)
    deep = (umis.ge(MIN_UMIS) | depth.ge(MIN_RELATIVE)).to_numpy()
    log_kept = np.round((np.log(depth[deep].min()) - np.log(depth)) / STEP_KEPT) * STEP_KEPT
    kept = np.where(deep, np.exp(log_kept), 0.0)
    columns = [samples, umis.to_numpy(), depth.to_numpy(), kept]
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True))).round({"umis_kept": 4})


def depth_along(depth: pd.DataFrame, samples: pd.DataFrame, chemistry: pd.Series) -> list[str]:
    """Conditions of a compartment whose samples all differ in depth, where the chemistry of some is not known.

    Parameters
    ----------
    depth : DataFrame
        Of :func:`common_depth`.
    samples : DataFrame
        The samplesheet.
    chemistry : Series, sample -> name, or empty text
    """
    umis = depth.set_index("sample")["umis_per_cell"]
    sheet = samples.set_index("sample").loc[umis.index].assign(umis=umis)
    sentences = []
    for compartment, rows in sheet.groupby("compartment", sort=False):
        of_arms = rows.groupby("condition", sort=False)["umis"].agg(["min", "max", "size"])
        of_arms = of_arms[of_arms["size"] > 1].sort_values("min")
        if (chemistry[rows.index] != "").all():
            continue
        for (low, lower), (high, higher) in pairwise(of_arms.iterrows()):
            if higher["min"] >= APART * lower["max"]:
                sentences.append(
                    f"in {compartment} every sample of {high} has more UMIs per cell (from {higher['min']:,.0f}) "
                    f"than any of {low} (up to {lower['max']:,.0f}): another chemistry or depth, which goes with the "
                    "condition? Name the chemistry in the samplesheet"
                )
    return sentences


def _polished(wide: pd.DataFrame, sweeps: int = 20) -> tuple[float, pd.Series]:
    """Overall median, and effects of the rows beside those of the columns, with median 0; values may be missing."""
    rows = pd.Series(0.0, wide.index)
    for _ in range(sweeps):
        columns = wide.sub(rows, axis=0).median()
        rows = wide.sub(columns).median(axis=1)
    return rows.median() + columns.median(), rows - rows.median()
