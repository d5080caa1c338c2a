"""Wall time, CPU time and peak memory of one step, for the speed scripts."""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def timed(folder, name, *options):
    """Run a step, or a module of the benches by its dotted name, in ``folder`` with one thread per process.

    Returns
    -------
    wall, cpu : float
        Seconds; CPU with all children.
    peak : float
        GiB, proportional set size of the process and its children together, sampled ten times a second.

    Raises
    ------
    SystemExit
        With the exit status of the program if it fails.
    """
    before, start, peak = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter(), 0.0
    program = ["-m", name] if "." in name else [ROOT / "bin" / "sc-compartments", name]
    command = [sys.executable, *map(str, program), *map(str, options)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=folder, env=environment)
    while process.poll() is None:
        peak = max(peak, tree_memory(process.pid))
        time.sleep(0.1)
    if process.returncode:
        sys.exit(process.returncode)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak


def tree_memory(pid):
    """Proportional set size of a process and its children, GiB; 0 for one that has ended."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        own = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) / 2**20
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (OSError, StopIteration):
        return 0.0
    return own + sum(tree_memory(child) for child in children)
