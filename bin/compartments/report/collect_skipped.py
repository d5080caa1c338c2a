"""Join the skipped.tsv of all steps into one sorted table."""

import argparse

from compartments.core.left_out import write_skipped


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", required=True, help="study.json, for the order of the samples")
    parser.add_argument("pieces", nargs="+", help="skipped.tsv of the steps")
    arguments = parser.parse_args()

    import csv
    import json

    with open(arguments.study) as handle:
        order = {row["sample"]: number for number, row in enumerate(json.load(handle)["samples"])}
    rows = []
    for path in arguments.pieces:
        with open(path, newline="") as handle:
            rows += csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)
    # MERGE_SAMPLES can only say that files are missing: the step that lost the sample says why
    lost = {row["sample"] for row in rows if row["stage"] != "merge_samples" and not row["lineage"]}
    rows = [row for row in rows if row["sample"] not in lost or "by an earlier step" not in row["reason"]]
    unique = {tuple(row.values()): row for row in rows}.values()
    write_skipped(sorted(unique, key=lambda row: (order.get(row["sample"], len(order)), *row.values())))
