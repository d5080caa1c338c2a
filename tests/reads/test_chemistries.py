"""Chemistries: by name, by the barcodes of the reads, by the length of read 1."""

import re

import numpy as np
import pytest

from compartments.core.errors import UserError
from compartments.reads.chemistries import CHEMISTRIES, chemistry_named, codes_of, of_length, packed, shares, winner
from tests.support.reads import use_small_lists

BY_NAME = {one.name: one for one in CHEMISTRIES}


@pytest.mark.parametrize(
    ("word", "name", "strands"),
    [
        ("3' v3", "10x v3", ["Forward"]),
        ("10x Chromium 3prime v3.1", "10x v3", ["Forward"]),
        ("SC3Pv2", "10x v2", ["Forward"]),
        ("5' v2", "10x v2", ["Reverse"]),
        ("SC5P-R2", "10x v2", ["Reverse"]),
        ("v2", "10x v2", ["Forward", "Reverse"]),
        ("10xv4", "10x v4", ["Forward", "Reverse"]),
        ("5' v3", "10x v4", ["Reverse"]),
        ("ARC-v1", "10x multiome", ["Forward"]),
        ("GEM-X 5' v3", "10x v4", ["Reverse"]),
        ("GEM-X", "10x v4", ["Forward", "Reverse"]),
        ("Single Cell 3' v3", "10x v3", ["Forward"]),
        ("Chromium Next GEM Single Cell 3' Kit v3.1", "10x v3", ["Forward"]),
        ("3' v3 HT", "10x v3", ["Forward"]),
        ("Single Cell 5' R2-only v3", "10x v4", ["Reverse"]),
        ("Single Cell 3' v4 (polyA)", "10x v4", ["Forward"]),
        ("Single Cell Multiome (ATAC + Gene Expression) v1", "10x multiome", ["Forward"]),
    ],
)
def test_names(word, name, strands):
    found = chemistry_named(word)
    assert (found.name, list(found.strands)) == (name, strands)


def test_a_name_that_no_chemistry_has():
    for word in ("Smart-seq2", "inDrops v3", "3'", "3' v1", "Flex v2", "3' v2 or v3", "v9", "?"):
        with pytest.raises(UserError, match=re.escape(f"no chemistry of reads is called '{word}'; give one of")):
            chemistry_named(word)


def test_bases_as_numbers():
    text = np.frombuffer(b"AAACCCGGGTTTAACG", np.uint8).reshape(4, 4)
    assert packed(text).tolist() == [1, 90, 191, 6]


def test_shares_of_reads_with_a_barcode(monkeypatch):
    known = use_small_lists(monkeypatch)
    v3, v2 = known["10x_version3"], known["10x_version2"]
    reads = [word + b"ACGTACGTACGT" for word in [*v3[:60], *v2[:20]]] + [b"ACG"] * 20
    found = shares(reads)
    assert found["10x v3"] == 0.6 and found["10x v2"] == 0.2 and found["10x v4"] == 0
    assert (np.diff(codes_of(BY_NAME["10x v3"]).astype(object)) > 0).all()


@pytest.mark.parametrize(
    ("found", "name"),
    [
        ({"10x v2": 0.01, "10x v3": 0.95}, "10x v3"),
        ({"10x v2": 0.30, "10x v3": 0.65}, None),
        ({"10x v2": 0.01, "10x v3": 0.55}, None),
    ],
)
def test_the_chemistry_is_taken_where_it_is_plain(found, name):
    assert winner(found) == BY_NAME.get(name)


def test_read_1_says_how_long_its_umi_is():
    v3 = BY_NAME["10x v3"]
    assert [of_length(v3, n).umi for n in (26, 27, 28, 150)] == [10, 10, 12, 12]
    with pytest.raises(UserError, match="read 1 has 25 bases, 10x v3 needs 28"):
        of_length(v3, 25)
