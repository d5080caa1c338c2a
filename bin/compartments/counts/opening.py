"""Files that may be packed, and what they raise when they are damaged."""

import gzip
import zlib

READ_ERRORS = (OSError, EOFError, zlib.error, KeyError, ValueError, RuntimeError, UnicodeDecodeError)


def open_binary(path):
    return gzip.open(path, "rb") if _is_gzip(path) else open(path, "rb")


def open_text(path):
    return gzip.open(path, "rt") if _is_gzip(path) else open(path)


def _is_gzip(path):
    with open(path, "rb") as handle:
        return handle.read(2) == b"\x1f\x8b"


def first_line(error):
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
