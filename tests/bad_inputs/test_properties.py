"""What must hold of every samplesheet and every matrix, however they are written."""

import csv
import io
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from compartments.core.errors import UserError
from compartments.core.files import read_tsv, write_tsv
from compartments.counts.reading import read_counts
from compartments.study.samplesheet import parse_samplesheet
from tests.bad_inputs import toy
from tests.bad_inputs.designed import GOOD

ROWS = [line.split(",") for line in GOOD.splitlines()]
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
WAYS = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from(",;\t"),
        "lineterminator": st.sampled_from(["\n", "\r\n", "\r"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    }
)


def written(rows, before="", **way):
    text = io.StringIO(newline="")
    csv.writer(text, **way).writerows(rows)
    return before + text.getvalue()


@settings(max_examples=60)
@given(st.lists(TEXT, min_size=8, max_size=8), st.integers(1, 5), WAYS)
def test_free_text_never_moves_a_cell(texts, place, way):
    """Whatever stands in a further column, all other cells are those of the sheet without it; or one line says why."""
    notes = ["note", *(f"x{text}x" for text in texts)]
    rows = [[*row[:place], note, *row[place:]] for row, note in zip(ROWS, notes, strict=True)]
    try:
        found = parse_samplesheet(written(rows, **way))
    except UserError as error:
        assert "\n" not in str(error)
        return
    plain = parse_samplesheet(GOOD)
    columns = ROWS[0]
    pd.testing.assert_frame_equal(found[columns], plain[columns])
    assert len(found) == 8 and "".join(found["note"]).count("x") >= 16


@settings(max_examples=60)
@given(WAYS, st.sampled_from(["", "\ufeff"]), st.booleans(), st.booleans())
def test_how_a_sheet_is_written_does_not_matter(way, mark, comment, padded):
    rows = [[f" {cell} " for cell in row] if padded else row for row in ROWS]
    before = mark + ("# a comment" + way["lineterminator"] if comment else "")
    found, plain = parse_samplesheet(written(rows, before, **way)), parse_samplesheet(GOOD)
    pd.testing.assert_frame_equal(found.drop(columns="row"), plain.drop(columns="row"))


@settings(max_examples=40)
@given(st.lists(TEXT, min_size=1, max_size=6))
def test_a_table_is_read_as_it_was_written(texts):
    """Identifiers stay texts: 01 is not 1, NA is a name; a text of several lines stays in its row."""
    table = pd.DataFrame({"sample": [f"0{i}" for i in range(len(texts))], "donor": "NA", "note": texts})
    with tempfile.TemporaryDirectory() as folder:
        write_tsv(table, Path(folder) / "t.tsv")
        found = read_tsv(Path(folder) / "t.tsv", text=("sample", "donor", "note"))
    assert found["sample"].tolist() == table["sample"].tolist() and set(found["donor"]) == {"NA"}


@settings(max_examples=25)
@given(
    st.integers(2, 9), st.integers(2, 9), st.integers(0, 2**32 - 1),
    st.sampled_from(["h5", "mtx", "turned", "csr", "csc", "dense"]),
    st.sampled_from([np.int8, np.uint16, np.int64, np.float32, np.float64]),
)  # fmt: skip
def test_counts_are_those_that_were_written(n, genes, seed, form, dtype):
    """Of every layout and type of numbers, with rows and columns in their order."""
    rng = np.random.default_rng(seed)
    dense = rng.poisson(1.0, (n, genes))
    dense[:, 0] += 1  # no barcode without counts
    matrix, names = sp.csr_matrix(dense), toy.symbols()[:genes]
    stored, ids, barcode = matrix.astype(dtype), toy.ids()[:genes], toy.barcodes()[:n]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "m"
        if form == "h5":
            toy.h5(place, stored, ids=ids, names=names, barcode=barcode)
        elif form in ("mtx", "turned"):
            rows = toy.lines_of(ids, names)
            toy.mtx(place, matrix, rows=rows, barcode=barcode, turned=form == "turned" and n != genes)
        else:
            toy.h5ad(place, {"csr": stored, "csc": sp.csc_matrix(stored), "dense": stored.toarray()}[form])
        counts = read_counts(place)
    assert counts.matrix.dtype == np.int32 and (counts.matrix.toarray() == dense).all()
    assert list(counts.barcodes) == barcode and list(counts.symbol) == names
