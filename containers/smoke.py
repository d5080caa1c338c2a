#!/usr/bin/env python3
"""Smoke test of an image, run inside it: locked packages at their versions, the main ones import, programs run."""

import argparse
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def locked(text):
    """Package -> version of a lock file; lines that a marker excludes on Linux are left out."""
    lines = [line for line in re.findall(r"(?m)^([A-Za-z0-9_.-]+==[^\s;\\]+[^\\\n]*)", text) if "win32" not in line]
    return dict(re.match(r"([^=]+)==([^\s;]+)", line).groups() for line in lines)


def runs(program):
    """Whether a program is on PATH and says its version."""
    return bool(shutil.which(program)) and not subprocess.run([program, "--version"], capture_output=True).returncode


def problems(modules, skip, programs):
    """What is wrong with this image, as lines."""
    found = []
    for package, wanted in locked((FOLDER / "requirements.lock").read_text()).items():
        try:
            # a wheel of another index has its name after a plus: 2.1.0+cpu
            if version(package).split("+")[0] != wanted:
                found.append(f"{package} is {version(package)}, the lock says {wanted}")
        except PackageNotFoundError:
            if not re.match(skip, package):
                found.append(f"{package} is missing")
    for module in modules:
        # apart: whatever stops an import, a crash too, is a problem of the image
        done = subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True, text=True)
        if done.returncode:
            found.append(f"import {module}: {(done.stderr.strip().splitlines() or ['it crashed'])[-1]}")
    found += [f"{program} does not run" for program in ("ps", *programs) if not runs(program)]
    if not (FOLDER / "sbom.cdx.json").stat().st_size:
        found.append("the bill of materials is empty")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", help="to import")
    parser.add_argument("--program", action="append", default=[], help="to run")
    parser.add_argument("--skip", default="$", help="pattern of locked packages that this variant may lack")
    arguments = parser.parse_args()
    found = problems(arguments.modules, arguments.skip, arguments.program)
    if os.geteuid() == 0:
        found.append("the image runs as root")
    sys.exit("\n".join(found) or 0)
