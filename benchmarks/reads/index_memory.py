"""Memory that STAR and salmon take to build the index of a genome and to load it, by its length and sparsity.

    python -m benchmarks.reads.index_memory [--millions 30] [--sparse 1 2] [--counters starsolo alevin-fry]

Genomes of random bases with a gene of 9,000 every 10,000 bases; two threads; STAR's suffixes sorted within 1.25 times
the index. salmon's index is of the genes from end to end.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

from compartments.reads import alevin_fry
from compartments.reads import genome as foreseen
from compartments.reads.star import index_options

THREADS = "2"
CONTIGS = 4
STAR = ("STAR", "--runThreadN", THREADS)
# a process of its own, which is the one that is measured, runs salmon and gffread by the steps' own function
BUILD = "from pathlib import Path; from compartments.reads.alevin_fry import build; "
BUILD += f"build(None, Path('g.fa'), Path('g.gtf'), {THREADS})"


def write(folder, millions):
    """A FASTA file, a GTF, and a read with its barcode."""
    (folder / "r.fq").write_text(f"@r\n{'ACGT' * 20}\n+\n{'F' * 80}\n")
    rng = np.random.default_rng(1)
    length = int(millions * 1e6 / CONTIGS)
    with open(folder / "g.fa", "wb") as fasta, open(folder / "g.gtf", "w") as gtf:
        for contig in range(CONTIGS):
            fasta.write(b">c%d\n" % contig)
            fasta.write(np.frombuffer(b"ACGT", np.uint8)[rng.integers(0, 4, length, np.uint8)].tobytes() + b"\n")
            for gene in range(0, length - 10_000, 10_000):
                for start in (gene + 1, gene + 8800):
                    name = f"{contig}_{gene}"
                    words = f'gene_id "E{name}"; transcript_id "T{name}"; gene_name "G{name}";'
                    gtf.write(f"c{contig}\tx\texon\t{start}\t{start + 200}\t.\t+\t.\t{words}\n")


def peak(folder, *command):
    """Seconds of CPU and GB of memory of a program at most."""
    pid = os.fork()
    if not pid:
        os.chdir(folder)
        quiet = os.open("log", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        os.execvp(command[0], command)
    _pid, status, used = os.wait4(pid, 0)
    if status:
        raise SystemExit((folder / "log").read_text())
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e9


def of_star(folder, made, sparsities):
    """Kind of index, seconds, bytes, those foreseen, GB to build and to map."""
    for sparse in sparsities:
        one = made._replace(sparse=sparse)
        options = index_options(one, "g.fa", "g.gtf")
        # as for a large genome: the least that a small one is given would hide it
        options[options.index("--limitGenomeGenerateRAM") + 1] = str(int(1.25e9 * one.gb_of_index))
        seconds, built = peak(folder, *STAR, *options)
        one_read = ["--readFilesIn", "r.fq", "--outSAMtype", "None"]
        _seconds, loaded = peak(folder, *STAR, "--genomeDir", "index", *one_read)
        yield f"STAR, one of {sparse} suffixes", seconds, one.gb_of_index, built, loaded
        shutil.rmtree(folder / "index")


def of_salmon(folder, made):
    """The same of salmon."""
    seconds, built = peak(folder, sys.executable, "-c", BUILD)
    shutil.copy(folder / "r.fq", folder / "s.fq")
    held = ["--bc-geometry", "1[1-16]", "--umi-geometry", "1[17-28]", "--read-geometry", "2[1-end]"]
    files = ["--index", "index", "--libType", "IU", "-1", "r.fq", "-2", "s.fq", "--output", "placed"]
    _seconds, loaded = peak(folder, "salmon", "alevin", *files, *held, "--rad", "--sketch", "--threads", THREADS)
    yield "salmon", seconds, alevin_fry.gb_of_index(made), built, loaded


def main():
    """Print a line for each genome and kind of index."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--millions", type=float, nargs="+", default=[30])
    parser.add_argument("--sparse", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--counters", nargs="+", default=["starsolo", "alevin-fry"])
    given = parser.parse_args()
    print("million bases\tindex\tCPU s\tindex, GB\tforeseen\tGB to build\tGB to map\tbytes of index a base")
    for millions in given.millions:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write(folder, millions)
            made = foreseen.look_at(folder / "g.fa", folder / "g.gtf")
            kinds = of_star(folder, made, given.sparse) if "starsolo" in given.counters else iter(())
            for rows in (kinds, of_salmon(folder, made) if "alevin-fry" in given.counters else iter(())):
                for kind, seconds, foreseen_gb, built, loaded in rows:
                    size = sum(path.stat().st_size for path in (folder / "index").iterdir())
                    figures = [f"{value:.2f}" for value in (size / 1e9, foreseen_gb, built, loaded, size / made.bases)]
                    print(f"{millions:g}", kind, f"{seconds:.0f}", *figures, sep="\t", flush=True)


if __name__ == "__main__":
    main()
