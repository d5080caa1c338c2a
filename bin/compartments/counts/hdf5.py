"""Names and texts in HDF5 files, in every encoding that h5ad and 10x have had."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.sparse as sp

from compartments.counts.source import Texts

BOUND = 16 * 2**20  # bytes that may be claimed without a look at what is stored
MOST_PACKED = 1100  # bytes that one stored byte can stand for; gzip reaches 1032
CODECS = {  # of HDF5's register, which plugins bring
    307: "bzip2", 32000: "lzf", 32001: "blosc", 32004: "lz4", 32008: "bitshuffle", 32013: "zfp", 32015: "zstd",
    32018: "fpzip", 32019: "jpeg-xr", 32024: "granular bitround", 32026: "blosc2",
}  # fmt: skip


def whole(node: h5py.Dataset) -> np.ndarray:
    """All values of a dataset.

    Raises
    ------
    ValueError
        If it claims far more values than its stored bytes can hold, which would fill the memory.
    """
    check_claim(node)
    return node[()] if node.shape == () else node[:]


def check_claim(node: h5py.Dataset) -> None:
    """Refuse, as :func:`whole` does, a dataset that claims more than is stored."""
    if node.shape is None:
        raise ValueError(f"{node.name} is empty")
    if node.nbytes > max(BOUND, MOST_PACKED * node.id.get_storage_size()):
        raise ValueError(f"{node.name} claims {node.size} values and stores nothing like as many")


def column_of(frame: h5py.Group | h5py.Dataset, name: str) -> Texts:
    """A column of texts of an h5ad data frame, of today's and of the two old encodings."""
    if isinstance(frame, h5py.Dataset):
        return decoded(frame[name])
    node = frame[name]
    legacy = frame.get("__categories")
    if legacy is not None and name in legacy:
        codes = whole(node).astype(np.int64)
        return _by_code(codes, strings_of(legacy[name]))
    return strings_of(node)


def row_names(frame: h5py.Group | h5py.Dataset) -> Texts:
    """Row names of an h5ad data frame, of today's and of the old compound encoding."""
    if isinstance(frame, h5py.Dataset):
        return decoded(frame["index" if "index" in frame.dtype.names else frame.dtype.names[0]])
    return strings_of(frame[text_of(frame.attrs.get("_index", "_index"))])


def csr_of(group: h5py.Group) -> sp.csr_matrix:
    """A matrix as anndata writes it, read without anndata, whose import takes as long as a small step."""
    stored = tuple(group[name][:] for name in ("data", "indices", "indptr"))
    return sp.csr_matrix(stored, shape=tuple(group.attrs["shape"]))


def strings_of(node: h5py.Group | h5py.Dataset) -> Texts:
    """Strings of an HDF5 node: plain, nullable or categorical."""
    if isinstance(node, h5py.Group):
        if "codes" in node:
            return _by_code(whole(node["codes"]).astype(np.int64), strings_of(node["categories"]))
        values = strings_of(node["values"])
        return np.where(whole(node["mask"]), "", values) if "mask" in node else values
    return decoded(whole(node))


def _by_code(codes: np.ndarray, categories: Texts) -> Texts:
    """The category of each code; empty where the code is negative, as that of a missing value is."""
    return np.where(codes < 0, "", np.append(categories, "")[codes])


def decoded(values: np.ndarray) -> Texts:
    """Texts of an array as h5py gives it: fixed-length bytes, or objects of either kind."""
    if values.dtype.kind == "S":
        return np.char.decode(values, "utf-8").astype(object)
    return np.array([text_of(v) for v in values.tolist()], dtype=object)


def text_of(value: Any) -> str:
    """Text of an attribute or a scalar: bytes, str, an array of one of them; empty where there is none."""
    if isinstance(value, np.ndarray):
        value = value.ravel()[0] if value.size else ""
    return value.decode("utf-8") if isinstance(value, bytes) else "" if isinstance(value, h5py.Empty) else str(value)


def missing_codecs(path: str | Path) -> str:
    """How values of an HDF5 file are packed that cannot be unpacked here, such as ``zstd (HDF5 filter 32015)``.

    Empty where all can, and for other files.
    """
    found: dict[int, None] = {}

    def look(_name: str, node: h5py.Group | h5py.Dataset) -> None:
        if isinstance(node, h5py.Dataset):
            plan = node.id.get_create_plist()
            codes = [plan.get_filter(number)[0] for number in range(plan.get_nfilters())]
            found.update({code: None for code in codes if not h5py.h5z.filter_avail(code)})

    try:
        with h5py.File(path, "r") as file:
            file.visititems(look)
    except (OSError, RuntimeError, KeyError, ValueError):  # not HDF5, or damaged further
        pass
    return " and ".join(f"{CODECS.get(code, 'a codec of its own')} (HDF5 filter {code})" for code in found)
