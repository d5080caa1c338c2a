#!/usr/bin/env python3
"""Print what an image holds, Python and Debian packages and crates, as a CycloneDX 1.5 bill of materials."""

import argparse
import json
import shutil
import subprocess
from importlib.metadata import distributions
from pathlib import Path

CRATES = Path(__file__).resolve().parent / ".crates2.json"  # as `cargo install` leaves it


def python_packages():
    """Installed distributions as (name, version), sorted."""
    found = {(one.metadata["Name"].lower().replace("_", "-"), one.version) for one in distributions()}
    return sorted(found)


def debian_packages():
    """Installed Debian packages as (name, version), sorted; none where dpkg is absent."""
    if shutil.which("dpkg-query") is None:
        return []
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Package}\t${Version}\n"], capture_output=True, text=True)
    return sorted(tuple(line.split("\t")) for line in done.stdout.splitlines())


def crates():
    """Crates whose programs were built into the image as (name, version), sorted; none where none were."""
    installed = json.loads(CRATES.read_text())["installs"] if CRATES.exists() else {}
    return sorted(tuple(one.split()[:2]) for one in installed)


def bill(name):
    """The bill of materials of the image ``name``, a CycloneDX document as a dict."""
    components = [
        {"type": "library", "name": package, "version": version, "purl": f"pkg:{kind}/{package}@{version}"}
        for kind, packages in (("pypi", python_packages()), ("deb/debian", debian_packages()), ("cargo", crates()))
        for package, version in packages
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": f"sc-compartments {name}"}},
        "components": components,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True, help="core or cellbender")
    print(json.dumps(bill(parser.parse_args().name), indent=1))
