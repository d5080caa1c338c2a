"""Lists of the barcodes that there are, from the package ngs-tools: nothing of them is kept here."""

import gzip
from importlib.util import find_spec
from pathlib import Path

V3 = "10x_version3"


def barcodes_of(name: str) -> bytes:
    """A list of barcodes, one on each line.

    Parameters
    ----------
    name : str
        As ngs-tools names it.

    Raises
    ------
    ModuleNotFoundError
        ngs-tools is not installed.
    """
    spec = find_spec("ngs_tools")
    if spec is None or not spec.origin:
        raise ModuleNotFoundError("No module named 'ngs_tools'", name="ngs_tools")
    packed = Path(spec.origin).parent / "chemistry" / "whitelists" / f"{name}_whitelist.txt.gz"
    return gzip.decompress(packed.read_bytes()).rstrip(b"\n") + b"\n"
