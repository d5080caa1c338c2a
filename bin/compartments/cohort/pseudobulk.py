"""Pseudobulk counts, one row per sample and lineage, as they are read; merging.py makes them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.cohort.specimens import of_specimens
from compartments.core.errors import UserError
from compartments.core.left_out import LeftOut
from compartments.core.matrix import totals
from compartments.core.vocabulary import UNASSIGNED
from compartments.study.captures import specimen_of
from compartments.study.study import Study

if TYPE_CHECKING:
    from anndata import AnnData

SUMMED = ("counts", "corrected", "n_expressing")
LAYERS = (*SUMMED, "ambient")
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
