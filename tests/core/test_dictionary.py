"""The data dictionary."""

from compartments.core import dictionary


def test_dictionary_is_well_formed():
    rows = dictionary.load()
    assert all(list(row) == dictionary.COLUMNS and None not in row.values() for row in rows)
    keys = [(row["file"], row["column"]) for row in rows]
    assert len(keys) == len(set(keys))
    assert all(row["meaning"] for row in rows)
    tables = [row for row in rows if row["column"] and not row["file"].endswith(".h5ad")]
    assert {row["type"] for row in tables} <= {"text", "number", "integer", "flag", "list", "any"}


def test_dictionary_has_the_columns_of_the_code():
    from compartments.compare import across, calls, genesets, untested
    from compartments.core import vocabulary
    from compartments.findings.rows import COLUMNS as FINDINGS
    from compartments.study import samplesheet

    rows = dictionary.load()
    for file, columns in {
        "findings.tsv": FINDINGS,
        "composition/calls.tsv": calls.CALLS,
        "migration/scores.tsv": genesets.SCORE_COLUMNS,
        "interactions/not_testable.tsv": untested.COLUMNS,
        "interactions/cross_compartment.tsv": across.COLUMNS,
        "samples.tsv": [*samplesheet.REQUIRED, *vocabulary.INPUTS, *vocabulary.NUMBERS],
        "skipped.tsv": ["stage", "sample", "lineage", "contrast", "reason"],
    }.items():
        known = [
            row["column"] for row in rows if file == row["file"] or ("*" in row["file"] and file.endswith(".parquet"))
        ]
        if file.endswith(".parquet"):
            known = list(dictionary.meanings(rows, file))
        assert [c for c in columns if c not in known] == [], file
