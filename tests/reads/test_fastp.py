"""fastp: asked for all reads as they are, its figures are of them, and what it cannot do is one line."""

import json
import shutil

import pytest

from compartments.core.errors import UserError
from compartments.reads.fastp import look_at_reads
from tests.support.reads import lane, write_fastq


@pytest.fixture
def pair(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lane(tmp_path, [b"ACGT" * 4], n=200)


def stand_in(folder, monkeypatch, text):
    """A program of the name that runs a line of the shell."""
    (folder / "fastp").write_text(f"#!/bin/sh\n{text}\n")
    (folder / "fastp").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")


def test_reads_are_read_as_they_are(tmp_path, pair, monkeypatch):
    """MultiQC takes the name of reads from the file on the command line; nothing is filtered or written."""
    stand_in(tmp_path, monkeypatch, 'echo "$@" > words; while [ "$1" != --json ]; do shift; done; echo "{}" > "$2"')
    look_at_reads(pair[1], "s1_lane2_R2", "s1.json")
    words = (tmp_path / "words").read_text().split()
    given = words[words.index("--in1") + 1]
    assert given.endswith("/s1_lane2_R2.fastq.gz") and (tmp_path / given).samefile(pair[1])
    assert {f"--disable_{name}" for name in ("quality_filtering", "length_filtering", "adapter_trimming")} < set(words)
    assert "--disable_trim_poly_g" in words and not {"--in2", "--out1", "--out2", "--stdout"} & set(words)


@pytest.mark.parametrize("packed", [True, False])
def test_its_figures_are_of_all_reads(tmp_path, monkeypatch, packed):
    if not shutil.which("fastp"):
        pytest.skip("fastp is not here: make setup-counts")
    monkeypatch.chdir(tmp_path)
    # short, bad and poly-G reads, in a file whose name says the opposite of what it is
    name = "r.fastq" if packed else "r.fastq.gz"
    path = write_fastq(tmp_path / name, [b"A" * 28, b"G" * 28, b"C" * 10] * 50, packed=packed)
    before = (tmp_path / name).read_bytes()
    look_at_reads(path, "s1_R1", "s1.json")
    text = (tmp_path / "s1.json").read_text()
    for moment in ("before_filtering", "after_filtering"):
        found = json.loads(text)["summary"][moment]
        assert found["total_reads"] == 150 and found["total_bases"] == 50 * (28 + 28 + 10)
    assert (tmp_path / name).read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([".reads", name, "s1.json"])
    look_at_reads(path, "s1_R1", "s1.json")
    assert (tmp_path / "s1.json").read_text() == text


def test_a_look_that_finds_nothing_is_one_line(tmp_path, pair, monkeypatch):
    stand_in(tmp_path, monkeypatch, "exit 0")
    with pytest.raises(UserError, match="fastp found nothing to say of 'S_L001_R1_001.fastq.gz'"):
        look_at_reads(pair[0], "s1", "s1.json")


def test_each_lane_has_a_file(execute, tmp_path, pair):
    if not shutil.which("fastp"):
        pytest.skip("fastp is not here: make setup-counts")
    other = lane(tmp_path, [b"ACGT" * 4], n=100, name="S_L002")
    both = ("--fastq_1", pair[0], other[0], "--fastq_2", pair[1], other[1])
    assert execute("read_quality", "--sample", "s1", *both).returncode == 0
    assert execute("read_quality", "--sample", "s2", "--fastq_1", pair[0], "--fastq_2", pair[1]).returncode == 0
    found = {path.name: json.loads(path.read_text()) for path in sorted((tmp_path / "samples").glob("*/*"))}
    reads = {name.removesuffix(".fastp.json"): one["summary"]["before_filtering"] for name, one in found.items()}
    assert {name: one["total_reads"] for name, one in reads.items()} == {
        "s1_lane1_R1": 200, "s1_lane1_R2": 200, "s1_lane2_R1": 100, "s1_lane2_R2": 100, "s2_R1": 200, "s2_R2": 200,
    }  # fmt: skip
    assert {name: one["read1_mean_length"] for name, one in reads.items() if name < "s2"} == {
        "s1_lane1_R1": 28, "s1_lane1_R2": 90, "s1_lane2_R1": 28, "s1_lane2_R2": 90,
    }  # fmt: skip
