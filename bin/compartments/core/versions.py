"""Print the versions of the named packages and of Python on one line: ``scanpy=1.12.4;python=3.12.1``."""

import platform
import sys
from argparse import Namespace
from importlib.metadata import PackageNotFoundError, version

from compartments.core.options import Options

STEP = "versions"


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("packages", nargs="*", help="names as on PyPI")
    return parser.parse_args()


def main() -> None:
    """Say the versions on standard output."""
    found = []
    for package in arguments().packages:
        try:
            found.append(f"{package}={version(package)}")
        except PackageNotFoundError:
            found.append(f"{package}=not installed")
    sys.stdout.write(";".join([*found, f"python={platform.python_version()}"]) + "\n")
