"""Files that may be packed, and what they raise when they are damaged."""

import gzip
import io
import zlib
from pathlib import Path

READ_ERRORS = (OSError, EOFError, zlib.error, KeyError, ValueError, RuntimeError, UnicodeDecodeError)


def open_binary(path: Path) -> gzip.GzipFile | io.BufferedReader:
    """The content of a file, unpacked if it is packed, whatever its name says."""
    return gzip.open(path, "rb") if _is_gzip(path) else open(path, "rb")


def open_text(path: Path) -> io.TextIOBase:
    """The same as text."""
    return gzip.open(path, "rt") if _is_gzip(path) else open(path)


def _is_gzip(path: Path) -> bool:
    with open(path, "rb") as handle:
        return handle.read(2) == b"\x1f\x8b"


def first_line(error: BaseException) -> str:
    """What an error says, short enough for a line."""
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
