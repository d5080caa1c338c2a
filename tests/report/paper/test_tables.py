"""Tables cut for paper."""

import numpy as np
import pandas as pd

from compartments.report.blocks import Table
from compartments.report.paper.tables import LETTERS, ROWS, named, printed


def table(frame, file="a/b.tsv", note="Note."):
    return Table("name", "Title", frame, file, note)


def test_a_short_table_is_printed_whole():
    shown = printed(table(pd.DataFrame({"lineage": ["B", "T"], "n": [1, 2000], "empty": [None, None]})))
    assert shown.columns == ["lineage", "n"] and shown.rows == [["B", "1"], ["T", "2,000"]]
    assert shown.note == "Note. From a/b.tsv." and shown.numeric == [False, True]


def test_of_a_long_table_the_smallest_q_are_printed_and_the_file_named():
    frame = pd.DataFrame({"gene": [f"G{i}" for i in range(100)], "q_value": np.linspace(1, 0.01, 100)})
    shown = printed(table(frame))
    assert [row[0] for row in shown.rows] == [f"G{99 - i}" for i in range(ROWS)]
    assert shown.note == f"Note. Printed are the {ROWS} of 100 rows with the smallest q_value. All is in a/b.tsv."
    shown = printed(table(frame.drop(columns="q_value"), file=""))
    assert [row[0] for row in shown.rows] == [f"G{i}" for i in range(ROWS)]
    assert shown.note == f"Note. Printed are the first {ROWS} of 100 rows. All is on the page, report.html."


def test_columns_that_have_no_room_are_named():
    frame = pd.DataFrame({f"c{i}": [f"{'x' * 20}{k}{i}" for k in range(3)] for i in range(12)} | {"same": "CSF"})
    shown = printed(table(frame))
    kept = len(shown.columns)
    assert 0 < kept < 12 and shown.columns == [f"c{i}" for i in range(kept)]
    assert f"Not printed: {'; '.join(f'c{i}' for i in range(kept, 12))}." in shown.note
    assert "In all: same: CSF." in shown.note and shown.note.endswith("All is in a/b.tsv.")
    assert sum(len(cell) for cell in shown.rows[0]) <= LETTERS


def test_what_the_printed_rows_share_is_not_said_of_the_others():
    """The eight rows of the smallest q are of one lineage; the others, which are in the file, are not."""
    frame = pd.DataFrame({"gene": [f"G{i}" for i in range(40)], "lineage": ["pDC"] * 8 + ["B"] * 32, "term": "in CSF"})
    shown = printed(table(frame.assign(q_value=np.linspace(0.001, 0.9, 40))))
    assert shown.columns == ["gene", "q_value"]
    assert "In all: term: in CSF. In all that are printed: lineage: pDC. All is in" in shown.note


def test_headings_are_for_readers_and_no_wider_than_their_column():
    frame = pd.DataFrame({"p_value": [0.1, 0.2], "mde80": [1.5, 2.5]})
    shown = printed(Table("name", "Title", frame, "f.tsv", headings={"mde80": "detectable change, log2"}))
    assert shown.columns == ["p_value", "detectable\nchange,\nlog2"]


def test_folded_tables_are_named_with_their_file():
    assert named([table(pd.DataFrame({"a": range(1200)}))]) == ["Title (1,200 rows; a/b.tsv)"]
