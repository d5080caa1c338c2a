"""What a step says when it cannot go on: one line for a user's mistake, a reason for a sample that is left out."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

USER_ERROR = 2


class UserError(Exception):
    """A mistake that the user can mend. The message says what is wrong, where, and how to fix it."""


class SampleSkipped(Exception):
    """One sample cannot be analysed at this step; the run goes on without it. The message is the reason."""


class CountsChanged(Exception):
    """Cells or counts that come out are not those that went in: a defect of the pipeline, not of the input."""


def run(main: Callable[[], None]) -> None:
    """Call ``main()`` and exit: 0 when done, 2 with one line on stderr for a :class:`UserError`.

    Any other exception keeps its traceback: it is a defect of the pipeline, not of the input.
    """
    try:
        main()
    except UserError as error:
        sys.exit(_complain(str(error)))
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("compartments"):
            raise
        sys.exit(
            _complain(
                f"the Python package '{error.name}' is missing: run with a container profile "
                "(-profile docker, podman, apptainer ...) or, after `make setup`, with -profile local"
            )
        )


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
