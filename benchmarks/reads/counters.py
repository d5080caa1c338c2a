"""Reads of known counts, counted by STARsolo and alevin-fry as the pipeline runs them, and by kb where it is at hand.

    .tools/counts/bin/python -m benchmarks.reads.counters [--kb .../bin/kb] [--depths 1.5] [--pseudocounts]

60 cells of about 500 UMIs and 3,000 empty droplets of about 6, 300 genes of which some are copies, a fifth of the
molecules unspliced, barcodes of 10x v3; two threads. Per counter: UMIs found over those there were, in cells and in
empty droplets; correlation of all values of cells; CPU and peak memory of counting; kb's index is not counted in.
"""

import argparse
import gzip
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import scipy.io
import scipy.sparse as sp

from benchmarks.timed import ROOT, tree_memory
from compartments.core.barcodes import V3, barcodes_of
from compartments.core.tenx import read_10x_h5
from compartments.reads.counting import COUNTERS
from compartments.simulate.reads import make_genome, write_genome, write_reads

CELLS, UMIS, EMPTIES, SOUP, GENES = 60, 500, 3000, 6, 300
STEP = [sys.executable, str(ROOT / "bin" / "sc-compartments")]
PSEUDO = "import sys, runpy, compartments.reads.starsolo as star\n"
PSEUDO += "star.SOLO[star.SOLO.index('1MM_multi')] = '1MM_multi_Nbase_pseudocounts'\n"
PSEUDO += "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')\n"
FIRST, SECOND = (f"S_R{mate}_001.fastq.gz" for mate in (1, 2))


