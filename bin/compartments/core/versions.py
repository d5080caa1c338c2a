"""Print the versions of the named packages and of Python on one line: ``scanpy=1.12.4;python=3.12.1``."""

import os
import re
import sys
from argparse import Namespace

from compartments.core.options import Options

STEP = "versions"
RECORD = ".dist-info"


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("packages", nargs="*", help="names as on PyPI")
    return parser.parse_args()


def main() -> None:
    """Say the versions on standard output."""
    there = installed()
    found = [f"{name}={there.get(normalised(name), 'not installed')}" for name in arguments().packages]
    sys.stdout.write(";".join([*found, f"python={sys.version.split()[0]}"]) + "\n")


def installed() -> dict[str, str]:
    """Normalised name -> version of every installed package, the first on the path where there are two.

    By the names of the folders that record an installation (PyPA, Recording installed projects): every task asks, and
    ``importlib.metadata``, which reads what is in them, takes longer to import than all else that this step does.
    """
    found: dict[str, str] = {}
    for folder in filter(os.path.isdir, sys.path):
        for record in sorted(name for name in os.listdir(folder) if name.endswith(RECORD)):
            name, _, version = record.removesuffix(RECORD).rpartition("-")
            found.setdefault(normalised(name), version)
    return found


def normalised(name: str) -> str:
    """A package's name as the index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
