"""alevin-fry behind salmon: reads to counts of molecules, in less memory than STAR needs.

After He, Zakeri et al. (2022, Nature Methods 19:316-322): reads are placed on spliced and unspliced transcripts, which
gffread takes from the genome; a molecule of either, or of one of them that cannot be told, counts for its gene.
``parsimony-em`` takes UMIs one base off for one molecule, in droplets of every size (``--small-thresh 0``): ``cr-like``
takes them for two, the more the deeper a sample is sequenced.
"""

import json
import math
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from compartments.core.barcodes import barcodes_of
from compartments.core.matrix import as_whole, totals
from compartments.reads.chemistries import Chemistry
from compartments.reads.counted import Asked, Counted, Ways
from compartments.reads.fastq import copy_first, linked
from compartments.reads.genome import OVERHEAD, Genome, Needs
from compartments.reads.programs import Program, run

NAME = "alevin-fry"
SALMON, GFFREAD, ALEVIN_FRY = (
    Program(name, f"--counter {NAME}", f"make setup-{NAME}") for name in ("salmon", "gffread", NAME)
)
LOG = "meta_info.json"
GENES, SYMBOLS = "t2g_3col.tsv", "gene_id_to_name.tsv"  # of an index
PERMITTED = ["--min-reads", "1", "--cell-bc-correction", "frequency"]
RESOLVED = ["--resolution", "parsimony-em", "--small-thresh", "0"]
WAYS = {"Forward": "fw", "Reverse": "rc"}
ATTRIBUTE = re.compile(r'(gene_id|gene_name|transcript_id) "([^"]*)"')
UNSPLICED = "-unspliced"
TO_BUILD = 2.0  # times the index


def gb_of_index(genome: Genome) -> float:
    """salmon's index, GB: of each base of the genes a position of as many bits as tell them apart, and 1.3 bytes."""
    return genome.transcribed * (math.log2(max(genome.transcribed, 2)) / 8 + 1.3) / 1e9


def needs(genome: Genome) -> Needs:
    """What an index of a genome takes."""
    gb = gb_of_index(genome)
    return Needs(gb + OVERHEAD, max(1.0, TO_BUILD * gb) + 1, "salmon's index of spliced and unspliced transcripts")


class Transcribed(NamedTuple):
    """Transcripts of a genome: gene of each spliced one, lines of a GTF of unspliced ones, names of genes by id."""

    spliced: dict[str, str]
    unspliced: list[str]
    names: dict[str, str]


def transcribed(lines: Iterable[str]) -> Transcribed:
    """Read the exons of a GTF; the unspliced transcript of a gene runs from its first exon to its last."""
    spliced: dict[str, str] = {}
    names: dict[str, str] = {}
    spans: dict[tuple[str, str, str], tuple[int, int]] = {}
    for line in lines:
        fields = line.split("\t")
        if len(fields) < 9 or fields[2] != "exon":
            continue
        found = dict(ATTRIBUTE.findall(fields[8]))
        gene, transcript = found.get("gene_id"), found.get("transcript_id")
        if gene is None or transcript is None:
            continue
        spliced[transcript] = gene
        names.setdefault(gene, found.get("gene_name") or str(gene))
        place, start, end = (gene, fields[0], fields[6]), int(fields[3]), int(fields[4])
        low, high = spans.get(place, (start, end))
        spans[place] = min(low, start), max(high, end)
    unspliced = []
    for n, ((gene, contig, strand), (start, end)) in enumerate(spans.items()):
        words = f'gene_id "{gene}"; transcript_id "{gene}.{n}{UNSPLICED}";'
        unspliced.append("\t".join([contig, "gene", "exon", str(start), str(end), ".", strand, ".", words]))
    return Transcribed(spliced, unspliced, names)


def build(_genome: Genome, fasta: Path, gtf: Path, threads: int) -> None:
    """Make the folder ``index``: salmon's, with what of each transcript it is and the genes' names."""
    with open(gtf) as lines:
        found = transcribed(lines)
    work = Path("transcripts")
    work.mkdir()
    (work / "unspliced.gtf").write_text("".join(f"{line}\n" for line in found.unspliced))
    for kind, genes in (("spliced", gtf), ("unspliced", work / "unspliced.gtf")):
        run(GFFREAD, ["-w", str(work / f"{kind}.fa"), "-g", str(fasta), str(genes)])
    kinds = []
    with open(work / "all.fa", "wb") as out:
        for kind, letter in (("spliced", "S"), ("unspliced", "U")):
            with open(work / f"{kind}.fa", "rb") as lines:
                for line in lines:
                    if line.startswith(b">"):
                        name = line[1:].split()[0].decode()
                        kinds.append(f"{name}\t{found.spliced.get(name) or name.rpartition('.')[0]}\t{letter}\n")
                    out.write(line)
    options = ["--transcripts", str(work / "all.fa"), "--index", "index", "--keepDuplicates", "--threads", str(threads)]
    run(SALMON, ["index", *options])
    Path("index", GENES).write_text("".join(kinds))
    Path("index", SYMBOLS).write_text("".join(f"{gene}\t{name}\n" for gene, name in found.names.items()))
    shutil.rmtree(work)


def place(
    first: Sequence[str], second: Sequence[str], index: str, chemistry: Chemistry, threads: int
) -> dict[str, int]:
    """Place reads on the transcripts, into the folder ``placed``; what salmon says of them."""
    barcode, end = chemistry.barcode, chemistry.barcode + chemistry.umi
    held = ["--bc-geometry", f"1[1-{barcode}]", "--umi-geometry", f"1[{barcode + 1}-{end}]"]
    options = ["--index", index, "--libType", "IU", "--threads", str(threads), *held, "--read-geometry", "2[1-end]"]
    run(SALMON, ["alevin", *options, "-1", *first, "-2", *second, "--rad", "--sketch", "--output", "placed"])
    said: dict[str, int] = json.loads(Path("placed", "aux_info", LOG).read_text())
    return said


