"""The table of several pools."""

import pytest

from compartments.core.errors import UserError
from compartments.counts.pool_table import read_pools

TABLE = "pool,file\nA,a.h5ad\nB,b.h5ad\n"


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (TABLE, [2, 3]),
        (TABLE.replace(",", ";"), [2, 3]),
        (TABLE.replace(",", "\t"), [2, 3]),
        ("#" + TABLE, [2, 3]),
        (TABLE.replace("A,", "# by hand\n\n,\nA,"), [5, 6]),
        (TABLE.replace("a.h5ad", '"a.h5ad"').replace("\n", "\r\n"), [2, 3]),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_table_of_pools_is_read_as_other_tables_are(tmp_path, text, rows, encoding):
    (tmp_path / "p.csv").write_bytes(text.encode(encoding))
    assert read_pools(tmp_path / "p.csv") == [
        {"row": row, "pool": name, "file": f"{name.lower()}.h5ad"} for row, name in zip(rows, "AB", strict=True)
    ]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"", "p.csv is empty; it needs a header and rows"),
        (b"pool,file\n", "p.csv has a header but no pool: add one row per pool, with its file"),
        (b"pool,path\nA,a.h5ad\n", "p.csv row 1: column 'file' is missing; it needs pool, file and has pool, path"),
        (b"pool,file\n\n# B\nA,\n", "p.csv row 4, column file: empty; give pool and file"),
        (b"pool,file\nA,a\n\nA,b\n", "p.csv row 4, column pool: 'A' is there twice; name pools apart"),
        ("pool,file\nA,é.h5ad\n".encode("latin1"), "p.csv row 2: not text in UTF-8 (byte 12); save it as CSV UTF-8"),
    ],
)
def test_a_wrong_table_of_pools_is_said_in_one_line(tmp_path, data, line):
    (tmp_path / "p.csv").write_bytes(data)
    with pytest.raises(UserError) as error:
        read_pools(tmp_path / "p.csv")
    assert str(error.value) == line
