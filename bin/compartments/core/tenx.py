"""Count matrices in the layout that Cell Ranger 3 and later write."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from compartments.core.files import replacing

if TYPE_CHECKING:
    import h5py
    import numpy as np
    import scipy.sparse as sp


def write_10x_h5(
    path: str | Path,
    counts: "sp.csr_matrix",
    barcodes: "Sequence[str] | np.ndarray",
    genes: "Sequence[str] | np.ndarray",
    gene_ids: "Sequence[str] | np.ndarray",
    origin: str = "simulated",
    exonic: "np.ndarray | None" = None,
) -> None:
    """Write counts of droplets as a 10x h5 whose features are gene expression, without which readers find no genes.

    Parameters
    ----------
    path : str or Path
    counts : csr_matrix of int, shape (droplets, genes)
    barcodes : sequence of str, shape (droplets,)
    genes, gene_ids : sequence of str, shape (genes,)
    origin : str
        What stands for chemistry, library and genome.
    exonic : array of int, shape (droplets,), optional
        Of the counts of each droplet, those that exons alone would give: a dataset of this pipeline's own.
    """
    import h5py
    import numpy as np

    def store(group: "h5py.Group", name: str, values: "np.ndarray") -> None:
        group.create_dataset(name, data=values, compression="gzip", compression_opts=3, shuffle=True)

    counts = counts.tocsr()
    counts.sort_indices()
    with replacing(path) as temporary, h5py.File(temporary, "w") as handle:
        handle.attrs["filetype"] = "matrix"
        handle.attrs["chemistry_description"] = origin
        handle.attrs["library_ids"] = np.array([origin.encode()])
        handle.attrs["version"] = 2
        # 10x stores features x barcodes by column, which is barcodes x features by row
        matrix = handle.create_group("matrix")
        store(matrix, "barcodes", np.asarray(barcodes, dtype="S"))
        store(matrix, "data", counts.data.astype(np.int32))
        store(matrix, "indices", counts.indices.astype(np.int64))
        store(matrix, "indptr", counts.indptr.astype(np.int64))
        matrix.create_dataset("shape", data=np.array(counts.shape[::-1], dtype=np.int32))
        if exonic is not None:
            store(matrix, "exonic", np.asarray(exonic, np.int64))
        features = matrix.create_group("features")
        store(features, "id", np.asarray(gene_ids, dtype="S"))
        store(features, "name", np.asarray(genes, dtype="S"))
        store(features, "feature_type", np.full(len(genes), b"Gene Expression"))
        store(features, "genome", np.full(len(genes), origin.encode()))
        features.create_dataset("_all_tag_keys", data=np.array([b"genome"]))


def read_10x_h5(path: str | Path) -> "tuple[sp.csr_matrix, list[str], list[str], list[str]]":
    """Counts (droplets x genes), barcodes, names and ids of the genes of a file that :func:`write_10x_h5` wrote."""
    import h5py
    import scipy.sparse as sp

    with h5py.File(path) as handle:
        matrix = handle["matrix"]
        parts = (matrix["data"][:], matrix["indices"][:], matrix["indptr"][:])
        names, ids = ([text.decode() for text in matrix["features"][name][:]] for name in ("name", "id"))
        barcodes = [text.decode() for text in matrix["barcodes"][:]]
        return sp.csr_matrix(parts, (len(barcodes), len(ids))), barcodes, names, ids