def measured(folder, *command):
    """Seconds of CPU and GB of memory of a program at most."""
    before, peak = resource.getrusage(resource.RUSAGE_CHILDREN), 0.0
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'bin'}:{ROOT}"}
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(list(map(str, command)), cwd=folder, stdout=log, stderr=log, env=environment)
        while process.poll() is None:
            peak = max(peak, tree_memory(process.pid))
            time.sleep(0.05)
    if process.returncode:
        raise SystemExit((folder / "log").read_text()[-2000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak * 2**30 / 1e9


def make(folder):
    """A genome in ``folder``, counts of droplets, their barcodes."""
    rng = np.random.default_rng(4)
    names = [f"GENE{n}" for n in range(GENES - 5)] + [f"MT-{n}" for n in range(5)]
    genome = make_genome(names, [f"ENSG{n:011d}" for n in range(GENES)], 1)
    write_genome(genome, folder / "genome.fa", folder / "genes.gtf")
    share = rng.lognormal(0, 1.6, GENES)
    umis = np.concatenate([rng.lognormal(np.log(UMIS), 0.5, CELLS).astype(int), rng.poisson(SOUP, EMPTIES)])
    truth = sp.csr_matrix(np.array([rng.multinomial(n, share / share.sum()) for n in umis], np.int32))
    known = barcodes_of(V3).split()
    return genome, truth, [known[n].decode() for n in rng.choice(len(known), len(umis), replace=False)]


def by_step(folder, counter, program=STEP):
    """Counts, barcodes, names, seconds and GB."""
    files = ["--fastq_1", FIRST, "--fastq_2", SECOND, "--index", counter, "--cpus", "2", "--strand", "S.strand.json"]
    used = measured(folder, *program, "count_reads", *files, "--counter", counter)
    return *read_10x_h5(folder / "S.counted.h5")[:3], *used


def by_kb(folder, kb):
    """The same by kb's nac workflow, all molecules."""
    if not (folder / "kb.idx").exists():
        files = ["-i", "kb.idx", "-g", "t2g", "-f1", "f1", "-f2", "f2", "-c1", "c1", "-c2", "c2"]
        measured(folder, "timeout", 300, kb, "ref", "--workflow", "nac", *files, "genome.fa", "genes.gtf")
    files = ["-i", "kb.idx", "-g", "t2g", "-c1", "c1", "-c2", "c2", "-o", "kb", "--overwrite"]
    options = ["--workflow", "nac", "-x", "10xv3", "--sum", "total", "-m", "4G", "-t", 2]
    used = measured(folder, "timeout", 600, kb, "count", *options, *files, FIRST, SECOND)
    found = folder / "kb" / "counts_unfiltered"
    names = (found / "cells_x_genes.genes.names.txt").read_text().split()
    barcodes = (found / "cells_x_genes.barcodes.txt").read_text().split()
    counts = scipy.io.mmread(found / "cells_x_genes.total.mtx", spmatrix=True)
    return sp.csr_matrix(counts), barcodes, names, *used


def compared(truth, barcodes, names, found, listed, genes):
    """UMIs found over true in cells and in empty droplets, correlation of the cells' values."""
    at, of = ({name: n for n, name in enumerate(some)} for some in (listed, genes))
    empty = sp.csr_matrix((1, found.shape[1]), dtype=found.dtype)
    rows = sp.vstack([found, empty]).tocsr()[[at.get(one, -1) for one in barcodes]]
    same = rows.toarray()[:, [of[name] for name in names]]
    true = truth.toarray()
    ratios = [same[part].sum() / true[part].sum() for part in (slice(CELLS), slice(CELLS, None))]
    return *ratios, np.corrcoef(same[:CELLS].ravel(), true[:CELLS].ravel())[0, 1]


def main():
    """Print a line for each counter, depth and rate of errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kb", help="program kb of the package kb-python")
    parser.add_argument("--depths", type=float, nargs="+", default=[1.5], help="reads of a molecule after its first")
    parser.add_argument("--errors", type=float, nargs="+", default=[0.003], help="share of wrong bases")
    parser.add_argument(
        "--pseudocounts", action="store_true", help="STARsolo with a read for every listed barcode, too"
    )
    given = parser.parse_args()
    print("counter\treads\treads a UMI\terrors\tcells\tempties\tr\tCPU s\tCPU s a million reads\tpeak GB")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        genome, truth, barcodes = make(folder)
        names = [line.split('"')[3] for line in genome.gtf if "\tgene\t" in line]
        files = ["--fasta", "genome.fa", "--gtf", "genes.gtf"]
        own = [name for name, one in COUNTERS.items() if all(shutil.which(tool.name) for tool in one.programs)]
        for name in own:
            measured(folder, *STEP, "check_genome", *files, "--counter", name)
            options = ["--genome", "genome.json", *files, "--out", name, "--cpus", "2", "--counter", name]
            measured(folder, *STEP, "build_index", *options)
        counters = {name: partial(by_step, folder, name) for name in own}
        if given.pseudocounts:
            counters["with pseudocounts"] = partial(by_step, folder, own[0], [sys.executable, "-c", PSEUDO, STEP[1]])
        counters |= {"kb nac": lambda: by_kb(folder, given.kb)} if given.kb else {}
        for copies in given.depths:
            for errors in given.errors:
                write_reads(truth, barcodes, genome, folder / "S", seed=5, copies=copies, errors=errors)
                lane = ["--fastq_1", FIRST, "--fastq_2", SECOND]
                measured(folder, *STEP, "inspect_reads", "--sample", "S", *lane)
                measured(folder, *STEP, "find_strand", "--look", "S.look.json", *lane, "--index", own[0])
                with gzip.open(folder / FIRST) as lines:
                    reads = sum(1 for _line in lines) // 4
                for counter, run in counters.items():
                    found, listed, genes, seconds, peak = run()
                    ratios = compared(truth, barcodes, names, found, listed, genes)
                    figures = [f"{value:.4f}" for value in ratios]
                    costs = [f"{seconds:.0f}", f"{seconds / reads * 1e6:.0f}", f"{peak:.2f}"]
                    print(counter, reads, f"{1 + copies:g}", errors, *figures, *costs, sep="\t", flush=True)


if __name__ == "__main__":
    main()
