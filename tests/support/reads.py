"""FASTQ files made for tests, and a small list of barcodes in place of those of ngs-tools."""

import gzip
import os
import shutil

import numpy as np
import pytest

from compartments.reads.chemistries import CHEMISTRIES
from tests.support.runs import ROOT

# programs of the counters as profile `local` finds them
PROGRAMS = f"{ROOT / '.tools' / 'counts' / 'bin'}:{os.environ['PATH']}"
ACGT = np.frombuffer(b"ACGT", np.uint8)


def barcodes(n=200):
    """Name of each chemistry's list -> its barcodes, which no other has."""
    rng = np.random.default_rng(1)
    drawn = ACGT[rng.integers(0, 4, (len(CHEMISTRIES) * n, 16))]
    words = [word.tobytes() for word in drawn]
    return {one.barcodes: words[k * n : (k + 1) * n] for k, one in enumerate(CHEMISTRIES)}


def use_small_lists(monkeypatch):
    """Let the lists be those of :func:`barcodes`."""
    known = barcodes()
    for room in ("chemistries", "starsolo", "alevin_fry"):
        monkeypatch.setattr(f"compartments.reads.{room}.barcodes_of", lambda name: b"\n".join(known[name]) + b"\n")
    return known


def write_fastq(path, bases, names=None, packed=True):
    """Write reads; they are called r0, r1 ... unless named."""
    names = names or [f"r{n}" for n in range(len(bases))]
    text = b"".join(
        b"@%s x\n%s\n+\n%s\n" % (name.encode(), read, b"F" * len(read)) for name, read in zip(names, bases, strict=True)
    )
    path.write_bytes(gzip.compress(text, 1) if packed else text)
    return str(path)


def lane(folder, known, n=300, *, umi=12, foreign=0.05, seed=2, name="S_L001", start=0):
    """A lane whose barcodes are in a list, but for a share of them: paths of its two files."""
    rng = np.random.default_rng(seed)
    tails = ACGT[rng.integers(0, 4, (n, umi))]
    strange = ACGT[rng.integers(0, 4, (n, 16))]
    own = [strange[k].tobytes() if rng.random() < foreign else known[rng.integers(len(known))] for k in range(n)]
    first = [barcode + tail.tobytes() for barcode, tail in zip(own, tails, strict=True)]
    second = [bases.tobytes() for bases in ACGT[rng.integers(0, 4, (n, 90))]]
    names = [f"r{start + k}" for k in range(n)]
    return (
        write_fastq(folder / f"{name}_R1_001.fastq.gz", first, names),
        write_fastq(folder / f"{name}_R2_001.fastq.gz", second, names),
    )


def at_hand(name):
    """Whether a program of the counters is here."""
    return bool(shutil.which(name, path=PROGRAMS))


def known_barcodes(name):
    """A list of ngs-tools, from the environment of the counter; the test is skipped where that or STAR is not here."""
    package = ROOT / ".tools" / "counts" / "lib" / "python3.12" / "site-packages" / "ngs_tools"
    path = package / "chemistry" / "whitelists" / f"{name}_whitelist.txt.gz"
    if not (at_hand("STAR") and path.exists()):
        pytest.skip("STAR or its environment is not here: make setup-counts")
    return gzip.decompress(path.read_bytes()).split()
