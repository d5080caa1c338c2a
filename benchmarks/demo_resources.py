"""Print wall time, CPU time and peak memory per process of a finished run, from its trace.

python -m benchmarks.demo_resources results/demo/pipeline_info/trace.tsv
"""

import argparse
import os
import platform
import re
from datetime import datetime

import pandas as pd

UNITS = {
    "B": 1e-6,
    "KB": 1e-3,
    "MB": 1.0,
    "GB": 1e3,
    "TB": 1e6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}


def amount(text):
    """'1m 5s' as seconds, '1.2 GB' as megabytes; 0 for '-'."""
    parts = re.findall(r"([\d.]+)\s*(ms|[smhd]|[KMGT]?B)\b", str(text))
    return sum(float(number) * UNITS[unit] for number, unit in parts)


def per_process(path):
    """Of a trace: tasks, seconds, memory asked for and used at most, bytes read and written, in MB, of each process."""
    trace = pd.read_csv(path, sep="\t")
    trace = trace[trace["status"].isin(["COMPLETED", "CACHED"])]
    trace["process"] = trace["process"].str.split(":").str[-1]
    for column in ("realtime", "memory", "peak_rss", "rchar", "wchar"):
        trace[column] = trace[column].map(amount)
    trace["cpu"] = trace["realtime"] * pd.to_numeric(trace["%cpu"].str.rstrip("%"), errors="coerce").fillna(0) / 100
    start, end = pd.to_datetime(trace["submit"]).min(), pd.to_datetime(trace["complete"]).max()
    table = trace.groupby("process").agg(
        tasks=("task_id", "size"),
        wall_s=("realtime", "sum"),
        cpu_s=("cpu", "sum"),
        peak_mb=("peak_rss", "max"),
        asked_mb=("memory", "max"),
        read_mb=("rchar", "sum"),
        written_mb=("wchar", "sum"),
    )
    return table.loc[trace.sort_values("task_id")["process"].unique()], (end - start).total_seconds()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trace", help="pipeline_info/trace.tsv")
    table, seconds = per_process(parser.parse_args().trace)
    print("| process | tasks | wall, s (sum) | CPU, s (sum) | peak memory, MB |\n|---|---|---|---|---|")
    for process, row in table.iterrows():
        print(f"| {process} | {row.tasks:.0f} | {row.wall_s:.0f} | {row.cpu_s:.0f} | {row.peak_mb:.0f} |")
    print(
        f"\nFirst task to last: {seconds:.0f} s; CPU {table['cpu_s'].sum():.0f} s; "
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, {datetime.now():%Y-%m-%d}"
    )


if __name__ == "__main__":
    main()
