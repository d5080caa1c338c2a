"""Pseudobulk counts: one row per sample and lineage. Made, and read again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.cohort.specimens import of_specimens
from compartments.core.errors import CountsChanged, UserError
from compartments.core.left_out import LeftOut
from compartments.core.matrix import memberships, totals
from compartments.core.vocabulary import UNASSIGNED
from compartments.study.captures import specimen_of
from compartments.study.study import Study

if TYPE_CHECKING:
    from anndata import AnnData

SUMMED = ("counts", "corrected")
LAYERS = (*SUMMED, "n_expressing", "ambient")
ABSENT = "absent"  # layer: captures of the sample whose files lack the gene, where there are any
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
    absent : bool array, shape (samples, genes), or None
        Genes that a sample's file does not list: not zero but not counted. None if every sample has all.
    """

    name: str
    samples: pd.DataFrame
    genes: pd.Index
    corrected: npt.NDArray[np.int64]
    counts: sparse.csr_array | None
    ambient: sparse.csr_array | None
    absent: npt.NDArray[np.bool_] | None = None

    def lacking(self, samples: Collection[str] | None = None) -> npt.NDArray[np.bool_]:
        """Genes that the file of any of some samples (default: of any sample) does not list, shape (genes,)."""
        if self.absent is None:
            return np.zeros(len(self.genes), bool)
        return self.absent[slice(None) if samples is None else self.samples.index.isin(list(samples))].any(0)

    def of_genes(self, kept: npt.NDArray[np.bool_]) -> "Lineage":
        """The same lineage with some of its genes."""
        if kept.all():
            return self
        counts, ambient = (None if layer is None else layer[:, kept] for layer in (self.counts, self.ambient))
        absent = None if self.absent is None else self.absent[:, kept]
        return Lineage(self.name, self.samples, self.genes[kept], self.corrected[:, kept], counts, ambient, absent)


def make_pseudobulk(
    merged: "AnnData", methods: Mapping[str, str], absent: Mapping[str, npt.NDArray[np.bool_]]
) -> "AnnData":
    """Sums per sample and lineage.

    Parameters
    ----------
    merged : AnnData
        From :func:`compartments.cohort.merging.merge`.
    methods : dict
        Sample -> how ambient RNA was removed from it, ``none`` where it was not.
    absent : dict
        Sample -> which genes its file does not list, shape (genes,).

    Returns
    -------
    AnnData, shape (samples x lineages with a cell, genes)
        Layers of ``LAYERS`` and ``absent`` (1: the sample's file does not list the gene, which is not zero); ``obs``
        with ``sample, donor, compartment, condition, lineage, n_cells, total_counts, ambient_method``; samples in
        cohort order, lineages sorted, ``unassigned`` among them.
    """
    import anndata

    cells, matrices = cast(pd.DataFrame, merged.obs), cast(dict[str, Any], merged.layers)
    sample, lineage = cells["sample"].astype(str), cells["lineage"].astype(str)
    order = {name: i for i, name in enumerate(dict.fromkeys(sample))}
    rows = pd.DataFrame({"sample": sample, "lineage": lineage}).drop_duplicates()
    rows = rows.sort_values(["sample", "lineage"], key=lambda c: c.map(order) if c.name == "sample" else c)
    names = rows["sample"] + ":" + rows["lineage"]
    group = pd.Index(names).get_indexer(sample + ":" + lineage)
    parts: dict[str, list[sparse.csr_matrix]] = {name: [] for name in (*SUMMED, "n_expressing")}
    # sample by sample: the sums are small, and no widened copy of all counts is needed
    for name in order:
        inside = np.flatnonzero((sample == name).to_numpy())
        of_sample = np.flatnonzero((rows["sample"] == name).to_numpy())
        members = memberships(group[inside] - of_sample[0], len(of_sample), np.int64)
        corrected = matrices["corrected"][inside]
        parts["counts"].append(members @ matrices["counts"][inside])
        parts["corrected"].append(members @ corrected)
        parts["n_expressing"].append((members @ (corrected > 0)).astype(np.int32))
    layers = {name: sparse.csr_matrix(sparse.vstack(part, format="csr")) for name, part in parts.items()}
    if any(layers[name].sum() != matrices[name].sum(dtype=np.int64) for name in SUMMED):
        raise CountsChanged("pseudobulk lost counts")
    layers["ambient"] = sparse.csr_matrix(layers["counts"] - layers["corrected"], dtype=np.float32)
    layers["ambient"].eliminate_zeros()
    lacking = {name: np.flatnonzero(absent[name]) for name in order}
    columns = [lacking[name] for name in rows["sample"]]
    ends = np.cumsum([0, *map(len, columns)])
    stored = np.ones(ends[-1], np.int32), np.concatenate(columns), ends
    layers[ABSENT] = sparse.csr_matrix(stored, shape=layers["counts"].shape)
    by_sample = cells.drop_duplicates("sample").set_index(sample.drop_duplicates())
    obs = pd.DataFrame(
        {
            "sample": rows["sample"].to_numpy(object),
            **{
                c: by_sample.loc[rows["sample"], c].astype(str).to_numpy(object)
                for c in ("donor", "compartment", "condition")
            },
            "lineage": rows["lineage"].to_numpy(object),
            "n_cells": np.bincount(group, minlength=len(rows)),
            "total_counts": totals(layers["counts"]).astype(np.int64),
            "ambient_method": rows["sample"].map(methods).to_numpy(object),
        },
        index=pd.Index(names.to_numpy(object)),
    )
    return anndata.AnnData(obs=obs, var=merged.var.copy(), layers=layers)


