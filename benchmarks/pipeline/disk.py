"""Disk that a finished run took, beside the size of its inputs: what to plan for, and what cleaning up gives back.

    .tools/core/bin/python -m benchmarks.pipeline.disk RESULTS --work WORK --inputs FILE [FILE ...]

Prints the size of inputs, work folder and results, their ratios, and the part of the work folder of every process.
"""

import argparse
import os
from pathlib import Path

import pandas as pd

from benchmarks.scoreboard import machine


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder, each once; what links point to is elsewhere."""
    if path.is_file():
        return path.stat().st_size
    inodes = {}
    for folder, _, names in os.walk(path):
        for name in names:
            found = os.lstat(os.path.join(folder, name))
            inodes[found.st_ino] = found.st_blocks * 512 if not os.path.islink(os.path.join(folder, name)) else 0
    return sum(inodes.values())


def by_process(trace: pd.DataFrame) -> pd.DataFrame:
    """Bytes of the work folders of each process, largest first.

    Parameters
    ----------
    trace : DataFrame
        ``pipeline_info/trace.tsv``: ``process, workdir``.
    """
    known = trace[[Path(place).is_dir() for place in trace["workdir"]]]
    sizes = known["workdir"].map(lambda place: size_of(Path(place)))
    names = known["process"].str.split(":").str[-1]
    return sizes.groupby(names).agg(["size", "sum"]).sort_values("sum", ascending=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--inputs", type=Path, nargs="+", required=True)
    given = parser.parse_args()
    inputs = sum(size_of(path) for path in given.inputs)
    for name, path in (("work folder", given.work), ("results", given.results)):
        size = size_of(path)
        print(f"{name}: {size / 1e6:.0f} MB, {size / inputs:.2f} times the inputs ({inputs / 1e6:.0f} MB)")
    for process, row in by_process(pd.read_csv(given.results / "pipeline_info" / "trace.tsv", sep="\t")).iterrows():
        print(f"{process}\t{row['size']} tasks\t{row['sum'] / 1e6:.1f} MB")
    print(machine())


if __name__ == "__main__":
    main()
