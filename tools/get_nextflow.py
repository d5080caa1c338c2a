#!/usr/bin/env python3
"""Fetch the jars of a Nextflow engine, each at the version and checksum of nextflow.lock, from Maven Central."""

import argparse
import hashlib
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jgo.maven import MavenContext


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lock", type=Path, required=True, help="lines: group:artifact:version sha256=...")
    parser.add_argument("--out", type=Path, required=True, help="folder for the jars")
    arguments = parser.parse_args()
    context = MavenContext(repo_cache=arguments.out.parent / "cache", timeout=60)
    arguments.out.mkdir(parents=True, exist_ok=True)

    def fetch(line):
        coordinates, checksum = line.split(" sha256=")
        group, artifact, version = coordinates.split(":")
        for attempt in range(3):
            try:
                jar = Path(context.project(group, artifact).at_version(version).artifact().resolve())
                break
            except Exception:
                if attempt == 2:
                    raise
        if hashlib.sha256(jar.read_bytes()).hexdigest() != checksum:
            raise SystemExit(f"ERROR: {coordinates}: the file fetched is not the one in {arguments.lock.name}")
        shutil.copy(jar, arguments.out / jar.name)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fetch, arguments.lock.read_text().splitlines()))
    shutil.rmtree(arguments.out.parent / "cache")


if __name__ == "__main__":
    try:
        main()
    except (OSError, LookupError, RuntimeError, ValueError) as error:
        sys.exit(f"ERROR: the Nextflow engine could not be fetched ({error}); install Nextflow 25.04 or newer yourself")
