"""Files that may be packed, and what they raise when they cannot be read."""

import contextlib
import errno
import gzip
import io
import re
import zlib
from pathlib import Path
from typing import cast

from compartments.core.errors import UserError
from compartments.core.packing import GZIP, LONGEST, packing_of
from compartments.counts.hdf5 import missing_codecs

READ_ERRORS = (
    OSError, EOFError, zlib.error, KeyError, ValueError, RuntimeError, TypeError, AttributeError, IndexError,
    OverflowError,
)  # fmt: skip
OF_R = (b"X\n\0\0", b"RDX", b"A\n", b"RDA")  # as R begins what it saves
NESTED = 3  # times that a file may be packed with gzip
LOCKED = re.compile(r"unable to lock file|Resource temporarily unavailable", re.I)


def open_binary(path: Path) -> gzip.GzipFile | io.BufferedReader:
    """The content of a file, unpacked if it is packed with gzip (once or more), whatever its name says.

    Raises
    ------
    UserError
        If it is packed in another way.
    """
    handle: gzip.GzipFile | io.BufferedReader = io.BufferedReader(io.FileIO(path))
    for _ in range(NESTED):
        if handle.peek(2)[:2] != GZIP:
            break
        handle = gzip.GzipFile(fileobj=handle, mode="rb")
    if packing := packing_of(handle.peek(LONGEST)):
        raise UserError(f"{path}: packed with {packing.name}; unpack it ({packing.command}), or pack it with gzip")
    return handle


def open_text(path: Path) -> io.TextIOBase:
    """The same as text in UTF-8, without a byte order mark."""
    return io.TextIOWrapper(cast(io.BufferedReader, open_binary(path)), encoding="utf-8-sig")


def not_hdf5(path: Path) -> str:
    """What a file that is no HDF5 is, and what to do, told from its first bytes."""
    with open(path, "rb") as handle:
        start = handle.read(512)
    text = start.lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if not start:
        return "empty, not an HDF5 file; copy or export it again"
    unpacked = start
    with contextlib.suppress(zlib.error):
        unpacked = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(start, 8) if start.startswith(GZIP) else start
    if unpacked.startswith(OF_R):
        return "a file of R (saveRDS, save), not an HDF5 file; write its counts as a 10x folder (DropletUtils) or h5ad"
    if packing := packing_of(start):
        return f"packed with {packing.name}: not an HDF5 file as it is; unpack it ({packing.command})"
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "a web page, not an HDF5 file: a failed download; get the file itself"
    if text.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS, not an HDF5 file itself; get it with 'git lfs pull'"
    if text.startswith(b"%%matrixmarket"):
        return "the matrix of a folder, not an HDF5 file; name the folder that holds it with barcodes and features"
    return (
        "not an HDF5 file, or cut off at its start; expected a 10x h5, an h5ad, a CellBender h5, or a folder with "
        "matrix.mtx, barcodes.tsv and features.tsv"
    )


def unreadable(path: str | Path, error: BaseException) -> UserError:
    """The line for a file that could not be read: permission, lock, filter or encoding if it is that, else damage."""
    said = first_line(error)
    number = getattr(error, "errno", None)
    if isinstance(error, PermissionError) or number in (errno.EACCES, errno.EPERM) or "Permission denied" in said:
        place = getattr(error, "filename", None) or path
        return UserError(f"{place}: no permission to read it; have read access given (chmod a+r, of folders a+rx)")
    if number in (errno.EAGAIN, errno.EWOULDBLOCK) or LOCKED.search(said):
        return UserError(
            f"{path}: locked, another program has it open for writing; close it there, or give a finished copy"
        )
    if isinstance(error, UnicodeDecodeError):
        return UserError(f"{path}: text that is not UTF-8 ({said}); save it as UTF-8")
    if codecs := missing_codecs(path):
        return UserError(
            f"{path}: values packed with {codecs}, which cannot be read here; where it was made, write it again with "
            "gzip (AnnData: write_h5ad(path, compression='gzip'); else h5repack -f GZIP=4 old.h5 new.h5)"
        )
    return UserError(f"{path}: damaged or cut off ({said}); copy or export it again")


def first_line(error: BaseException) -> str:
    """What an error says, short enough for a line."""
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
