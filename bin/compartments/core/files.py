"""Files on disk: whole or not at all, and one way to write numbers, so that the same results give the same bytes."""

import gzip
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compartments.core.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

# columns of names, which may be of digits alone
IDENTIFIERS = (
    "sample", "donor", "compartment", "condition", "lineage", "contrast", "reference", "group", "group_reference",
    "left_out", "gene_set", "network", "source", "target", "ligand", "receptor", "cohort",
)  # fmt: skip


class replacing:
    """Context manager: write to a temporary neighbour and rename it on success, so nothing stays half-written.

    >>> with replacing("table.tsv") as temporary:        # doctest: +SKIP
    ...     frame.to_csv(temporary, sep="\\t")
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        # the suffix stays last: pandas and anndata choose compression and format by it
        self.temporary = self.path.with_name(f".{os.getpid()}.{self.path.name}")

    def __enter__(self) -> Path:
        return self.temporary

    def __exit__(self, kind: type[BaseException] | None, value: object, traceback: object) -> None:
        if kind is None:
            self.temporary.replace(self.path)
        else:
            self.temporary.unlink(missing_ok=True)


def write_text(text: str, path: str | Path) -> None:
    """Write ``text`` as UTF-8."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_tsv(frame: "pd.DataFrame", path: str | Path) -> None:
    """Write ``frame`` without its index as TSV (gzip if ``path`` ends in .gz), 10 significant digits, LF, NA empty."""
    options = {"sep": "\t", "index": False, "float_format": "%.10g", "lineterminator": "\n"}
    with replacing(path) as temporary:
        if not str(path).endswith(".gz"):
            frame.to_csv(temporary, **options)
            return
        # without a name and time in the header: the temporary name changes from run to run
        with open(temporary, "wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
            frame.to_csv(packed, **options)


def read_tsv(path: str | Path, required: Iterable[str] = (), text: Iterable[str] = IDENTIFIERS) -> "pd.DataFrame":
    """Read a TSV; identifiers in ``text`` stay strings ("01" is not 1, "NA" is not missing).

    Raises
    ------
    UserError
        If a column of ``required`` is missing.
    """
    import pandas as pd

    frame = pd.read_csv(path, sep="\t", dtype=dict.fromkeys(text, str), keep_default_na=False, na_values=[""])
    missing = [column for column in required if column not in frame.columns]
    if missing:
        raise UserError(f"{path}: column '{missing[0]}' is missing; it has {', '.join(frame.columns)}")
    return frame


def write_parquet(frame: "pd.DataFrame", path: str | Path) -> None:
    """Write ``frame`` without its index as parquet (zstd)."""
    with replacing(path) as temporary:
        frame.to_parquet(temporary, index=False, compression="zstd")


def write_json(value: Any, path: str | Path) -> None:
    """Write ``value`` as indented JSON; NaN is not JSON and is refused."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Read a JSON file."""
    with open(path) as handle:
        return json.load(handle)
