"""All rows of the corpus."""

from tests.bad_inputs import (
    cohort_rows,
    h5_rows,
    h5ad_rows,
    hostile_rows,
    label_rows,
    mtx_rows,
    parameter_rows,
    sheet_rows,
    store_rows,
)

ROWS = [
    *(mtx_rows.ROWS + h5_rows.ROWS + h5ad_rows.ROWS),
    *(sheet_rows.ROWS + parameter_rows.ROWS + label_rows.ROWS),
    *(hostile_rows.ROWS + cohort_rows.ROWS + store_rows.ROWS),
]
