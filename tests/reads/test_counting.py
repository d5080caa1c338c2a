"""Reads of known counts, counted by STARsolo and by alevin-fry: the counts come back."""

import json
import os
import subprocess

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from compartments.core.tenx import read_10x_h5
from compartments.reads.counting import COUNTERS
from compartments.reads.star import summary_of
from compartments.simulate.reads import make_genome, write_genome, write_reads
from tests.support.reads import PROGRAMS, at_hand, known_barcodes
from tests.support.runs import ROOT, step

PYTHON = ROOT / ".tools" / "counts" / "bin" / "python"
CELLS, EMPTY, GENES = 60, 900, 300
# counter, reads of a molecule beyond its first, wrong bases
DEPTHS = [(1.5, 0.003), (0.5, 0.001), (7.0, 0.001), (7.0, 0.003)]
RUNS = [(counter, *depth) for counter in ("starsolo", "alevin-fry") for depth in DEPTHS]
RUNS = [one if one == RUNS[0] else pytest.param(one, marks=pytest.mark.long) for one in RUNS]


def call(folder, name, *arguments):
    """Run a step in the environment of the counter; what it says is wrong."""
    command = [str(PYTHON), *step(name, *arguments)[1:]]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=os.environ | {"PATH": PROGRAMS})
    assert done.returncode == 0, done.stderr
    problems = folder / "problems.txt"
    return problems.read_text() if problems.exists() else ""


