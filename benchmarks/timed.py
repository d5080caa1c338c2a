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
    wall, cpu, peak : float
        Of :func:`spent`.

    Raises
    ------
    SystemExit
        With the exit status of the program if it fails.
    """
    program = ["-m", name] if "." in name else [ROOT / "bin" / "sc-compartments", name]
    code, *found = spent([sys.executable, *program, *options], folder, {"OMP_NUM_THREADS": "1"})
    if code:
        sys.exit(code)
    return tuple(found)


def spent(command, folder, more=None, most_gib=None):
    """Run a command in ``folder``.

    Parameters
    ----------
    command : list
    folder : path
    more : dict, optional
        Variables of its environment beside those of this process.
    most_gib : float, optional
        Memory that each of its processes may take; more is refused to it, as a machine of that size would.

    Returns
    -------
    code : int
        Exit status.
    wall, cpu : float
        Seconds; CPU with all children.
    peak : float
        GiB, proportional set size of the process and its children together, sampled ten times a second.
    """

    def limited():
        if most_gib:
            resource.setrlimit(resource.RLIMIT_DATA, (int(most_gib * 2**30),) * 2)

    before, start, peak = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter(), 0.0
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "bin"), str(ROOT)])} | (more or {})
    process = subprocess.Popen([str(word) for word in command], cwd=folder, env=environment, preexec_fn=limited)
    while process.poll() is None:
        peak = max(peak, tree_memory(process.pid))
        time.sleep(0.1)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return process.returncode, wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak


def tree_memory(pid):
    """Proportional set size of a process and its children, GiB; 0 for one that has ended."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        own = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) / 2**20
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (OSError, StopIteration):
        return 0.0
    return own + sum(tree_memory(child) for child in children)
