"""Print the versions of the named packages and of Python on one line: ``scanpy=1.12.4;python=3.12.1``."""

import argparse
import platform
from importlib.metadata import PackageNotFoundError, version


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", nargs="*", help="names as on PyPI")
    found = []
    for package in parser.parse_args().packages:
        try:
            found.append(f"{package}={version(package)}")
        except PackageNotFoundError:
            found.append(f"{package}=not installed")
    print(";".join([*found, f"python={platform.python_version()}"]))
