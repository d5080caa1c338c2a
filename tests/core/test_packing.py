"""Packed files, told from their first bytes."""

import bz2
import gzip
import lzma

import pytest

from compartments.core.packing import packing_of


@pytest.mark.parametrize(
    ("start", "name", "command"),
    [
        (gzip.compress(b"a", mtime=0), "gzip", "gunzip"),
        (bz2.compress(b"a"), "bzip2", "bunzip2"),
        (lzma.compress(b"a"), "xz", "unxz"),
        (b"\x28\xb5\x2f\xfd\x04", "zstd", "zstd -d"),
    ],
)
def test_what_a_file_is_packed_with(start, name, command):
    assert packing_of(start) == (name, command)


def test_other_files_are_not_packed():
    assert packing_of(b"") is packing_of(b"sample,donor") is packing_of(b"\x89HDF\r\n") is None
