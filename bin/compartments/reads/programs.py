"""Programs that the steps on reads run: one line where one is missing, was killed or refuses its input."""

import shutil
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from os import environ
from typing import NamedTuple

from compartments.core.errors import UserError, WorkerKilled

HOW = "run with a container profile (-profile docker, podman, apptainer ...) or, after `{}`, with -profile local"


class Program(NamedTuple):
    """A program on PATH.

    Attributes
    ----------
    name : str
    wanted_by : str
        The parameter that asks for it, empty where nothing else would do.
    setup : str
        What installs it for profile local.
    at_end : bool
        Whether it says at the end what is wrong, after its progress.
    """

    name: str
    wanted_by: str = ""
    setup: str = "make setup-counts"
    at_end: bool = True

    @property
    def missing(self) -> str:
        """What is said where it is not on PATH."""
        asked = f", which {self.wanted_by} asks for" if self.wanted_by else ""
        return f"{self.name} is missing{asked}: {HOW.format(self.setup)}"


def run(program: Program, options: Sequence[str], more: Mapping[str, str] | None = None) -> str:
    """Run a program in this folder, with ``more`` variables of the environment; what it wrote to its output.

    Raises
    ------
    UserError
        It is not installed, is not made for this processor, or refuses its input: its own words.
    WorkerKilled
        It was killed, most likely for want of memory.
    """
    path = shutil.which(program.name)
    if path is None:
        raise UserError(program.missing)
    done = subprocess.run(
        [path, *options], capture_output=True, text=True, errors="replace", check=False, env={**environ, **(more or {})}
    )
    said = done.stderr + done.stdout
    if done.returncode in (-signal.SIGKILL, 137) or "bad_alloc" in said or "memory allocation of" in said:
        raise WorkerKilled(f"{program.name} was killed or had too little memory; give it more")
    if done.returncode in (-signal.SIGILL, 128 + signal.SIGILL):
        raise UserError(f"{program.name} was built for another processor than this one (it needs AVX2 on x86)")
    if done.returncode:
        raise UserError(f"{program.name} ended with status {done.returncode}: {_words(said, program.at_end)}")
    return done.stdout


def _words(said: str, at_end: bool) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip() and "EXITING" not in line]
    return " ".join(lines[-2:] if at_end else lines[:3])[:400] or "no word"


def lacking(programs: Iterable[Program]) -> list[str]:
    """What is said of each program that is not here or does not run."""
    found = []
    for program in programs:
        try:
            run(program, ["--version"])
        except UserError as error:
            found.append(str(error))
    return found


def versions(programs: Iterable[Program]) -> list[str]:
    """``name=version`` of programs, as they say it: with their name in front or without."""
    return [f"{one.name}={run(one, ['--version']).split()[-1]}" for one in programs]
