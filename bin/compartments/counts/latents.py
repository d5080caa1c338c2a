"""What CellBender writes beside its counts."""

import h5py
import numpy as np

from compartments.core.errors import UserError
from compartments.counts.hdf5 import text_of, whole
from compartments.counts.source import CELLBENDER, Source

LATENTS = ("cell_probability", "background_fraction", "cell_size", "droplet_efficiency")


def add_latents(source: Source, file: h5py.File) -> None:
    """Put CellBender's latents of each droplet and its ambient expression into ``source`` (in place).

    Raises
    ------
    UserError
        If the output is of a version whose counts or cells cannot be used, or its parts do not fit each other.
    """
    source.format = CELLBENDER
    if _version(file).lstrip("v").startswith("0.3.1"):
        raise UserError(
            f"{source.path}: written by CellBender 0.3.1, whose counts can overflow; run it with 0.3.2 or later"
        )
    latents = file["droplet_latents"]
    n = len(source.barcodes)
    analysed = (
        whole(latents["barcode_indices_for_latents"]) if "barcode_indices_for_latents" in latents else np.arange(n)
    )
    for key in LATENTS:
        if key not in latents:
            continue
        values = whole(latents[key]).astype(float)
        full = np.full(n, np.nan)
        if len(values) == n:
            full = values
        elif len(values) == len(analysed) and analysed.max(initial=-1) < n:
            full[analysed] = values
        else:
            raise UserError(
                f"{source.path}: CellBender's {key} has {len(values)} values for {n} barcodes; export it again"
            )
        source.latents[key] = full
    if "cell_probability" not in source.latents:
        raise UserError(
            f"{source.path}: CellBender output without cell probabilities; give its output of 0.3.2 or later"
        )
    if "global_latents" in file and "ambient_expression" in file["global_latents"]:
        ambient = whole(file["global_latents"]["ambient_expression"]).astype(float)
        source.ambient = ambient if len(ambient) == len(source.symbol) else None


def _version(file: h5py.File) -> str:
    """CellBender's version, wherever it wrote it; empty where it did not."""
    version = ""
    for node in (file, *(file[k] for k in ("metadata", "droplet_latents") if k in file)):
        for key, value in node.attrs.items():
            if "cellbender" in key.lower() and "version" in key.lower():
                version = text_of(value)
        for key in node:
            if "version" in key.lower() and isinstance(node[key], h5py.Dataset):
                version = text_of(np.ravel(node[key][()])[0])
    return version
