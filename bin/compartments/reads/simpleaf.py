"""simpleaf, which runs piscem and alevin-fry: reads to counts of molecules, in less memory than STAR needs.

After He, Zakeri et al. (2022, Nature Methods 19:316-322): reads are placed on spliced and unspliced transcripts
(a molecule of either, or of one of them that cannot be told, counts for its gene). ``parsimony-em`` takes UMIs one base
off for one molecule in droplets of every size (``--small-thresh 0``), where ``cr-like`` would take them for two.
"""

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from compartments.core.barcodes import barcodes_of
from compartments.core.matrix import as_whole, totals
from compartments.reads.chemistries import Chemistry
from compartments.reads.counted import Asked, Counted, Ways
from compartments.reads.fastq import copy_first, linked
from compartments.reads.genome import Genome, Needs
from compartments.reads.programs import Program, run

SETUP = "make setup-simpleaf"
SIMPLEAF, PISCEM, ALEVIN_FRY = (Program(name, "--counter simpleaf", SETUP) for name in ("simpleaf", "piscem", "alevin-fry"))
LOG = "map_info.json"
HOME = {"ALEVIN_FRY_HOME": ".simpleaf"}
RESOLVING = ["--resolution", "parsimony-em", "--small-thresh", "0", "--min-reads", "1"]
ORIENTATION = {"Forward": "fw", "Reverse": "rc"}
READ_LENGTH = 91


def run_simpleaf(options: Sequence[str]) -> None:
    """Run simpleaf in this folder; errors as :func:`compartments.reads.programs.run`."""
    Path(HOME["ALEVIN_FRY_HOME"]).mkdir(exist_ok=True)
    home = {name: str(Path(path).resolve()) for name, path in HOME.items()}
    run(SIMPLEAF, ["set-paths"], home)
    run(SIMPLEAF, options, home)


def needs(genome: Genome) -> Needs:
    """What an index of a genome takes."""
    return Needs(1.0, 2.0, "simpleaf's index of spliced and unspliced transcripts")


def build(genome: Genome, fasta: Path, gtf: Path, threads: int) -> None:
    """Make the folder ``index`` of spliced and unspliced transcripts."""
    options = ["--fasta", str(fasta), "--gtf", str(gtf), "--ref-type", "spliced+unspliced", "--output", "made"]
    options += ["--threads", str(threads), "--work-dir", "sorted", "--tmp-dir", "."]
    run_simpleaf(["index", *options, "--ram-limit-gib", str(genome.gib_to_sort)])
    Path("made", "index").rename("index")
    shutil.rmtree("made")


def geometry(chemistry: Chemistry) -> str:
    """What reads 1 and 2 hold, as simpleaf and piscem are told."""
    return f"1{{b[{chemistry.barcode}]u[{chemistry.umi}]x:}}2{{r:}}"


def both_ways(first: str, second: str, index: str, chemistry: Chemistry, threads: int) -> Ways:
    """Place reads on transcripts, and count those whose every place is on the strand of the mRNA, or on the other."""
    options = ["--index", str(Path(index, "piscem_idx")), "-1", first, "-2", second, "--geometry", geometry(chemistry)]
    run(PISCEM, ["map-sc", *options, "--output", "part", "--threads", str(threads)])
    said = json.loads(Path("part", LOG).read_text())
    ways: Counter[str] = Counter()
    for line in run(ALEVIN_FRY, ["view", "--rad", "part/map.rad"]).splitlines():
        ways[_way(line)] += 1
    shutil.rmtree("part")
    return Ways(ways["Forward"], ways["Reverse"], said["num_mapped"] / max(said["num_reads"], 1))


def _way(record: str) -> str:
    return record


