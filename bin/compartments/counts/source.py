"""Where the counts of one file are, and the names of their rows and columns."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

SEVERAL = "give one file per sample"  # the end of a doubt, which a file of a whole study is not open to
GENE_EXPRESSION = "Gene Expression"
CELLBENDER = "CellBender h5"  # format of its outputs
CELL_PROBABILITY = 0.5  # of CellBender, above which a droplet is a cell

Texts = npt.NDArray[np.object_]  # of str


@dataclass
class Source:
    """Where the counts of one file are, and the names of their rows and columns.

    Attributes
    ----------
    path : Path
        The h5 file, or the folder that holds the mtx.
    format : str
        ``10x h5``, ``10x h5 v2``, ``10x mtx``, ``h5ad`` or ``CellBender h5``.
    node : str
        Group or dataset of the counts within the h5, or name of the mtx file.
    barcodes : ndarray of str, shape (n_barcodes,)
    gene_id, symbol, feature_type : ndarray of str, shape (n_features,)
        Every feature of the file; ids without version.
    keep : ndarray of bool, shape (n_features,)
        The gene expression features (of the genome asked for).
    by_barcode : bool
        Whether the stored compressed axis is the barcodes; in an mtx, whether the columns are.
    genome : ndarray of str or None, shape (n_features,)
        Of each feature, where the file says it.
    latents : dict of str to ndarray, shape (n_barcodes,)
        CellBender's droplet latents, NaN where a droplet was not analysed.
    ambient : ndarray of float or None, shape (n_features,)
        CellBender's ambient expression.
    exonic : ndarray of int or None, shape (n_barcodes,)
        Of the counts of each barcode, those that exons alone would give, where reads were counted here.
    chemistry : str
        As the file states it, or empty.
    more : tuple of str
        Further mtx files of the same rows and columns, which are added.
    summed : bool
        Features of one id are one gene, whatever the id is.
    fractional : bool
        Molecules may be shared among genes, as a counter leaves them.
    species : str
        Of the genes, once their names are read.
    notes : list of str
        What was mended or taken differently, each one's numbers are right.
    warnings : list of str
        What may make numbers wrong, and only the user can know.
    """

    path: Path
    format: str
    node: str
    barcodes: Texts
    gene_id: Texts
    symbol: Texts
    feature_type: Texts
    keep: npt.NDArray[np.bool_]
    by_barcode: bool = True
    genome: Texts | None = None
    latents: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    ambient: npt.NDArray[np.float64] | None = None
    exonic: npt.NDArray[np.int64] | None = None
    chemistry: str = ""
    more: tuple[str, ...] = ()
    summed: bool = False
    fractional: bool = False
    species: str = ""
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def left_out(self) -> dict[str, int]:
        """Features that are not gene expression, as {feature type: number}."""
        types, numbers = np.unique(self.feature_type[~self.keep], return_counts=True)
        return {str(t) or "without a type": int(n) for t, n in zip(types, numbers, strict=True)}

    def cells(self) -> npt.NDArray[np.intp]:
        """Positions of the barcodes that CellBender called cells."""
        return np.flatnonzero(np.nan_to_num(self.latents["cell_probability"]) > CELL_PROBABILITY)
