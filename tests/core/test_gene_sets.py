"""Files of gene sets and their errors."""

import pytest

from compartments.core import gene_sets
from compartments.core.errors import UserError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A\tsource\tX\tY\nB\tsource\n", "line 2"),
        ("A source X Y\n", "line 1"),
        ("A\td\tX\n\nA\td\tY\n", "line 3"),
        ("\n", "no gene set"),
        ("A\td\t\t\n", "line 1"),
    ],
)
def test_gmt_errors(tmp_path, text, expected):
    path = tmp_path / "bad.gmt"
    path.write_text(text)
    with pytest.raises(UserError, match=expected):
        gene_sets.read_gmt(path)


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    (tmp_path / "a.gmt").write_bytes("\ufeffA\td\tX\r\nB\td\tY\r\n".encode())
    assert gene_sets.read_gmt(tmp_path / "a.gmt") == {"A": ["X"], "B": ["Y"]}
