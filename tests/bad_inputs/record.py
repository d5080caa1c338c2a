"""One bad or odd input: who makes it, which steps it goes through, and what must come out."""

import io
import os
import re
import sys
import traceback
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compartments.core import door
from compartments.core.errors import run


@dataclass
class Outcome:
    """What a step left behind: exit code, one stream of all that it said, a traceback if it fell."""

    code: int
    said: str
    fell: str = ""


@dataclass
class Row:
    """One input of the corpus.

    Attributes
    ----------
    name : str
        Unique; begins with the row of the log where it has one.
    kind : str
        What it is an example of; no kind has fewer than three rows.
    make : callable
        ``make(folder)`` writes the input and returns what ``check`` needs to call the steps.
    check : callable
        ``check(row, made, folder)`` calls the steps and fails unless the outcome is the one expected.
    expect : dict
        For ``check``: the line, the numbers, the note, exit code and stage.
    """

    name: str
    kind: str
    make: Callable[[Path], Any]
    check: Callable[["Row", Any, Path], None]
    expect: dict[str, Any] = field(default_factory=dict)


def call(step: str, *arguments: object, folder: Path) -> Outcome:
    """Run the ``main`` of a step in ``folder``, in this process, as its program would."""
    stream, kept = io.StringIO(), sys.argv
    try:
        with chdir(folder), redirect_stderr(stream), redirect_stdout(stream):
            run(lambda: door.call(step, [os.fspath(a) if isinstance(a, Path) else str(a) for a in arguments]))
        return Outcome(0, stream.getvalue())
    except SystemExit as end:
        return Outcome(int(end.code or 0), stream.getvalue())
    except Exception:  # noqa: BLE001  whatever it is, it is what the user would see
        return Outcome(1, stream.getvalue(), traceback.format_exc())
    finally:
        sys.argv = kept


def one_line(text: str, pattern: str, where: str) -> None:
    """``text`` is one line that matches, and shows nothing of the inside."""
    lines = text.strip().splitlines()
    assert len(lines) == 1, f"{where}: {len(lines)} lines for one: {text[:800]!r}"
    assert re.search(pattern, lines[0]), f"{where}: says {lines[0]!r}, not /{pattern}/"
    for inside in ("Traceback", "Error(", "NoneType", "<class", "0x7f"):
        assert inside not in lines[0], f"{where}: shows the inside: {lines[0]!r}"


def read_text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
