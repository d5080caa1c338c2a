"""fastp (Chen et al. 2018, Bioinformatics 34:i884): qualities, bases and lengths of reads, which stay as they are."""

import shutil
import subprocess
from pathlib import Path

from compartments.core.errors import UserError, WorkerKilled
from compartments.core.packing import GZIP

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
    UserError
        It is not installed, or refuses its input: its own words.
    WorkerKilled
        It was killed, most likely for want of memory.
    """
    if shutil.which("fastp") is None:
        raise UserError(
            "fastp is missing, which --read_quality asks for: run with a container profile (-profile docker, podman, "
            "apptainer ...) or, after `make setup-counts`, with -profile local"
        )
    command = ["fastp", "--in1", str(_link(path, name)), *AS_THEY_ARE, "--thread", str(THREADS)]
    command += ["--json", str(target), "--html", "/dev/null"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode in (-9, 137) or "bad_alloc" in done.stderr:
        raise WorkerKilled("fastp was killed or had too little memory")
    if done.returncode or not Path(target).is_file():
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise UserError(f"fastp ended with status {done.returncode}: {' '.join(said[-2:])[:400] or 'no word'}")


def _link(path: str | Path, name: str) -> Path:
    """The file under the name of its reads, with the ending by which fastp knows whether it is packed."""
    with open(path, "rb") as handle:
        packed = handle.read(len(GZIP)) == GZIP
    place = Path(".reads", f"{name}.fastq{'.gz' * packed}")
    place.parent.mkdir(exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(Path(path).resolve())
    return place
