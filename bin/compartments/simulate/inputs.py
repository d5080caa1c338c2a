"""What a user gives in place of a preset's composition and effects."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from compartments.core.errors import UserError

CELLS_ELSEWHERE = 600  # per sample of a compartment that the settings do not know
MIN_CELLS = 20


def read_base(path: str, lineages: Collection[str]) -> pd.DataFrame:
    """Shares without the condition, lineages x compartments, from a TSV ``lineage`` and a column per compartment.

    Raises
    ------
    UserError
        No file, unknown lineage, no compartment, shares that are not shares.
    """
    base = _read_table(path, ["lineage"]).set_index("lineage")
    if base.shape[1] < 1:
        raise UserError(f"{path}: give a column of shares for each compartment, the reference last")
    _check_lineages(base.index, lineages, path)
    base = base.apply(pd.to_numeric, errors="coerce")
    if base.isna().any(axis=None) or (base < 0).any(axis=None) or not (base.sum() > 0).all():
        raise UserError(f"{path}: shares must be numbers of 0 or more, and some above 0 in each compartment")
    return base


def read_effects(path: str, base: pd.DataFrame) -> pd.DataFrame:
    """Change of abundance, log2, in the shape of ``base``, from a TSV ``lineage, compartment, log2fc``.

    Raises
    ------
    UserError
        No file, unknown lineage or compartment, a row twice, not a number.
    """
    table = _read_table(path, ["lineage", "compartment", "log2fc"])
    _check_lineages(table["lineage"], base.index, path)
    for compartment in table["compartment"]:
        if compartment not in base.columns:
            raise UserError(f"{path}: unknown compartment '{compartment}'; valid are {', '.join(base.columns)}")
    table["log2fc"] = pd.to_numeric(table["log2fc"], errors="coerce")
    if table["log2fc"].isna().any() or table.duplicated(["lineage", "compartment"]).any():
        raise UserError(f"{path}: one row per lineage and compartment, and log2fc a number")
    wide = table.pivot(index="lineage", columns="compartment", values="log2fc")
    return wide.reindex(index=base.index, columns=base.columns).fillna(0.0)


def cells_per_sample(
    given: Iterable[str], usual: Mapping[str, int], compartments: Iterable[str], scale: float
) -> dict[str, int]:
    """Cells of an untreated donor's sample by compartment, from ``COMPARTMENT=N`` where given, times ``scale``.

    Raises
    ------
    UserError
        Unknown compartment, not a number, too few.
    """
    cells = {compartment: usual.get(compartment, CELLS_ELSEWHERE) for compartment in compartments}
    for text in given:
        compartment, _, number = text.partition("=")
        if compartment not in cells or not number.isdigit() or int(number) < MIN_CELLS:
            raise UserError(
                f"--cells_per_sample '{text}': write COMPARTMENT=N, N at least {MIN_CELLS}; "
                f"compartments: {', '.join(cells)}"
            )
        cells[compartment] = int(number)
    return {compartment: max(round(number * scale), MIN_CELLS) for compartment, number in cells.items()}


def check_changed(effects: pd.DataFrame, preset: str) -> None:
    """Refuse lineages of which a preset that should change some changes none: their names are not the preset's."""
    if preset not in ("null", "one_condition") and not effects.to_numpy().any():
        raise UserError(
            f"--labels: the presets change none of {', '.join(effects.index)}; give --effects or --preset null"
        )


def _read_table(path: str, required: Sequence[str]) -> pd.DataFrame:
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file")
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    for column in required:
        if column not in table:
            raise UserError(f"{path}: column '{column}' is missing; it has {', '.join(table.columns)}")
    return table


def _check_lineages(names: Iterable[str], valid: Collection[str], path: str) -> None:
    for name in names:
        if name not in valid:
            raise UserError(f"{path}: unknown lineage '{name}'; valid are {', '.join(valid)}")
