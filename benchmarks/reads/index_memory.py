"""Memory that STAR takes to build the index of a genome and to load it, by its length and sparsity.

    python -m benchmarks.reads.index_memory [--millions 30] [--sparse 1 2]

Genomes of random bases with a short gene every 10,000 bases; two threads; suffixes sorted within 1.25 times the index.
"""

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np

from compartments.reads import genome as foreseen
from compartments.reads.star import index_options

THREADS = "2"
CONTIGS = 4


def write(folder, millions):
    """A FASTA file, a GTF, and a read."""
    (folder / "r.fq").write_text(f"@r\n{'ACGT' * 20}\n+\n{'F' * 80}\n")
    rng = np.random.default_rng(1)
    length = int(millions * 1e6 / CONTIGS)
    with open(folder / "g.fa", "wb") as fasta, open(folder / "g.gtf", "w") as gtf:
        for contig in range(CONTIGS):
            fasta.write(b">c%d\n" % contig)
            fasta.write(np.frombuffer(b"ACGT", np.uint8)[rng.integers(0, 4, length, np.uint8)].tobytes() + b"\n")
            for gene in range(0, length - 1000, 10_000):
                for start in (gene + 1, gene + 500):
                    name = f"{contig}_{gene}"
                    words = f'gene_id "E{name}"; transcript_id "T{name}"; gene_name "G{name}";'
                    gtf.write(f"c{contig}\tx\texon\t{start}\t{start + 200}\t.\t+\t.\t{words}\n")


def peak(folder, *options):
    """Seconds of CPU and GB of memory of STAR at most."""
    pid = os.fork()
    if not pid:
        os.chdir(folder)
        quiet = os.open("log", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        os.dup2(quiet, 1)
        os.execvp("STAR", ["STAR", "--runThreadN", THREADS, *options])
    _pid, status, used = os.wait4(pid, 0)
    if status:
        raise SystemExit((folder / "log").read_text())
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e9


def main():
    """Print a line for each genome."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--millions", type=float, nargs="+", default=[30])
    parser.add_argument("--sparse", type=int, nargs="+", default=[1, 2])
    given = parser.parse_args()
    print("million bases\tone of n suffixes\tCPU s\tindex, GB\tforeseen\tGB to build\tGB to map\tbytes of index a base")
    for millions in given.millions:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write(folder, millions)
            made = foreseen.look_at(folder / "g.fa", folder / "g.gtf")
            for sparse in given.sparse:
                one = made._replace(sparse=sparse)
                options = index_options(one, "g.fa", "g.gtf")
                # as for a large genome: the least that a small one is given would hide it
                options[options.index("--limitGenomeGenerateRAM") + 1] = str(int(1.25e9 * one.gb_of_index))
                seconds, built = peak(folder, *options)
                size = sum(path.stat().st_size for path in (folder / "index").iterdir())
                one_read = ["--readFilesIn", "r.fq", "--outSAMtype", "None"]
                _seconds, loaded = peak(folder, "--genomeDir", "index", *one_read)
                figures = [f"{value:.2f}" for value in (size / 1e9, one.gb_of_index, built, loaded, size / made.bases)]
                print(f"{millions:g}", sparse, f"{seconds:.0f}", *figures, sep="\t", flush=True)


if __name__ == "__main__":
    main()
