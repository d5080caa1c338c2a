"""What is known of a sample's reads before any is mapped."""

import gzip
from pathlib import Path

import pytest

from compartments.core.errors import UserError
from compartments.reads.chemistries import chemistry_named
from compartments.reads.looks import Lane, look_into
from tests.support.reads import lane, use_small_lists


@pytest.fixture
def known(monkeypatch):
    return use_small_lists(monkeypatch)


def lanes_of(tmp_path, known, *several):
    """Lanes of chemistries, in their order, with reads of their own."""
    made = []
    for number, (name, umi) in enumerate(several):
        words = known[name]
        own = lane(tmp_path, words, umi=umi, seed=number, name=f"S_L00{number}", start=1000 * number)
        made.append(Lane(*own))
    return made


def test_chemistry_reads_and_length_are_found(tmp_path, known):
    look = look_into(lanes_of(tmp_path, known, ("10x_version3", 12), ("10x_version3", 12)))
    assert (look.chemistry.name, look.chemistry.umi, look.reads, look.length) == ("10x v3", 12, 600, 90)
    assert look.shares["10x v3"] > 0.9 and look.shares["10x v2"] == 0


def test_a_chemistry_that_is_named_is_held_against_the_reads(tmp_path, known):
    (one,) = lanes_of(tmp_path, known, ("10x_version2", 10))
    assert list(look_into([one], chemistry_named("5' v2")).chemistry.strands) == ["Reverse"]
    with pytest.raises(UserError, match=r"0% of the reads of 'S_L000_R1_001.fastq.gz' have a barcode of 10x v3, 9\d%"):
        look_into([one], chemistry_named("3' v3"))


def swapped(one):
    return [Lane(one.second, one.first)]


def twice(one):
    return [one, one]


def other_mate(one):
    text = gzip.decompress(Path(one.second).read_bytes()).replace(b"@r2 ", b"@r999 ")
    Path(one.second).write_bytes(gzip.compress(text))
    return [one]


def fewer(one):
    text = gzip.decompress(Path(one.second).read_bytes()).split(b"@r299 ")[0]
    Path(one.second).write_bytes(gzip.compress(text))
    return [one]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (swapped, "fastq_1 and fastq_2 are swapped"),
        (twice, "have the same reads: give every lane once"),
        (other_mate, "are not mates: read 3 is 'r2' and 'r999'"),
        (fewer, "has 300 reads, 'S_L000_R2_001.fastq.gz' 299"),
    ],
)
def test_mistakes_are_one_line(tmp_path, known, change, line):
    (one,) = lanes_of(tmp_path, known, ("10x_version3", 12))
    with pytest.raises(UserError, match=line):
        look_into(change(one))


def test_lanes_of_two_chemistries_are_two_libraries(tmp_path, known):
    with pytest.raises(UserError, match=r"'S_L001_R1_001.fastq.gz' is of 10x v2 .* lanes of one sample"):
        look_into(lanes_of(tmp_path, known, ("10x_version3", 12), ("10x_version2", 10)))


def test_reads_of_no_list_and_of_two(tmp_path, known):
    foreign = Lane(*lane(tmp_path, known["10x_version3"], foreign=1.0))
    with pytest.raises(UserError, match="0.0% of the reads of .* have a barcode of 10x; .*not GEM-X 5' v3"):
        look_into([foreign])
    both = [*known["10x_version3"], *known["10x_version4"]]
    with pytest.raises(UserError, match=r"may be of 10x v. \(\d\d% .* or of 10x v. .* column chemistry"):
        look_into([Lane(*lane(tmp_path, both, name="T"))])
