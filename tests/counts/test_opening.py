"""Packed files, whatever their names say."""

import gzip

from compartments.counts.opening import first_line, open_binary, open_text


def test_packed_and_plain_files_are_told_from_their_content(tmp_path):
    (tmp_path / "plain.gz").write_text("a\n")
    (tmp_path / "packed.tsv").write_bytes(gzip.compress(b"a\n"))
    for path in tmp_path.iterdir():
        with open_text(path) as text, open_binary(path) as binary:
            assert text.read() == "a\n" and binary.read() == b"a\n"


def test_errors_in_a_line():
    assert first_line(OSError("cut off\nat byte 7")) == "cut off" and first_line(EOFError()) == "EOFError"
    assert len(first_line(ValueError("x" * 1000))) == 160
