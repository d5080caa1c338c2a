"""The table of several pools, by the rules of all tables that users write."""

from pathlib import Path

from compartments.core.errors import UserError
from compartments.core.sheets import read_sheet, shown


def read_pools(table: Path) -> list[dict[str, int | str]]:
    """Row in the table, pool and file of each pool, as the user's table says it.

    Raises
    ------
    UserError
        As :func:`~compartments.core.sheets.read_sheet`; no row, an empty cell, a pool twice.
    """
    rows = read_sheet(table, ["pool", "file"])[["pool", "file"]]
    if rows.empty:
        raise UserError(f"{table.name} has a header but no pool: add one row per pool, with its file")
    for number, row in rows.isna().iterrows():
        for column in rows.columns[row]:
            raise UserError(f"{table.name} row {number}, column {column}: empty; give pool and file")
    twice = rows["pool"].duplicated()
    if twice.any():
        raise UserError(
            f"{table.name} row {twice.idxmax()}, column pool: '{shown(rows['pool'][twice.idxmax()])}' is there twice; "
            "name pools apart"
        )
    found = zip(rows.index.tolist(), rows["pool"], rows["file"], strict=True)
    return [{"row": number, "pool": pool, "file": file} for number, pool, file in found]
