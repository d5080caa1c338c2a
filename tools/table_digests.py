#!/usr/bin/env python3
"""SHA-256 of every table and summary of a finished run, and of each of its columns: the net under a change of the code.

take RESULTS      print the digests as a table: file, column (empty for the file as a whole), sha256
check RESULTS     compare with --digests, and say what differs but for what --changes lists (file, column, reason)
"""

import argparse
import hashlib
import json
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pandas as pd

PATTERNS = ("*.tsv", "*.tsv.gz", "*.json", "*.parquet")
OF_THE_RUN = ("pipeline_info", "ro-crate-metadata.json", "multiqc")  # they describe the run, or repeat other tables


def columns(path: Path) -> dict[str, str]:
    """Column (or key of a summary) -> its values as text, to be hashed one by one."""
    if path.suffix == ".json":
        read = json.loads(path.read_text())
        return {key: json.dumps(value) for key, value in read.items()} if isinstance(read, dict) else {}
    if path.suffix == ".parquet":
        table = pd.read_parquet(path)
        return {name: table[name].to_csv(index=False, header=False) for name in table}
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    return {name: "\n".join(table[name]) for name in table}


def digests(results: Path) -> pd.DataFrame:
    """``file, column, sha256`` of every table below a results folder; a file as a whole has an empty column."""
    rows = []
    for path in sorted({path for pattern in PATTERNS for path in results.rglob(pattern)}):
        file = str(path.relative_to(results))
        if file.split("/")[0] in OF_THE_RUN:
            continue
        rows.append((file, "", hashlib.sha256(path.read_bytes()).hexdigest()))
        rows += [(file, name, hashlib.sha256(text.encode()).hexdigest()) for name, text in columns(path).items()]
    return pd.DataFrame(rows, columns=["file", "column", "sha256"])


def differences(before: pd.DataFrame, after: pd.DataFrame, changes: pd.DataFrame) -> list[str]:
    """Files and columns that differ and are not listed as changed on purpose (``*`` in ``file`` or ``column``)."""
    keys = ["file", "column"]
    joined = before.merge(after, on=keys, how="outer", suffixes=("_before", "_after"))
    joined = joined[joined["sha256_before"].fillna("") != joined["sha256_after"].fillna("")]
    whole = set(
        joined.loc[joined["column"].eq("") & joined[["sha256_before", "sha256_after"]].isna().any(axis=1), "file"]
    )
    joined = joined[joined["column"].eq("") | ~joined["file"].isin(whole)]
    listed = list(changes[keys].itertuples(index=False, name=None))

    def meant(file: str, column: str) -> bool:
        # a file as a whole may differ where one of its columns may
        return any(fnmatchcase(file, one) and (fnmatchcase(column, name) or not column) for one, name in listed)

    found = []
    for row in joined.itertuples():
        if not meant(row.file, row.column):
            what = "is gone" if pd.isna(row.sha256_after) else "is new" if pd.isna(row.sha256_before) else "differs"
            found.append(f"{row.file} {row.column} {what}".replace("  ", " "))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["take", "check"])
    parser.add_argument("results", type=Path)
    parser.add_argument("--digests", type=Path, help="table of `take`, of the run to compare with")
    parser.add_argument("--changes", type=Path, help="TSV of what may differ: file, column, reason")
    arguments = parser.parse_args()
    found = digests(arguments.results)
    if arguments.what == "take":
        found.to_csv(sys.stdout, sep="\t", index=False)
        return
    options = {"sep": "\t", "dtype": str, "keep_default_na": False}
    changes = (
        pd.read_csv(arguments.changes, **options) if arguments.changes else pd.DataFrame([], columns=["file", "column"])
    )
    lines = differences(pd.read_csv(arguments.digests, **options), found, changes)
    print("\n".join(lines) or f"{(found['column'] == '').sum()} tables and summaries as before")
    sys.exit(bool(lines))


if __name__ == "__main__":
    main()
