"""Pseudobulk counts: one row per sample and lineage. Reading them, and bringing rows to one scale."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from compartments.core.errors import UserError
from compartments.core.vocabulary import UNASSIGNED

LAYERS = ("counts", "corrected", "n_expressing", "ambient")
MIN_AMBIENT_COUNTS = 15  # raw counts of a gene in a group below which its ambient share is noise
MIN_COUNTS = 1000


@dataclass(frozen=True)
class Lineage:
    """Pseudobulks of one lineage that have enough cells and counts.

    Attributes
    ----------
    name : str
    samples : DataFrame
        Index sample; ``donor, compartment, condition, n_cells``.
    genes : Index of str
    corrected : int array, shape (samples, genes)
        Sums of ambient-corrected counts.
    counts, ambient : csr_array, shape (samples, genes), or None
        Sums of raw counts and of what the correction removed; None if they were not read.
    """

    name: str
    samples: pd.DataFrame
    genes: pd.Index
    corrected: np.ndarray
    counts: sparse.csr_array | None
    ambient: sparse.csr_array | None


def read_pseudobulk(path, study, layers=LAYERS):
    """Read ``pseudobulk.h5ad`` and check that it belongs to the study.

    Parameters
    ----------
    path : path
    study : design.Study
    layers : sequence of str
        Of ``LAYERS``, those to read: each costs memory and time.

    Returns
    -------
    AnnData
        ``layers`` (CSR); ``sample``, ``lineage``, ``compartment``,
        ``condition``, ``donor`` of obs as str.

    Raises
    ------
    UserError
        Not an h5ad file, a missing layer or column, a sample that the study does not have.
    """
    import anndata
    import h5py
    from anndata.io import read_elem

    try:
        with h5py.File(path) as file:
            parts = {name: read_elem(file[name]) for name in ("obs", "var")}
            found = {layer: read_elem(file["layers"][layer]) for layer in layers if layer in file["layers"]}
            data = anndata.AnnData(layers=found, **parts)
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{path} cannot be read as h5ad: {error}") from error
    missing = [layer for layer in layers if layer not in data.layers]
    missing += [column for column in ("sample", "lineage", "n_cells") if column not in data.obs]
    if missing:
        raise UserError(f"{path}: '{missing[0]}' is missing; give the pseudobulk.h5ad that merge_samples.py writes")
    known = study.samples.set_index("sample")
    for column in ("sample", "lineage"):
        data.obs[column] = data.obs[column].astype(str).astype(object)
    strangers = sorted(set(data.obs["sample"]) - set(known.index))
    if strangers:
        raise UserError(f"{path}: sample '{strangers[0]}' is not in the study; use the study.json of the same run")
    for column in ("donor", "compartment", "condition"):
        data.obs[column] = known.loc[data.obs["sample"], column].to_numpy()
    for layer in layers:
        data.layers[layer] = sparse.csr_array(data.layers[layer])
    return data


def lineages(data, min_cells, stage, min_counts=MIN_COUNTS):
    """The lineages of ``data`` with the pseudobulks large enough to use.

    Parameters
    ----------
    data : AnnData
        From :func:`read_pseudobulk`.
    min_cells, min_counts : int
        A pseudobulk with fewer cells or corrected counts is left out.
    stage : str
        Named in the reasons.

    Returns
    -------
    kept : list of Lineage
        In alphabetical order; without unassigned cells.
    skipped : list of dict
        One reason per pseudobulk or lineage left out.
    """
    kept, skipped = [], []
    totals = np.asarray(data.layers["corrected"].sum(1)).ravel()
    for name in sorted(data.obs["lineage"].unique()):
        if name == UNASSIGNED:
            skipped.append({"stage": stage, "lineage": name, "reason": "cells without a lineage are not compared"})
            continue
        rows = np.flatnonzero((data.obs["lineage"] == name).to_numpy())
        cells = data.obs["n_cells"].to_numpy()[rows]
        for row, n in zip(rows, cells, strict=True):
            if n < min_cells or totals[row] < min_counts:
                few = f"{n} cells, below {min_cells}"
                if n >= min_cells:
                    few = f"{totals[row]:.0f} counts, below {min_counts}"
                skipped.append({"stage": stage, "sample": data.obs["sample"].iloc[row], "lineage": name, "reason": few})
        rows = rows[(cells >= min_cells) & (totals[rows] >= min_counts)]
        if len(rows) == 0:
            skipped.append({"stage": stage, "lineage": name, "reason": "no sample has enough cells"})
            continue
        uncorrected = (data.layers[layer][rows] if layer in data.layers else None for layer in ("counts", "ambient"))
        samples = data.obs.iloc[rows][["sample", "donor", "compartment", "condition", "n_cells"]]
        kept.append(
            Lineage(
                name,
                samples.set_index("sample").rename_axis(None),
                data.var_names,
                data.layers["corrected"][rows].toarray().astype(np.int64),
                *uncorrected,
            )
        )
    return kept, skipped


def tmm_factors(counts, trim_ratio=0.3, trim_sum=0.05):
    """Normalisation factors by the trimmed mean of M values.

    Parameters
    ----------
    counts : array, shape (samples, genes)
    trim_ratio, trim_sum : float
        Share trimmed from each end of the log ratios (M) and of the mean log expression (A).

    Returns
    -------
    array, shape (samples,)
        Factors on the library size, with product 1.

    Notes
    -----
    Robinson and Oshlack (2010) Genome Biol 11:R25; the reference sample is the one whose upper quartile of counts per
    library size is closest to the mean, as in edgeR.
    """
    counts = np.asarray(counts, float)
    counts = counts[:, (counts > 0).any(0)]
    library = counts.sum(1)
    quartiles = np.quantile(counts, 0.75, axis=1) / library
    reference = int(np.argmin(np.abs(quartiles - quartiles.mean())))
    if np.median(quartiles) < 1e-20:
        reference = int(np.argmax(np.sqrt(counts).sum(1)))
    factors = np.array([_tmm_pair(row, counts[reference], trim_ratio, trim_sum) for row in counts])
    return factors / np.exp(np.log(factors).mean())


def _tmm_pair(counts, reference, trim_ratio, trim_sum):
    n, n_reference = counts.sum(), reference.sum()
    both = (counts > 0) & (reference > 0)
    y, y_reference = counts[both], reference[both]
    ratio = np.log2((y / n) / (y_reference / n_reference))
    if len(ratio) == 0 or np.abs(ratio).max() < 1e-6:
        return 1.0
    mean = 0.5 * np.log2((y / n) * (y_reference / n_reference))
    variance = (n - y) / n / y + (n_reference - y_reference) / n_reference / y_reference
    genes = len(ratio)
    keep = _untrimmed(ratio, int(genes * trim_ratio) + 1) & _untrimmed(mean, int(genes * trim_sum) + 1)
    if not keep.any():
        return 1.0
    return float(2 ** (np.sum(ratio[keep] / variance[keep]) / np.sum(1 / variance[keep])))


def _untrimmed(values, low):
    """Whether the average rank of each value is from ``low`` to as far from the end; no sort, for speed."""
    high = len(values) + 1 - low
    bounds = np.partition(values, [low - 1, high - 1])[[low - 1, high - 1]]
    keep = (values > bounds[0]) & (values < bounds[1])
    for bound in bounds:
        tied = values == bound
        if low <= (values < bound).sum() + (tied.sum() + 1) / 2 <= high:
            keep |= tied
    return keep


def log_cpm(counts, factors=None):
    """``log2(CPM + 0.5)``, library sizes times ``factors`` (default: TMM); array (samples, genes)."""
    factors = tmm_factors(counts) if factors is None else factors
    return np.log2(counts / (counts.sum(1) * factors)[:, None] * 1e6 + 0.5)
