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
MOST_THREADS = 16


def look_at_lane(first: str | Path, second: str | Path, name: str, target: str | Path, threads: int) -> None:
    """Have fastp read a lane to its end and write what it found as JSON; no reads are written.

    Parameters
    ----------
    first, second : path
        Reads 1 and 2, packed or not, whatever their names say.
    name : str
        Of the lane for MultiQC, which has it from the name of the file of reads 1.
    target : path
        The JSON.
    threads : int

    Raises
    ------
    UserError
        It is not installed, or refuses its input: its own words.
    WorkerKilled
        It was killed, most likely for want of memory.
    """
    program = shutil.which("fastp")
    if program is None:
        raise UserError(
            "fastp is missing, which --read_quality asks for: run with a container profile (-profile docker, podman, "
            "apptainer ...) or, after `make setup-counts`, with -profile local"
        )
    places = [_link(path, Path(".lanes", name, f"reads{mate}"), name) for mate, path in enumerate((first, second), 1)]
    command = [program, "--in1", str(places[0]), "--in2", str(places[1]), *AS_THEY_ARE]
    command += ["--json", str(target), "--html", "/dev/null", "--thread", str(min(threads, MOST_THREADS))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode in (-9, 137) or "bad_alloc" in done.stderr:
        raise WorkerKilled("fastp was killed or had too little memory")
    if done.returncode or not Path(target).is_file():
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise UserError(f"fastp ended with status {done.returncode}: {' '.join(said[-2:])[:400] or 'no word'}")


def _link(path: str | Path, folder: Path, name: str) -> Path:
    """The file under the name of its lane, with the ending by which fastp knows whether it is packed."""
    with open(path, "rb") as handle:
        packed = handle.read(len(GZIP)) == GZIP
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / f"{name}.fastq{'.gz' * packed}"
    place.unlink(missing_ok=True)
    place.symlink_to(Path(path).resolve())
    return place
