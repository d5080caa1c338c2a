"""The values of single samples behind the changes of genes."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from compartments.cohort.pseudobulk import Lineage
from compartments.compare.normalisation import log_cpm


def gene_values(lineages: Iterable[Lineage], tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Expression of every tested gene in every sample.

    Parameters
    ----------
    lineages : iterable of Lineage
    tables : iterable of DataFrame
        Effects with ``lineage, gene``.

    Returns
    -------
    DataFrame
        ``lineage, gene`` and a column per sample, in the order of first appearance: log2(CPM + .5) with TMM library
        sizes of the sample's pseudobulk of the lineage; missing where it has too few cells of it.
    """
    named = [table[["lineage", "gene"]] for table in tables if len(table)]
    if not named:
        return pd.DataFrame()
    tested = pd.concat(named).drop_duplicates()
    found = []
    for lineage in lineages:
        genes = tested.loc[tested["lineage"] == lineage.name, "gene"]
        if genes.empty:
            continue
        values = log_cpm(lineage.corrected)[:, lineage.genes.get_indexer(genes)].astype(np.float32)
        table = pd.DataFrame(values.T, columns=lineage.samples.index)
        table.insert(0, "gene", genes.to_numpy())
        table.insert(0, "lineage", lineage.name)
        found.append(table)
    return pd.concat(found, ignore_index=True)
