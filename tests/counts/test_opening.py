"""Packed files, whatever their names say."""

import gzip
import subprocess
import sys

import pytest

from compartments.core.errors import UserError
from compartments.counts.opening import first_line, not_hdf5, open_binary, open_text, unreadable


def test_packed_and_plain_files_are_told_from_their_content(tmp_path):
    (tmp_path / "plain.gz").write_text("a\n")
    (tmp_path / "packed.tsv").write_bytes(gzip.compress(b"a\n"))
    for path in tmp_path.iterdir():
        with open_text(path) as text, open_binary(path) as binary:
            assert text.read() == "a\n" and binary.read() == b"a\n"


def test_errors_in_a_line():
    assert first_line(OSError("cut off\nat byte 7")) == "cut off" and first_line(EOFError()) == "EOFError"
    assert len(first_line(ValueError("x" * 1000))) == 160


def test_files_packed_twice_or_in_another_way(tmp_path):
    path = tmp_path / "a.tsv.gz"
    path.write_bytes(gzip.compress(gzip.compress(b"\xef\xbb\xbfa\r\n")))
    with open_text(path) as text:
        assert text.read() == "a\n"
    for start, name in (
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"BZh91", "bzip2"),
        (b"PK\x03\x04", "zip"),
        (b"\x04\x22\x4d\x18", "lz4"),
    ):
        path.write_bytes(start + bytes(20))
        with pytest.raises(UserError, match=f"packed with {name}; unpack it"):
            open_text(path)
        assert f"packed with {name}" in not_hdf5(path)


def test_what_a_file_is_that_is_no_hdf5(tmp_path):
    path = tmp_path / "a.h5"
    for content, word in [
        (b"", "empty"), (b"\n<!DOCTYPE html><html>", "a web page"), (b"version https://git-lfs.github.com", "Git LFS"),
        (b"%%MatrixMarket matrix", "name the folder"), (gzip.compress(b"a", mtime=0), "packed with gzip"),
        (b"gene,cell\n", "expected a 10x h5"),
    ]:  # fmt: skip
        path.write_bytes(content)
        assert word in not_hdf5(path) and "not an HDF5 file" in not_hdf5(path)


def test_the_cause_is_named_before_damage():
    for error, word in [
        (PermissionError(13, "Permission denied", "f/barcodes.tsv"), "f/barcodes.tsv: no permission to read it"),
        (BlockingIOError(11, "unable to lock file, errno = 11"), "locked, another program"),
        (OSError("filter returned failure during read"), "damaged or cut off (filter returned"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "not UTF-8"),
        (EOFError("Compressed file ended"), "damaged or cut off (Compressed file ended)"),
    ]:
        assert word in str(unreadable("f", error))


def test_a_file_that_another_program_writes(tmp_path):
    import h5py

    with h5py.File(tmp_path / "a.h5", "w"):
        writer = "import h5py, sys; h5py.File(sys.argv[1], 'r')"
        reader = subprocess.run([sys.executable, "-c", writer, tmp_path / "a.h5"], capture_output=True, text=True)
    said = OSError(reader.stderr.strip().splitlines()[-1])
    assert "locked" in str(unreadable("a.h5", said))
