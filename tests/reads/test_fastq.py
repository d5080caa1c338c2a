"""FASTQ files: reads, their number, and what is wrong with a file."""

import gzip

import pytest

from compartments.core.errors import UserError
from compartments.reads.fastq import Read, count_reads, first_reads
from tests.support.reads import write_fastq

READS = [b"ACGT", b"GG", b"TTT"]


@pytest.mark.parametrize("packed", [True, False])
def test_reads_and_their_number(tmp_path, packed):
    path = write_fastq(tmp_path / "a.fastq.gz", READS, ["a/1", "b/1", "c"], packed)
    assert first_reads(path, 2) == [Read("a", b"ACGT"), Read("b", b"GG")]
    assert len(first_reads(path, 9)) == count_reads(path) == 3


def test_a_last_line_without_a_break_is_a_line(tmp_path):
    path = tmp_path / "a.fq"
    path.write_bytes(b"@a\nAC\n+\nFF\n@b\nAC\n+\nFF")
    assert count_reads(path) == len(first_reads(path, 9)) == 2


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\n\n\n"])
def test_blank_lines_at_the_end_are_no_read(tmp_path, end):
    path = tmp_path / "a.fq"
    path.write_bytes(b"@a\nAC\n+\nFF\n@b\nAC\n+\nFF\n" + end)
    assert count_reads(path) == len(first_reads(path, 9)) == 2


def test_a_last_read_without_bases_is_a_read(tmp_path):
    path = tmp_path / "a.fq"
    path.write_bytes(b"@a\nAC\n+\nFF\n@b\n\n+\n\n")
    assert count_reads(path) == len(first_reads(path, 9)) == 2


@pytest.mark.parametrize(
    ("names", "name"),
    [
        (("r7/1", "r7/2", "r7/3"), "r7"),
        (("r7_1", "r7_2"), "r7"),
        (("SRR1.7.1 7 length=28", "SRR1.7.2 7 length=90"), "SRR1.7"),
        (("SRR1.2 A00:1:2/1", "SRR1.2 A00:1:2/2"), "SRR1.2"),
    ],
)
def test_mates_have_one_name(tmp_path, names, name):
    for number, header in enumerate(names):
        path = write_fastq(tmp_path / f"{number}.fq", [b"ACGT"], [header], False)
        assert first_reads(path, 1)[0].name == name


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "has no reads"),
        (gzip.compress(b"", mtime=0), "has no reads"),
        (b">chr1\nACGT\n", "is not FASTQ: line 1"),
        (b"@a\nAC\n+\nFF\n@b\nAC\n-\nFF\n", "is not FASTQ: line 5"),
        (b"@a\nAC\n+\nFFF\n", "line 4: 3 qualities for 2 bases"),
        (b"@a\nAC\n+\nFF\n@b\nAC\n", "ends in the middle of a read"),
        (b"BZh91AY", "packed with bzip2"),
        (gzip.compress(b"@a\nAC\n+\nFF\n" * 9, mtime=0)[:-12], "ends in the middle .truncated gzip"),
        (gzip.compress(b"", mtime=0)[:10] + b"\x07" + bytes(20), "is damaged"),
    ],
    ids=["empty", "empty gzip", "FASTA", "no plus", "qualities", "cut", "bzip2", "truncated", "damaged"],
)
def test_what_is_wrong_with_a_file_is_one_line(tmp_path, content, line):
    path = tmp_path / "lane.fastq.gz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=line) as error:
        first_reads(path, 100)
    assert "'lane.fastq.gz'" in str(error.value)


def test_a_file_that_is_cut_behind_its_head_is_found_by_the_count(tmp_path):
    path = tmp_path / "a.fastq.gz"
    path.write_bytes(gzip.compress(b"@a\nAC\n+\nFF\n" * 5000, mtime=0)[:-9])
    with pytest.raises(UserError, match="truncated"):
        count_reads(path)
    path.write_bytes(b"@a\nAC\n+\nFF\n@b\nAC\n")
    with pytest.raises(UserError, match="6 lines"):
        count_reads(path)
