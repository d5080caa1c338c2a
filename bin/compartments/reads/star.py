"""STAR and STARsolo: how they are called, and what they leave.

Flags after Kaminow, Yunusov and Dobin (2021, bioRxiv 2021.05.05.442755), as Cell Ranger counts: barcodes one base off
are corrected, UMIs one base off are one molecule, a UMI of several genes is of the one that most of its reads say. But
without a read for every barcode of the list (pseudocounts): of barcodes with an error four of five are one base off
several listed ones of 10x v3, so that droplets of few reads, by which ambient RNA is known, would lose all of them.
"""

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from compartments.core.errors import UserError, WorkerKilled
from compartments.reads.genome import Genome

READING = ["--readFilesCommand", "zcat", "-f"]  # packed or not
SOLO = [
    *["--soloType", "CB_UMI_Simple", "--soloCBstart", "1", "--soloBarcodeReadLength", "0"],
    *["--soloCBmatchWLtype", "1MM_multi", "--soloUMIfiltering", "MultiGeneUMI_CR"],
    *["--soloUMIdedup", "1MM_CR", "--soloCellFilter", "None", "--clipAdapterType", "CellRanger4"],
    *["--outFilterScoreMin", "30"],
]


def run_star(options: Sequence[str], threads: int) -> None:
    """Run STAR in this folder.

    Raises
    ------
    UserError
        It is not installed, or refuses its input: its own words.
    WorkerKilled
        It was killed, most likely for want of memory.
    """
    program = shutil.which("STAR")
    if program is None:
        raise UserError(
            "STAR is missing: run with a container profile (-profile docker, podman, apptainer ...) or, after "
            "`make setup-counts`, with -profile local"
        )
    command = [program, "--runThreadN", str(threads), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode in (-9, 137) or "std::bad_alloc" in done.stderr:
        raise WorkerKilled("STAR was killed or had too little memory; more memory is needed for this genome")
    if done.returncode:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip() and "EXITING" not in line]
        raise UserError(f"STAR ended with status {done.returncode}: {' '.join(said[:3])[:400] or 'no word'}")


def index_options(genome: Genome, fasta: str | Path, gtf: str | Path) -> list[str]:
    """Options by which STAR makes the folder ``index`` of a genome and its genes, which are not packed."""
    return [
        *["--runMode", "genomeGenerate", "--genomeDir", "index", "--genomeFastaFiles", str(fasta)],
        *["--sjdbGTFfile", str(gtf), "--sjdbOverhang", "100"],
        *["--genomeSAsparseD", str(genome.sparse), "--genomeSAindexNbases", str(genome.prefix)],
        *["--genomeChrBinNbits", str(genome.bin_bits)],
        *["--limitGenomeGenerateRAM", str(int(genome.gb_to_sort * 1e9))],
    ]


def summary_of(log: str | Path) -> dict[str, float]:
    """Figures of ``Log.final.out``: name -> number, shares of reads as fractions."""
    found = {}
    for line in Path(log).read_text().splitlines():
        name, separator, value = line.partition("|")
        if separator and re.fullmatch(r"[\d.]+%?", value.strip()):
            number = float(value.strip().rstrip("%"))
            found[name.strip()] = number / 100 if "%" in value else number
    return found


def mapped_share(summary: Mapping[str, float]) -> float:
    """Share of reads that were placed, in one place or several."""
    names = ("Uniquely mapped reads %", "% of reads mapped to multiple loci")
    return sum(summary.get(name, 0.0) for name in names)
