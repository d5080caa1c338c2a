"""salmon and alevin-fry: which transcripts there are, which reads are used, and what of the results is kept."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp

from compartments.reads.alevin_fry import GENES, SYMBOLS, both_ways, count, needs, transcribed
from compartments.reads.chemistries import CHEMISTRIES
from compartments.reads.counted import Asked, Ways
from compartments.reads.genome import Genome
from tests.support.reads import barcodes, lane, use_small_lists

V3 = CHEMISTRIES[1]
# writes what salmon and alevin-fry would; the words of every call go into calls
STAND_IN = """#!/bin/sh
echo "$(basename $0) $@" >> calls
case "$1" in
alevin) mkdir -p placed/aux_info; echo '{"num_processed": 100, "num_mapped": 80}' > placed/aux_info/meta_info.json;;
view) printf 'ID:0\\tHI:1\\tDIR:true\\ta\\nID:0\\tHI:2\\tDIR:true\\tb\\nID:1\\tHI:1\\tDIR:false\\ta\\n'
      printf 'ID:2\\tHI:1\\tDIR:true\\ta\\nID:2\\tHI:2\\tDIR:false\\tb\\nID:3\\tHI:1\\tDIR:true\\ta\\n';;
quant) mkdir -p found; cp -r made/* found;;
esac
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder with stand-ins of the programs."""
    for name in ("salmon", "alevin-fry"):
        (tmp_path / name).write_text(STAND_IN)
        (tmp_path / name).chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    use_small_lists(monkeypatch)
    return tmp_path


def line(contig, kind, start, end, strand, words):
    return "\t".join([contig, "x", kind, str(start), str(end), ".", strand, ".", words]) + "\n"


def test_a_gene_is_its_transcripts_and_all_of_its_length():
    words = 'gene_id "E1"; transcript_id "T1"; gene_name "A";'
    lines = ["# note\n", line("1", "gene", 1, 999, "+", words), line("1", "exon", 100, 200, "+", words)]
    lines += [line("1", "exon", 400, 500, "+", words.replace("T1", "T2")), line("1", "CDS", 1, 900, "+", words)]
    lines += [line("2", "exon", 7, 9, "-", 'gene_id "E2"; transcript_id "T3";')]
    found = transcribed(lines)
    assert found.spliced == {"T1": "E1", "T2": "E1", "T3": "E2"} and found.names == {"E1": "A", "E2": "E2"}
    spans = [(row.split("\t")[0], *row.split("\t")[3:5], row.split("\t")[6]) for row in found.unspliced]
    assert spans == [("1", "100", "500", "+"), ("2", "7", "9", "-")]


def test_a_read_is_of_a_strand_when_all_its_places_are(here):
    assert both_ways("a", "b", "index", V3, 1) == Ways(2, 1, 0.8)
    called = (here / "calls").read_text().splitlines()[0]
    assert "--bc-geometry 1[1-16] --umi-geometry 1[17-28]" in called and "-1 a -2 b" in called


def made(folder, matrix, rows, genes):
    (folder / "made" / "alevin").mkdir(parents=True)
    scipy.io.mmwrite(folder / "made" / "alevin" / "quants_mat.mtx", sp.csr_matrix(matrix))
    (folder / "made" / "alevin" / "quants_mat_rows.txt").write_text("\n".join(rows) + "\n")
    columns = [f"{gene}{end}" for end in ("", "-U", "-A") for gene in genes]
    (folder / "made" / "alevin" / "quants_mat_cols.txt").write_text("\n".join(columns) + "\n")
    (folder / "made" / "featureDump.txt").write_text(
        "CB\tCorrectedReads\tMappedReads\tDeduplicatedReads\nG\t60\t50\t20\nC\t30\t25\t10\n"
    )
    (folder / "index").mkdir()
    (folder / "index" / SYMBOLS).write_text("E1\tA\nE2\tB\n")


@pytest.mark.parametrize("introns", [True, False])
def test_what_is_kept_of_its_results(here, introns):
    """Genes in the order of the GTF, droplets in that of their barcodes, none that is empty, molecules whole."""
    # columns: E2, E1 spliced, unspliced, ambiguous
    matrix = [[1, 0.5, 2, 0, 0, 0.5], [0, 0, 0, 0, 0, 0], [0, 3, 0, 1, 0, 0]]
    made(here, matrix, ["G", "T", "C"], ["E2", "E1"])
    first, second = lane(here, barcodes()[V3.barcodes], n=20)
    found = count(Asked([first], [second], V3, "Reverse", introns, 0), "index", 1)
    assert (found.ids, found.names, found.barcodes) == (["E1", "E2"], ["A", "B"], ["C", "G"])
    assert found.counts.toarray().tolist() == ([[4, 0], [1, 3]] if introns else [[3, 0], [1, 1]])
    assert (found.exonic.tolist() if introns else found.exonic) == ([3, 2] if introns else None)
    said = found.summary
    assert (said["reads_used"], said["mapped"], said["valid_barcodes"], said["in_genes"]) == (100, 0.8, 0.9, 0.75)
    assert said["saturation"] == 0.6 and said["umis"] == found.counts.sum()
    assert said["share_exonic"] == (0.625 if introns else 1)
    calls = (here / "calls").read_text()
    assert "--expected-ori rc --min-reads 1" in calls and f"--tg-map index/{GENES} --resolution parsimony-em" in calls
    assert "--small-thresh 0" in calls, "small droplets are not resolved as cr-like does"
    assert (here / "meta_info.json").exists() and not (here / "placed").exists() and not (here / "found").exists()


def test_the_first_reads_of_all_lanes_are_used(here, monkeypatch):
    made(here, np.ones((2, 6)), ["G", "C"], ["E2", "E1"])
    lanes = [lane(here, barcodes()[V3.barcodes], n=20, name=f"S_L00{k}", start=100 * k) for k in (1, 2)]
    monkeypatch.setattr("shutil.rmtree", lambda *_given, **_how: None)
    first, second = zip(*lanes, strict=True)
    count(Asked(first, second, V3, "Forward", True, 30), "index", 1)
    for mate, files in ((1, first), (2, second)):
        whole = b"".join(gzip.decompress(Path(path).read_bytes()) for path in files).split(b"\n")
        assert (here / ".used" / f"R{mate}.fastq").read_bytes().split(b"\n")[:-1] == whole[: 4 * 30]
    assert "-1 .used/R1.fastq -2 .used/R2.fastq" in (here / "calls").read_text()


def test_memory_grows_with_the_genes():
    human, small = (Genome(3_100_000_000, 194, 60_000, "", 2, bases) for bases in (1_900_000_000, 10_000_000))
    assert 11 < needs(human).gb < 13 and 20 < needs(human).gb_to_build < 22
    assert needs(small).gb < 3 and needs(small).gb_to_build == 2
