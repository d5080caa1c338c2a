"""Figures as files, the table behind each beside it."""

import numpy as np
import pandas as pd

from compartments.core.files import read_tsv
from compartments.report.paper.document import figures_of
from compartments.report.paper.files import file_names, table_of


def test_every_figure_has_its_files(printed):
    folder, sections = printed
    names = set(file_names(figures_of(sections)).values())
    found = {path.name for path in (folder / "figures").iterdir()}
    assert found == {f"{name}.{kind}" for name in names for kind in ("svg", "pdf", "tsv")} and len(names) > 30


def test_the_table_beside_a_figure_has_the_numbers_of_the_page(printed):
    folder, sections = printed
    for figure in figures_of(sections):
        columns = figure.json()["csv"]
        table = read_tsv(folder / "figures" / f"{figure.name}.tsv", text=[c for c, v in columns.items() if texts(v)])
        assert list(table) == list(columns)
        for column, values in columns.items():
            wanted = pd.Series(values, dtype=object).replace("", None)
            if texts(values) or not pd.api.types.is_float_dtype(table[column]):
                same = (table[column].astype(object) == wanted) | (table[column].isna() & wanted.isna())
                assert same.all(), (figure.name, column)
            else:
                np.testing.assert_allclose(table[column], wanted.astype(float), rtol=1e-5, err_msg=figure.name)


def texts(values):
    return any(isinstance(value, str) for value in values)


def test_names_that_file_systems_dislike(figure):
    from dataclasses import replace

    names = ["a/b <c>", "a b c", "..", "A_b_c", "T\u00e4g"]
    figures = [replace(figure(), name=name) for name in names]
    assert list(file_names(figures).values()) == ["a_b_c_", "a_b_c", "figure", "A_b_c_2", "T_g"]
    assert "_x" not in table_of(replace(figure(), data=pd.DataFrame({"a": [1], "_x": [2]})))
