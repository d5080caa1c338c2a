"""fastp (Chen et al. 2018, Bioinformatics 34:i884): qualities, bases and lengths of reads, which stay as they are."""

from pathlib import Path

from compartments.core.errors import UserError
from compartments.reads.fastq import linked
from compartments.reads.programs import Program, run

FASTP = Program("fastp", "--read_quality")
AS_THEY_ARE = [
    *["--disable_adapter_trimming", "--disable_trim_poly_g", "--disable_quality_filtering"],
    *["--disable_length_filtering", "--dont_eval_duplication"],
]
THREADS = 2  # always: they stand in the JSON


def look_at_reads(path: str | Path, name: str, target: str | Path) -> None:
    """Have fastp read a file to its end and write what it found as JSON; no reads are written.

    Reads 1 and 2 are looked at apart: barcodes and transcripts are two things, whose mean says little, and fastp's
    lengths of inserts, of mates that do not overlap, depend on its threads.

    Parameters
    ----------
    path : path
        Reads, packed or not, whatever the name says.
    name : str
        Of the reads for MultiQC, which has it from the name of the file.
    target : path
        The JSON.

    Raises
    ------
    UserError, WorkerKilled
        As :func:`compartments.reads.programs.run`; or it wrote nothing.
    """
    words = ["--in1", str(linked(path, name)), *AS_THEY_ARE, "--thread", str(THREADS)]
    run(FASTP, [*words, "--json", str(target), "--html", "/dev/null"])
    if not Path(target).is_file():
        raise UserError(f"fastp found nothing to say of '{Path(path).name}'")
