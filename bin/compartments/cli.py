"""What every executable in ``bin/`` shares: one-line errors, skips and seeds. Imports nothing heavy."""

import os
import sys
from contextlib import contextmanager
from pathlib import Path

SKIPPED_COLUMNS = ["stage", "sample", "lineage", "contrast", "reason"]
USER_ERROR = 2


class UserError(Exception):
    """A mistake that the user can mend. The message says what is wrong, where, and how to fix it."""


class SampleSkipped(Exception):
    """One sample cannot be analysed at this step; the run goes on without it. The message is the reason."""


def run(main):
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


def _complain(message):
    print("ERROR: " + " ".join(message.split()), file=sys.stderr)
    return USER_ERROR


@contextmanager
def problem_in(path):
    """Write the message of a :class:`UserError` to ``path`` as one line, for the caller to say; else an empty file."""
    problem = ""
    try:
        yield
    except UserError as error:
        problem = " ".join(str(error).split()) + "\n"
    Path(path).write_text(problem)


def write_skipped(rows, path="skipped.tsv"):
    """Write reasons for what was left out.

    Parameters
    ----------
    rows : list of dict
        Keys from ``SKIPPED_COLUMNS``; missing ones become empty.
    path : str or Path
        The table; written with its header also when ``rows`` is empty.
    """
    with replacing(path) as temporary, open(temporary, "w") as out:
        out.write("\t".join(SKIPPED_COLUMNS) + "\n")
        for row in rows:
            cells = [" ".join(str(row.get(column, "")).split()) for column in SKIPPED_COLUMNS]
            out.write("\t".join(cells) + "\n")


class replacing:
    """Context manager: write to a temporary neighbour and rename it on success, so nothing stays half-written.

    >>> with replacing("table.tsv") as temporary:        # doctest: +SKIP
    ...     frame.to_csv(temporary, sep="\\t")
    """

    def __init__(self, path):
        self.path = Path(path)
        # the suffix stays last: pandas and anndata choose compression and format by it
        self.temporary = self.path.with_name(f".{os.getpid()}.{self.path.name}")

    def __enter__(self):
        return self.temporary

    def __exit__(self, kind, value, traceback):
        if kind is None:
            self.temporary.replace(self.path)
        else:
            self.temporary.unlink(missing_ok=True)
