"""Names and texts in HDF5 files, in every encoding that h5ad and 10x have had."""

from typing import Any

import h5py
import numpy as np

from compartments.counts.source import Texts


def column_of(frame: h5py.Group | h5py.Dataset, name: str) -> Texts:
    """A column of texts of an h5ad data frame, of today's and of the two old encodings."""
    if isinstance(frame, h5py.Dataset):
        return decoded(frame[name])
    node = frame[name]
    legacy = frame.get("__categories")
    if legacy is not None and name in legacy:
        return strings_of(legacy[name])[node[:]]
    return strings_of(node)


def row_names(frame: h5py.Group | h5py.Dataset) -> Texts:
    """Row names of an h5ad data frame, of today's and of the old compound encoding."""
    if isinstance(frame, h5py.Dataset):
        return decoded(frame["index" if "index" in frame.dtype.names else frame.dtype.names[0]])
    return strings_of(frame[text_of(frame.attrs.get("_index", "_index"))])


def strings_of(node: h5py.Group | h5py.Dataset) -> Texts:
    """Strings of an HDF5 node: plain, nullable or categorical."""
    if isinstance(node, h5py.Group):
        if "codes" in node:
            codes = node["codes"][:]
            return np.where(codes < 0, "", np.append(strings_of(node["categories"]), "")[codes])
        values = strings_of(node["values"])
        return np.where(node["mask"][:], "", values) if "mask" in node else values
    return decoded(node[:])


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
