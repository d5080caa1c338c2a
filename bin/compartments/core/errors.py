"""What a step says when it cannot go on: one line for a user's mistake, a reason for a sample that is left out."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
USER_ERROR = 2
KILLED = 137  # as the shell says it of SIGKILL, and the pipeline then tries again with more memory
# how HDF5 names a file that is not there: h5py leaves the exception's own ``filename`` empty
IN_HDF5 = re.compile(r"unable to open file: name = '(.+)', errno = 2,")
FULL = re.compile("No space left on device|Disk quota exceeded|File too large")  # as the system says it


class UserError(Exception):
    """A mistake that the user can mend. The message says what is wrong, where, and how to fix it."""


class SampleSkipped(Exception):
    """One sample cannot be analysed at this step; the run goes on without it. The message is the reason."""


class WorkerKilled(Exception):
    """A process that the step started was killed, most likely for want of memory. The message says what to do."""


class CountsChanged(Exception):
    """Cells or counts that come out are not those that went in: a defect of the pipeline, not of the input."""


def run(main: Callable[[], None]) -> None:
    """Call ``main()`` and exit: 0 when done, 2 with one line on stderr for a :class:`UserError`, 137 with one for a
    :class:`WorkerKilled` and where memory cannot be had, so that the pipeline tries again with more.

    One line and 2 are also for a full disk, and for a file that is not there, if the exception names it: for a step
    called by hand it is nearly always a mistyped path, and the name says as much as the traceback would. Any other
    exception keeps its traceback: it is a defect of the pipeline, not of the input.
    """
    try:
        main()
    except UserError as error:
        sys.exit(_complain(str(error)))
    except WorkerKilled as error:
        _complain(str(error))
        sys.exit(KILLED)
    except MemoryError as error:
        _complain(f"out of memory ({error or 'it cannot be had'})")
        sys.exit(KILLED)
    except FileNotFoundError as error:
        name = _missing(error)
        if not name:
            raise
        sys.exit(_complain(f"{name}: there is no such file; check the path"))
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("compartments"):
            raise
        _again_in(PROJECT / ".tools" / "core")
        sys.exit(_complain(_lacking(error.name or str(error))))
    except (OSError, RuntimeError) as error:  # HDF5 says it as either
        full = _full(error)
        if not full:
            raise
        where = f"{full} in {Path.cwd()}"
        sys.exit(_complain(f"{where}: free some, or give a work folder with more (-work-dir); then -resume goes on"))


def _again_in(environment: Path) -> None:
    """Begin anew a step that was called by hand, with the Python that ``make setup`` installed: where there is one."""
    python = environment / "bin" / "python"
    by_hand = len(sys.orig_argv) > 1 and Path(sys.orig_argv[1]).name == "sc-compartments"
    if by_hand and python.is_file() and Path(sys.prefix).resolve() != environment.resolve():
        os.execv(python, [str(python), *sys.orig_argv[1:]])


def _lacking(package: str) -> str:
    """What to do about a package that is not there: in a task of the pipeline, and by hand."""
    if "NXF_TASK_WORKDIR" in os.environ:
        how = "run with a container profile (-profile docker, podman, apptainer ...) or, after `make setup`, with "
        return f"the Python package '{package}' is missing: {how}-profile local"
    where = f"`make setup` installs it in {PROJECT}/.tools"
    return f"the Python package '{package}' is missing from {sys.executable}: {where}"


def _missing(error: FileNotFoundError) -> str:
    """Name of the file that is not there; empty if the exception does not say it."""
    if error.filename:
        return str(error.filename)
    named = IN_HDF5.search(str(error))
    return named[1] if named else ""


def _full(error: BaseException | None) -> str:
    """What the system said of a disk that is full, of the exception or of one that it came from; else empty."""
    while error:
        if said := FULL.search(str(error)):
            return said[0]
        error = error.__cause__ or error.__context__
    return ""


def _complain(message: str) -> int:
    sys.stderr.write("ERROR: " + " ".join(message.split()) + "\n")
    return USER_ERROR


@contextmanager
def problem_in(path: str | Path) -> Iterator[None]:
    """Write the message of a :class:`UserError` to ``path`` as one line, for the caller to say; else an empty file."""
    problem = ""
    try:
        yield
    except UserError as error:
        problem = " ".join(str(error).split()) + "\n"
    Path(path).write_text(problem)
