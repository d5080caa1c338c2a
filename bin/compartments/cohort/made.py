"""How the samples of a cohort were made, by the sums of their lineages."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import numpy as np
from scipy import sparse

from compartments.core.vocabulary import POOLS
from compartments.counts.chemistry import Made, of_nuclei, sums_of

if TYPE_CHECKING:
    from anndata import AnnData


def made_of(bulk: "AnnData", chemistries: Mapping[str, str]) -> dict[str, Made]:
    """What counts and files say of each sample.

    Parameters
    ----------
    bulk : AnnData
        Of :func:`compartments.cohort.merging.make_pseudobulk`.
    chemistries : mapping, sample -> text
        As the files state it.
    """
    symbols = bulk.var_names.to_numpy(object)
    sample, lineage = (bulk.obs[name].to_numpy(object) for name in ("sample", "lineage"))
    made = {}
    for name, chemistry in chemistries.items():
        rows = np.flatnonzero(sample == name)
        counts = cast(sparse.csr_matrix, bulk.layers["counts"])[rows]
        members = {one: lineage[rows] == one for one in lineage[rows] if one not in POOLS}
        umis = np.asarray(counts.sum(0)).ravel()
        made[name] = Made(chemistry, sums_of(counts, symbols, members), of_nuclei(umis, symbols))
    return made