def count(asked: Asked, index: str, threads: int) -> Counted:
    """Run simpleaf on all lanes of a sample, in this folder; piscem's own log is left as ``map_info.json``.

    Returns
    -------
    Counted
        Whole molecules: where the EM shares one among genes, the total of its droplet stays.
        ``summary`` as of STARsolo, without qualities of bases, which simpleaf does not look at.
    """
    Path("barcodes.txt").write_bytes(barcodes_of(asked.chemistry.barcodes))
    first, second = _files(asked)
    options = ["quant", "--chemistry", geometry(asked.chemistry), "--index", index, "--output", "quant"]
    options += ["--reads1", first, "--reads2", second, "--threads", str(max(threads, 2)), *RESOLVING]
    options += ["--unfiltered-pl", "barcodes.txt", "--expected-ori", ORIENTATION[asked.strand]]
    run_simpleaf(options)
    shutil.move(Path("quant", "af_map", LOG), LOG)
    found = _matrix(Path("quant", "af_quant"), asked.introns)
    for folder in ("quant", ".used"):
        shutil.rmtree(folder, ignore_errors=True)
    Path("barcodes.txt").unlink()
    return found


def _files(asked: Asked) -> tuple[str, str]:
    """Files of reads 1 and 2, separated by commas: those given, or the first so many reads of them."""
    if not asked.reads:
        links = [
            [str(linked(path, f"lane{n}_R{mate}")) for n, path in enumerate(files, 1)]
            for mate, files in ((1, asked.first), (2, asked.second))
        ]
        return ",".join(links[0]), ",".join(links[1])
    Path(".used").mkdir(exist_ok=True)
    used = [f".used/R{mate}.fastq" for mate in (1, 2)]
    for files, target in zip((asked.first, asked.second), used, strict=True):
        left = asked.reads
        with open(target, "wb") as out:
            for path in files:
                left -= copy_first(path, out, left)
    return used[0], used[1]


def _matrix(folder: Path, introns: bool) -> Counted:
    """Counts of ``af_quant``: droplets in the order of their barcodes, and figures of its reads."""
    import scipy.io
    import scipy.sparse as sp

    alevin = folder / "alevin"
    barcodes = np.array((alevin / "quants_mat_rows.txt").read_text().split())
    columns = (alevin / "quants_mat_cols.txt").read_text().split()
    n = len(columns) // 3
    ids = columns[:n]
    order = np.argsort(barcodes, kind="stable")
    parts = sp.csr_matrix(scipy.io.mmread(alevin / "quants_mat.mtx"), dtype=np.float64)[order]
    spliced, unspliced, ambiguous = (parts[:, k * n : (k + 1) * n] for k in range(3))
    exons = spliced + ambiguous
    counts = as_whole(sp.csr_matrix(exons + unspliced if introns else exons))
    kept = totals(counts) > 0
    counts = counts[kept].astype(np.int32)
    exonic = np.rint(totals(exons)[kept]).astype(np.int64) if introns else None
    named = dict(line.split("\t") for line in (folder / "gene_id_to_name.tsv").read_text().splitlines())
    names = [named.get(one) or one for one in ids]
    total = int(counts.sum())
    summary = _figures(folder) | {
        "umis": total,
        "share_exonic": round(float(exonic.sum() if exonic is not None else total) / max(total, 1), 6),
    }
    return Counted(counts, exonic, barcodes[order][kept].tolist(), ids, names, summary)


def _figures(folder: Path) -> dict[str, float]:
    """Figures of the reads: of all of them, and of those of each droplet."""
    said = json.loads((folder / "simpleaf_map_info.json").read_text())
    lines = [line.split("\t") for line in (folder / "featureDump.txt").read_text().splitlines()]
    of = {name: n for n, name in enumerate(lines[0])}
    corrected, mapped, found = (
        sum(float(line[of[name]]) for line in lines[1:])
        for name in ("CorrectedReads", "MappedReads", "DeduplicatedReads")
    )
    reads = int(said["num_reads"])
    return {
        "reads_used": reads,
        "valid_barcodes": round(corrected / max(reads, 1), 6),
        "mapped": round(said["num_mapped"] / max(reads, 1), 6),
        "in_genes": round(mapped / max(reads, 1), 6),
        "saturation": round(1 - found / max(mapped, 1), 6),
    }