def read_pseudobulk(
    path: str | Path, study: Study, layers: Sequence[str] = LAYERS, left_out: LeftOut | None = None
) -> "AnnData":
    """Read ``pseudobulk.h5ad``, check that it belongs to the study and sum captures of a specimen.

    Parameters
    ----------
    path : path
    study : Study
    layers : sequence of str
        Of ``LAYERS``, those to read: each costs memory and time.
    left_out : LeftOut, optional
        Is told what :func:`compartments.cohort.specimens.of_specimens` leaves out.

    Returns
    -------
    AnnData
        One row per specimen and lineage: ``layers`` (CSR), and ``absent`` where the file has it; ``sample`` (of the
        specimen), ``lineage``, ``compartment``, ``condition``, ``donor`` of obs as str.

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
            parts: dict[str, Any] = {name: read_elem(file[name]) for name in ("obs", "var")}
            wanted = [layer for layer in (*layers, ABSENT) if layer in file["layers"]]
            stored = {layer: read_elem(file["layers"][layer]) for layer in wanted}
            data = anndata.AnnData(layers=stored, **parts)
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{path} cannot be read as h5ad: {error}") from error
    missing = [layer for layer in layers if layer not in data.layers]
    missing += [column for column in ("sample", "lineage", "n_cells", "ambient_method") if column not in data.obs]
    if missing:
        raise UserError(f"{path}: '{missing[0]}' is missing; give the pseudobulk.h5ad that merge_samples writes")
    for column in ("sample", "lineage"):
        data.obs[column] = data.obs[column].astype(str).astype(object)
    strangers = sorted(set(data.obs["sample"]) - set(specimen_of(study.samples)))
    if strangers:
        raise UserError(f"{path}: sample '{strangers[0]}' is not in the study; use the study.json of the same run")
    data = of_specimens(data, study.samples, left_out)
    known = study.samples.set_index("sample")
    for column in ("donor", "compartment", "condition"):
        data.obs[column] = known.loc[data.obs["sample"], column].to_numpy()
    for layer in list(cast(dict[str, Any], data.layers)):
        data.layers[layer] = sparse.csr_array(data.layers[layer])
    return data


def lineages(data: "AnnData", min_cells: int, left_out: LeftOut, min_counts: int = MIN_COUNTS) -> list[Lineage]:
    """The lineages of ``data`` with the pseudobulks large enough to use.

    Parameters
    ----------
    data : AnnData
        From :func:`read_pseudobulk`.
    min_cells, min_counts : int
        A pseudobulk with fewer cells or corrected counts is left out.
    left_out : LeftOut
        Gets a reason for every pseudobulk or lineage left out.

    Returns
    -------
    list of Lineage
        In alphabetical order; without unassigned cells.
    """
    kept = []
    depth = totals(data.layers["corrected"])
    obs, layers = cast(pd.DataFrame, data.obs), cast(dict[str, Any], data.layers)
    for name in sorted(obs["lineage"].unique()):
        if name == UNASSIGNED:
            left_out.add("cells without a lineage are not compared", lineage=name)
            continue
        rows = np.flatnonzero((obs["lineage"] == name).to_numpy())
        cells = obs["n_cells"].to_numpy()[rows]
        for row, n in zip(rows, cells, strict=True):
            if n < min_cells or depth[row] < min_counts:
                few = f"{n} cells, below {min_cells}"
                if n >= min_cells:
                    few = f"{depth[row]:.0f} counts, below {min_counts}"
                left_out.add(few, sample=obs["sample"].iloc[row], lineage=name)
        rows = rows[(cells >= min_cells) & (depth[rows] >= min_counts)]
        if len(rows) == 0:
            left_out.add("no sample has enough cells", lineage=name)
            continue
        counts, ambient = (layers[layer][rows] if layer in layers else None for layer in ("counts", "ambient"))
        absent = layers[ABSENT][rows].toarray() > 0 if ABSENT in layers and layers[ABSENT].nnz else None
        samples = obs.iloc[rows][["sample", "donor", "compartment", "condition", "n_cells"]]
        kept.append(
            Lineage(
                name,
                samples.set_index("sample").rename_axis(None),
                data.var_names,
                layers["corrected"][rows].toarray().astype(np.int64),
                counts,
                ambient,
                absent,
            )
        )
    return kept
