"""Reads of known counts, counted by STARsolo: the counts come back."""

import json
import os
import subprocess

import h5py
import numpy as np
import pytest
import scipy.sparse as sp

from compartments.simulate.reads import make_genome, write_genome, write_reads
from tests.support.reads import known_barcodes
from tests.support.runs import ROOT, step

PYTHON = ROOT / ".tools" / "counts" / "bin" / "python"
CELLS, EMPTY, GENES = 60, 900, 300


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run a step in the environment of the counter; its folder, and what it said if it failed."""
    folder = tmp_path_factory.mktemp("star")

    def call(name, *arguments):
        command = [str(PYTHON), *step(name, *arguments)[1:]]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=os.environ)
        assert done.returncode == 0, done.stderr
        problems = folder / "problems.txt"
        assert not problems.exists() or not problems.read_text(), problems.read_text()

    return folder, call


# reads of a molecule beyond its first, wrong bases
DEPTHS = [
    (1.5, 0.003),
    *(pytest.param(one, marks=pytest.mark.long) for one in [(0.5, 0.001), (7.0, 0.001), (7.0, 0.003)]),
]


@pytest.fixture(scope="module", params=DEPTHS)
def counted(run, request):
    """Truth, what is found of it, what is said of the reads, folder, reads of a molecule beyond its first."""
    folder, call = run
    copies, errors = request.param
    rng = np.random.default_rng(4)
    names = [f"GENE{n}" for n in range(GENES - 5)] + [f"MT-{n}" for n in range(5)]
    genome = make_genome(names, [f"ENSG{n:011d}" for n in range(GENES)], 1)
    write_genome(genome, folder / "genome.fa", folder / "genes.gtf")
    share = rng.lognormal(0, 1.6, GENES)
    umis = np.concatenate([rng.lognormal(np.log(500), 0.5, CELLS).astype(int), rng.poisson(6, EMPTY)])
    truth = sp.csr_matrix(np.array([rng.multinomial(n, share / share.sum()) for n in umis], np.int32))
    known = known_barcodes("10x_version3")
    barcodes = [known[n].decode() for n in rng.choice(len(known), len(umis), replace=False)]
    write_reads(truth, barcodes, genome, folder / "S_L001", seed=5, copies=copies, errors=errors)
    first, second = (f"S_L001_R{mate}_001.fastq.gz" for mate in (1, 2))
    call("inspect_reads", "--sample", "S", "--fastq_1", first, "--fastq_2", second)
    call("check_genome", "--fasta", "genome.fa", "--gtf", "genes.gtf")
    if not (folder / "index").exists():
        call("build_index", "--genome", "genome.json", "--fasta", "genome.fa", "--gtf", "genes.gtf", "--out", "index")
    call("find_strand", "--look", "S.look.json", "--fastq_2", second, "--index", "index")
    files = ("--fastq_1", first, "--fastq_2", second)
    call("count_reads", "--strand", "S.strand.json", *files, "--index", "index", "--cpus", "2")
    with h5py.File(folder / "S.counted.h5") as handle:
        matrix = handle["matrix"]
        found = sp.csr_matrix((matrix["data"][:], matrix["indices"][:], matrix["indptr"][:]))
        rows = {barcode.decode(): n for n, barcode in enumerate(matrix["barcodes"][:])}
        listed = [name.decode() for name in matrix["features/name"][:]]
    assert listed == names
    empty = sp.csr_matrix((1, found.shape[1]), dtype=found.dtype)
    found = sp.vstack([found, empty]).tocsr()[[rows.get(barcode, -1) for barcode in barcodes]]
    return truth, found, json.loads((folder / "samples" / "S" / "S.reads.json").read_text()), folder, copies


def test_every_molecule_is_counted_once(counted):
    truth, found, _figures, _folder, _copies = counted
    assert 0.99 <= found.sum() / truth.sum() <= 1.01
    assert 0.98 <= found[CELLS:].sum() / truth[CELLS:].sum() <= 1.02
    totals = [np.asarray(counts.sum(1)).ravel() for counts in (found, truth)]
    assert np.corrcoef(*totals)[0, 1] >= 0.999
    cells = [counts[:CELLS].toarray().ravel() for counts in (found, truth)]
    assert np.corrcoef(*cells)[0, 1] >= 0.999


def test_what_is_said_of_the_reads(counted):
    truth, found, figures, folder, copies = counted
    assert figures["chemistry"] == "3' v3" and figures["strand"] == "Forward"
    assert figures["reads"] == figures["reads_used"] > (0.95 + copies) * truth.sum()
    assert abs(figures["saturation"] - copies / (1 + copies)) < 0.03
    assert figures["mapped"] > 0.95 and figures["valid_barcodes"] > 0.98
    assert figures["q30_barcode"] == figures["q30_rna"] == 1
    assert 0.85 < figures["share_exonic"] < 0.95, "a fifth of the molecules is unspliced, half of it primed in introns"
    assert figures["umis"] >= found.sum()
    assert "Uniquely mapped" in (folder / "samples" / "S" / "S.Log.final.out").read_text()