def both_ways(first: str, second: str, index: str, chemistry: Chemistry, threads: int) -> Ways:
    """Place reads on transcripts, and count those whose every place is on the strand of the mRNA, or on the other."""
    said = place([first], [second], index, chemistry, threads)
    seen: dict[str, set[bool]] = {}
    for line in run(ALEVIN_FRY, ["view", "--rad", "placed/map.rad"]).splitlines():
        number, *words = line.split("\t")
        seen.setdefault(number, set()).add("DIR:true" in words)
    shutil.rmtree("placed")
    ways = Counter(frozenset(found) for found in seen.values())
    forward, reverse = (ways[frozenset({way})] for way in (True, False))
    return Ways(forward, reverse, said["num_mapped"] / max(said["num_processed"], 1))


def count(asked: Asked, index: str, threads: int) -> Counted:
    """Run salmon and alevin-fry on all lanes of a sample, in this folder; salmon's log is left as ``meta_info.json``.

    Returns
    -------
    Counted
        Whole molecules: where the EM shares one among genes, the total of its droplet stays.
        ``summary`` as of STARsolo, without qualities of bases, which are not looked at.
    """
    said = place(*_files(asked), index, asked.chemistry, threads)
    shutil.move(Path("placed", "aux_info", LOG), LOG)
    Path("barcodes.txt").write_bytes(barcodes_of(asked.chemistry.barcodes))
    many = ["--threads", str(max(threads, 2))]
    listed = ["--unfiltered-pl", "barcodes.txt", "--expected-ori", WAYS[asked.strand], *PERMITTED]
    run(ALEVIN_FRY, ["generate-permit-list", "--input", "placed", "--output-dir", "found", *listed, *many])
    run(ALEVIN_FRY, ["collate", "--input-dir", "found", "--rad-dir", "placed", *many])
    genes = ["--tg-map", str(Path(index, GENES)), *RESOLVED]
    run(ALEVIN_FRY, ["quant", "--input-dir", "found", "--output-dir", "found", *genes, *many])
    found = _matrix(Path("found"), Path(index, SYMBOLS), asked.introns)
    figures = _figures(said, Path("found", "featureDump.txt"))
    for folder in ("placed", "found", ".used"):
        shutil.rmtree(folder, ignore_errors=True)
    Path("barcodes.txt").unlink()
    return found._replace(summary=figures | found.summary)


def _files(asked: Asked) -> tuple[list[str], list[str]]:
    """Files of reads 1 and 2: those given, or the first so many reads of them."""
    if not asked.reads:
        first, second = (
            [str(linked(path, f"lane{n}_R{mate}")) for n, path in enumerate(files, 1)]
            for mate, files in ((1, asked.first), (2, asked.second))
        )
        return first, second
    Path(".used").mkdir(exist_ok=True)
    used = [f".used/R{mate}.fastq" for mate in (1, 2)]
    for files, target in zip((asked.first, asked.second), used, strict=True):
        left = asked.reads
        with open(target, "wb") as out:
            for path in files:
                left -= copy_first(path, out, left)
    return used[:1], used[1:]


def _matrix(folder: Path, symbols: Path, introns: bool) -> Counted:
    """Counts that alevin-fry left: droplets in the order of their barcodes, genes in that of the GTF."""
    import scipy.io
    import scipy.sparse as sp

    alevin = folder / "alevin"
    barcodes = np.array((alevin / "quants_mat_rows.txt").read_text().split())
    order = np.argsort(barcodes, kind="stable")
    columns = (alevin / "quants_mat_cols.txt").read_text().split()
    names = dict(line.split("\t") for line in symbols.read_text().splitlines())
    n = len(columns) // 3  # spliced, unspliced, ambiguous
    at = {gene: k for k, gene in enumerate(columns[:n])}
    ids = [gene for gene in names if gene in at]
    genes = np.array([at[gene] for gene in ids])
    found = sp.csc_matrix(sp.csr_matrix(scipy.io.mmread(alevin / "quants_mat.mtx"), dtype=np.float64)[order])
    exons = found[:, genes] + found[:, genes + 2 * n]
    counts = as_whole(sp.csr_matrix(exons + found[:, genes + n] if introns else exons))
    kept = totals(counts) > 0
    counts, total = counts[kept].astype(np.int32), int(counts.sum())
    exonic = np.rint(totals(exons)[kept]).astype(np.int64) if introns else None
    share = float(exonic.sum() if exonic is not None else total) / max(total, 1)
    summary = {"umis": total, "share_exonic": round(share, 6)}
    return Counted(counts, exonic, barcodes[order][kept].tolist(), ids, [names[gene] for gene in ids], summary)


def _figures(said: Mapping[str, int], droplets: Path) -> dict[str, float]:
    """Shares of reads with a barcode, on transcripts, both; and of the last those that were no new molecule."""
    head, *lines = (line.split("\t") for line in droplets.read_text().splitlines())
    corrected, mapped, found = (
        sum(float(line[head.index(name)]) for line in lines)
        for name in ("CorrectedReads", "MappedReads", "DeduplicatedReads")
    )
    reads = max(said["num_processed"], 1)
    shares = {"valid_barcodes": corrected, "mapped": said["num_mapped"], "in_genes": mapped}
    return {
        "reads_used": said["num_processed"],
        **{name: round(value / reads, 6) for name, value in shares.items()},
        "saturation": round(1 - found / max(mapped, 1), 6),
    }
