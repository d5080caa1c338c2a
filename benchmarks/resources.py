"""Memory and CPU time of each step against the size of its input files, fitted to the traces of finished runs.

    python -m benchmarks.resources small/pipeline_info/trace.tsv large/pipeline_info/trace.tsv ...

The work folders of the runs must still be there: a task's input is what its work folder links to. Prints one row per
process: tasks, input in MB, memory asked for and used at most, peak memory as `base + slope * input` above all points,
CPU seconds likewise, and bytes written per byte of input. They are the figures of conf/resources.tsv, from which
requests are made (half as much memory again) and needs foreseen; a line through few sizes is a guide, the retries are
the guarantee.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.demo_resources import amount


def input_mb(folder):
    """Megabytes that the links in a work folder lead to, folders included; the task's own outputs do not count."""
    total = 0
    for path in Path(folder).rglob("*"):
        if path.is_symlink() and not path.name.startswith(".command"):
            target = path.resolve()
            files = [one for one in target.rglob("*") if one.is_file()] if target.is_dir() else [target]
            total += sum(one.stat().st_size for one in files if one.exists())
    return total / 1e6


def output_mb(folder):
    """Megabytes of the files in a work folder that are no links."""
    files = (path for path in Path(folder).rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files) / 1e6


def line(x, y):
    """Base and slope of a line above the points: least squares, raised to the highest; never falling."""
    slope = max(np.polyfit(x, y, 1)[0], 0.0) if np.ptp(x) > 0 else 0.0
    return float(np.max(y - slope * x)), float(slope)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("traces", nargs="+", help="pipeline_info/trace.tsv of finished runs")
    rows = pd.concat([pd.read_csv(path, sep="\t") for path in parser.parse_args().traces])
    rows = rows[rows["status"].isin(["COMPLETED", "CACHED"]) & rows["workdir"].map(lambda path: Path(path).is_dir())]
    rows = rows.assign(
        process=rows["process"].str.split(":").str[-1],
        input_mb=rows["workdir"].map(input_mb),
        output_mb=rows["workdir"].map(output_mb),
        peak_mb=rows["peak_rss"].map(amount),
        asked_mb=rows["memory"].map(amount),
        seconds=rows["realtime"].map(amount) * pd.to_numeric(rows["%cpu"].str.rstrip("%"), errors="coerce") / 100,
    )
    columns = "process tasks input_mb asked_mb peak_mb memory_mb memory_per_mb seconds seconds_per_mb written_per_mb"
    print(columns.replace(" ", "\t"))
    for process, group in rows.groupby("process", sort=True):
        x = group["input_mb"].to_numpy()
        memory, seconds = line(x, group["peak_mb"].to_numpy()), line(x, group["seconds"].fillna(0).to_numpy())
        print(
            f"{process}\t{len(group)}\t{x.min():.2f}-{x.max():.2f}\t{group['asked_mb'].max():.0f}"
            f"\t{group['peak_mb'].max():.0f}\t{memory[0]:.0f}\t{memory[1]:.1f}\t{seconds[0]:.1f}\t{seconds[1]:.2f}"
            f"\t{group['output_mb'].sum() / max(x.sum(), 1e-6):.2f}"
        )


if __name__ == "__main__":
    main()
