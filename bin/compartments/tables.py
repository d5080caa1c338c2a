"""Tables on disk: one way to write numbers, so that the same results give the same bytes."""

import json

import pandas as pd

from .cli import UserError, replacing


def write_tsv(frame, path):
    """Write ``frame`` without its index as TSV (gzip when ``path`` ends in .gz), 10 significant digits, LF, NA empty."""
    compression = {"method": "gzip", "mtime": 0} if str(path).endswith(".gz") else None
    with replacing(path) as temporary:
        frame.to_csv(
            temporary, sep="\t", index=False, float_format="%.10g", lineterminator="\n", compression=compression
        )


def read_tsv(path, required=(), text=("sample", "donor", "compartment", "condition", "lineage", "contrast")):
    """Read a TSV; identifiers in ``text`` stay strings ("01" is not 1, "NA" is not missing).

    Raises
    ------
    UserError
        If a column of ``required`` is missing.
    """
    frame = pd.read_csv(path, sep="\t", dtype=dict.fromkeys(text, str), keep_default_na=False, na_values=[""])
    missing = [column for column in required if column not in frame.columns]
    if missing:
        raise UserError(f"{path}: column '{missing[0]}' is missing; it has {', '.join(frame.columns)}")
    return frame


def write_parquet(frame, path):
    """Write ``frame`` without its index as parquet (zstd)."""
    with replacing(path) as temporary:
        frame.to_parquet(temporary, index=False, compression="zstd")


def write_json(value, path):
    """Write ``value`` as indented JSON; NaN is not JSON and is refused."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n")


def read_json(path):
    """Read a JSON file."""
    with open(path) as handle:
        return json.load(handle)