def counts_of(folder, counter, *lanes):
    """From genome, genes and lanes to counts, barcodes and names of genes, and what is said of the reads."""
    missing = [one.name for one in COUNTERS[counter].programs if not at_hand(one.name)]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not here: make setup-counts")
    by, index = ("--counter", counter), f"index_{counter}"
    first, second = zip(*lanes, strict=True)
    genome = ("--fasta", "genome.fa", "--gtf", "genes.gtf")
    files = ("--fastq_1", *first, "--fastq_2", *second)
    assert call(folder, "inspect_reads", "--sample", "S", *files) == ""
    assert call(folder, "check_genome", *genome, *by) == ""
    if not (folder / index).exists():
        call(folder, "build_index", "--genome", "genome.json", *genome, "--out", index, *by)
    assert call(folder, "find_strand", "--look", "S.look.json", *files, "--index", index, *by) == ""
    call(folder, "count_reads", "--strand", "S.strand.json", *files, "--index", index, "--cpus", "2", *by)
    counts, barcodes, names, _ids = read_10x_h5(folder / "S.counted.h5")
    return counts, barcodes, names, json.loads((folder / "samples" / "S" / "S.reads.json").read_text())


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Counts of cells and empty droplets and their barcodes, a genome: folder, counts, barcodes, genome, names."""
    known = known_barcodes("10x_version3")
    folder = tmp_path_factory.mktemp("star")
    rng = np.random.default_rng(4)
    names = [f"GENE{n}" for n in range(GENES - 5)] + [f"MT-{n}" for n in range(5)]
    genome = make_genome(names, [f"ENSG{n:011d}" for n in range(GENES)], 1)
    write_genome(genome, folder / "genome.fa", folder / "genes.gtf")
    share = rng.lognormal(0, 1.6, GENES)
    umis = np.concatenate([rng.lognormal(np.log(500), 0.5, CELLS).astype(int), rng.poisson(6, EMPTY)])
    truth = sp.csr_matrix(np.array([rng.multinomial(n, share / share.sum()) for n in umis], np.int32))
    barcodes = [known[n].decode() for n in rng.choice(len(known), len(umis), replace=False)]
    return folder, truth, barcodes, genome, names


@pytest.fixture(scope="module", params=RUNS, ids=lambda one: "-".join(map(str, one)))
def counted(made, request):
    """Truth, what is found of it, what is said of the reads, folder, counter, reads of a molecule beyond its first."""
    folder, truth, barcodes, genome, names = made
    counter, copies, errors = request.param
    write_reads(truth, barcodes, genome, folder / "S_L001", seed=5, copies=copies, errors=errors)
    found, listed, genes, figures = counts_of(folder, counter, [f"S_L001_R{mate}_001.fastq.gz" for mate in (1, 2)])
    assert genes == names
    rows = {barcode: n for n, barcode in enumerate(listed)}
    empty = sp.csr_matrix((1, found.shape[1]), dtype=found.dtype)
    found = sp.vstack([found, empty]).tocsr()[[rows.get(barcode, -1) for barcode in barcodes]]
    return truth, found, figures, folder, (counter, copies)


def test_every_molecule_is_counted_once(counted):
    truth, found, _figures, _folder, _asked = counted
    assert 0.99 <= found.sum() / truth.sum() <= 1.01
    assert 0.98 <= found[CELLS:].sum() / truth[CELLS:].sum() <= 1.02
    totals = [np.asarray(counts.sum(1)).ravel() for counts in (found, truth)]
    assert np.corrcoef(*totals)[0, 1] >= 0.999
    cells = [counts[:CELLS].toarray().ravel() for counts in (found, truth)]
    assert np.corrcoef(*cells)[0, 1] >= 0.999


def test_what_is_said_of_the_reads(counted):
    truth, found, figures, folder, (counter, copies) = counted
    assert figures["chemistry"] == "3' v3" and figures["strand"] == "Forward"
    assert figures["reads"] == figures["reads_used"] > (0.95 + copies) * truth.sum()
    assert abs(figures["saturation"] - copies / (1 + copies)) < 0.03
    assert figures["mapped"] > 0.95 and figures["valid_barcodes"] > 0.98
    if counter == "starsolo":
        assert figures["q30_barcode"] == figures["q30_rna"] == 1
    assert 0.85 < figures["share_exonic"] < 0.95, "a fifth of the molecules is unspliced, half of it primed in introns"
    assert figures["umis"] >= found.sum()
    assert (folder / "samples" / "S" / f"S.{COUNTERS[counter].log}").stat().st_size
    said = [f"{one.name}=" for one in COUNTERS[counter].programs]
    assert all(name in (folder / ".versions").read_text() for name in said)


@pytest.mark.long
def test_reads_of_another_species_are_one_line(counted):
    _truth, _found, _figures, folder, (counter, _copies) = counted
    other = make_genome([f"GENE{n}" for n in range(20)], [f"ENSG{n:011d}" for n in range(20)], 2)
    write_reads(sp.csr_matrix(np.full((50, 20), 2, np.int32)), ["A" * 16] * 50, other, folder / "T", seed=1)
    look = {"sample": "T", "strands": ["Forward"], "chemistry": "10x v3", "umi": 12}
    (folder / "T.look.json").write_text(json.dumps(look))
    files = ("--fastq_1", "T_R1_001.fastq.gz", "--fastq_2", "T_R2_001.fastq.gz")
    given = (*files, "--index", f"index_{counter}", "--counter", counter)
    problem = call(folder, "find_strand", "--look", "T.look.json", *given)
    assert problem.startswith("sample 'T', column 'fastq_2': 0% of the first reads are placed on the genome, where 25%")
    assert problem.count("\n") == 1 and not (folder / "T.strand.json").exists()


@pytest.mark.long
def test_real_reads_of_two_lanes(real_data, tmp_path):
    """200,000 real pairs on the transcripts of chromosome 21, where 35.8 % of them are from; kb finds 31,359 UMIs."""
    known_barcodes("10x_version3")
    given = real_data / "fastq"
    genes = pd.read_csv(given / "chr21_t2g_derived.tsv", sep="\t", header=None, index_col=0)[1]
    records = (given / "transcriptome.chr21.fa").read_text().split(">")[1:]
    parts = [record.partition("\n") for record in records]
    lengths = {head.split()[0]: len(bases.replace("\n", "")) for head, _break, bases in parts}
    (tmp_path / "genome.fa").symlink_to(given / "transcriptome.chr21.fa")
    with open(tmp_path / "genes.gtf", "w") as gtf:
        for name, length in lengths.items():
            words = f'gene_id "{genes[name]}"; gene_name "{genes[name]}"; transcript_id "{name}";'
            gtf.write(f"{name}\tcDNA\texon\t1\t{length}\t.\t+\t.\t{words}\n")
    lanes = [sorted(map(str, given.glob(f"*_L00{lane}_R?_001.fastq.gz"))) for lane in (1, 2)]
    found, barcodes, listed, figures = counts_of(tmp_path, "starsolo", *lanes)
    assert figures["chemistry"] == "3' v3" and figures["reads_used"] == 200_000
    many = summary_of(tmp_path / "samples" / "S" / "S.Log.final.out")["% of reads mapped to too many loci"]
    assert figures["mapped"] + many == pytest.approx(0.358, abs=0.002), "isoforms are contigs of their own here"
    assert figures["valid_barcodes"] > 0.9
    assert set(listed) == set(genes.loc[list(lengths)])
    assert found.sum() == figures["umis"] and len(barcodes) == found.shape[0]
    assert 0.94 < figures["umis"] / 31_359 < 1, "kb keeps UMIs with errors"
