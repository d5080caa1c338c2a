"""A genome and its genes belong together; what an index of them needs."""

import gzip

import pytest

from compartments.core.errors import UserError
from compartments.reads.genome import Genome, kept_genes, look_at
from compartments.simulate.reads import make_genome, write_genome


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("genome")
    made = make_genome(["A", "B", "MT-C", "D"], ["E1", "E2", "E3", "E4"], 1)
    write_genome(made, folder / "g.fa", folder / "g.gtf")
    return folder / "g.fa", folder / "g.gtf", made


def test_what_the_files_hold(files, tmp_path, monkeypatch):
    fasta, gtf, made = files
    found = look_at(fasta, gtf)
    assert (found.bases, found.contigs, found.genes, found.sparse) == (sum(map(len, made.contigs.values())), 4, 4, 1)
    packed = tmp_path / "other.fa.gz"
    packed.write_bytes(gzip.compress(fasta.read_bytes()))
    assert look_at(packed, gtf) == found, "the same text under another name is the same genome"
    monkeypatch.setattr("compartments.reads.genome.LARGE", found.bases - 1)
    assert look_at(fasta, gtf).sparse == 2


@pytest.mark.parametrize(
    ("fasta", "gtf", "line"),
    [
        (lambda text: text.replace(b">chr", b">"), bytes, "has contigs such as '1', --gtf .* such as 'chr1'"),
        (lambda text: b"ACGT\n" + text, bytes, "is not FASTA"),
        (lambda _text: b">chr1\n", bytes, "has no sequence"),
        (bytes, lambda text: text.replace(b"gene_name", b"gene"), "has no gene_name"),
        (
            bytes,
            lambda text: text.replace(b"transcript_id", b"transcript"),
            "has no transcript_id: transcripts are needed",
        ),
        (bytes, lambda text: text.replace(b"\texon\t", b"\tCDS\t"), "has no exons with a gene_id"),
        (bytes, lambda text: text.replace(b'gene_id "', b"ID=").replace(b'"', b""), "has no exons with a gene_id"),
    ],
)
def test_files_that_do_not_fit_are_one_line(files, tmp_path, fasta, gtf, line):
    paths = tmp_path / "g.fa", tmp_path / "g.gtf"
    for path, source, change in zip(paths, files, (fasta, gtf), strict=False):
        path.write_bytes(change(source.read_bytes()))
    with pytest.raises(UserError, match=line):
        look_at(*paths)


def test_pseudogenes_are_left_out_as_10x_does(files, tmp_path):
    path = tmp_path / "g.gtf"
    path.write_bytes(
        files[1]
        .read_bytes()
        .replace(
            b'"E1"; gene_name "A"; gene_type "protein_coding"', b'"E1"; gene_name "A"; gene_type "processed_pseudogene"'
        )
    )
    kept = b"".join(kept_genes(path))
    assert b'"E1"' not in kept and b'"E2"' in kept


def test_memory_grows_with_the_genome_and_large_ones_are_sparse():
    human, small = (
        Genome(3_100_000_000, 194, 60_000, "", 2, 1_500_000_000),
        Genome(6_000_000, 4, 1500, "", 1, 3_000_000),
    )
    assert (human.prefix, human.bin_bits) == (14, 18)
    assert small.prefix == 10
    assert 19 < human.gb < 21 and human.gb < human.gb_to_build < 24
    assert small.gb_to_build == 2 and small.gb < 3
