"""What a figure rests on and how a table was cut, counted in the very data that are shown."""

from collections.abc import Iterable, Sequence

import pandas as pd

from compartments.findings import designs
from compartments.study.study import BETWEEN, Contrast, Study

ROWS_SHOWN = 250  # of long tables; the file has the rest


def span(numbers: Iterable[float]) -> str:
    """``3``, or ``2 to 3`` where the numbers differ; ``0`` of none."""
    known = sorted({int(number) for number in numbers if pd.notna(number)})
    return " to ".join(f"{number:,}" for number in known[:: max(1, len(known) - 1)][:2]) if known else "0"


def counted(number: int, noun: str) -> str:
    """``1 sample``, ``2 samples``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def drawn(table: pd.DataFrame, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Rows with a value in any of ``columns``: the others leave a gap in the figure."""
    return table.dropna(subset=list(columns), how="all") if columns else table


def samples(table: pd.DataFrame, study: Study | None = None, series: dict[str, str] | None = None) -> str:
    """``11 samples of 6 donors``.

    Parameters
    ----------
    table : DataFrame
        ``sample`` and ``donor``, or ``sample`` alone and a ``study`` that knows the donors.
    series : dict of str to str, optional
        Columns that are drawn, and their names. Samples without any are not counted; where some lack a value of one
        column only, its number is said.
    """
    series = series or {}
    shown = drawn(table, list(series))
    names = shown["sample"].drop_duplicates()
    text = counted(len(names), "sample")
    if "donor" in shown:
        text += f" of {counted(shown['donor'].nunique(), 'donor')}"
    elif study is not None:
        donors = study.samples.set_index("sample")["donor"]
        text += f" of {counted(donors[donors.index.isin(names)].nunique(), 'donor')}"
    fewer = {name: shown[column].notna().sum() for column, name in series.items()}
    fewer = {name: n for name, n in fewer.items() if n < len(shown)}
    return text + (f" ({', '.join(f'{name}: {n}' for name, n in fewer.items())})" if fewer else "")


def arms(table: pd.DataFrame, contrast: Contrast, compartments: Sequence[str]) -> str:
    """``CSF 2 + 4, blood 2 + 3 donors (treated + untreated)`` of a table with a row for each sample; samples and donors
    where donors have several conditions."""
    if contrast.kind != BETWEEN:
        return samples(table)
    donors = table.groupby(["compartment", "condition"])["donor"].nunique()
    conditions = (contrast.condition, contrast.reference)
    parts = [f"{c} {' + '.join(str(donors.get((c, one), 0)) for one in conditions)}" for c in compartments]
    return f"{', '.join(parts)} donors ({' + '.join(conditions)})"


def per_arm(n_condition: Iterable[float], n_reference: Iterable[float], contrast: Contrast) -> str:
    """``2 treated and 3 to 4 untreated donors``; ``6 donors`` where they are their own controls."""
    return designs.donors(contrast, span(n_condition), span(n_reference))


def estimates(rows: pd.DataFrame, contrast: Contrast, shared: str = "", circles: pd.DataFrame | None = None) -> str:
    """``2 treated and 3 to 4 untreated donors (exploratory)``: donors behind the estimates that are drawn.

    Parameters
    ----------
    rows : DataFrame
        ``n_condition, n_reference``, ``tier`` if it shall be named; a row for each estimate.
    shared : str
        What every donor has, such as `` with both compartments``.
    circles : DataFrame, optional
        ``label, series, donor, condition``: the single donors that are drawn, and ``label, series`` of ``rows``. Named
        where some estimate has another number of them.
    """
    text = per_arm(rows["n_condition"], rows["n_reference"], contrast) + shared
    if "tier" in rows:
        text += f" ({', '.join(sorted(rows['tier'].astype(str).str.replace('_', ' ').unique()))})"
    if circles is None:
        return text
    lines = pd.MultiIndex.from_frame(rows[["label", "series"]].astype(str))
    said = per_arm(*singles(circles, ["label", "series"], contrast, lines), contrast)
    return text if said == per_arm(rows["n_condition"], rows["n_reference"], contrast) else f"{text}; circles of {said}"


def engines(rows: pd.DataFrame, names: pd.Series) -> str:
    """``; p-values of pydeseq2, in NK of voom``: which fit the p-values that are drawn are of.

    Parameters
    ----------
    rows : DataFrame
        ``engine``, of each row with a p-value.
    names : Series
        What each row is of: its lineage, or more.
    """
    if rows.empty:
        return ""
    usual = rows["engine"].mode()[0]
    others = names[rows["engine"] != usual].groupby(rows["engine"], observed=True)
    exceptions = [f", in {', '.join(dict.fromkeys(of))} of {engine}" for engine, of in others]
    return f"; p-values of {usual}{''.join(exceptions)}"


def singles(
    circles: pd.DataFrame, by: Sequence[str], contrast: Contrast, lines: pd.Index
) -> tuple[Iterable[float], Iterable[float]]:
    """Numbers of single donors of each arm that are drawn for every line; of the only arm twice.

    Parameters
    ----------
    circles : DataFrame
        ``by, donor, condition``: the arm, or empty where there is only one.
    lines : Index
        Of values of ``by``.
    """
    arms = ("", "") if designs.one_arm(contrast) else designs.arms_of(contrast)
    first, second = (
        circles[circles["condition"] == arm].groupby(list(by))["donor"].nunique().reindex(lines, fill_value=0)
        for arm in arms
    )
    return first, second


def first_rows(
    table: pd.DataFrame, by: str = "", *, largest: bool = False, limit: int = ROWS_SHOWN
) -> tuple[pd.DataFrame, str]:
    """First rows of a long table, and the sentence that says how it was cut.

    Parameters
    ----------
    by : str
        Column that the rows are sorted by, rows without a value of it last. Empty: the order of the file.
    largest : bool
        Sort by the size of ``by``, largest first; else smallest value first.
    limit : int

    Returns
    -------
    table : DataFrame
    sentence : str
        Empty if nothing was cut.
    """
    if by:
        table = table.sort_values(by, key=lambda values: -values.abs() if largest else values, kind="stable")
    if len(table) <= limit:
        return table, ""
    order = f"by {by}, {'largest size' if largest else 'smallest'} first" if by else "in the order of the file"
    return table.head(limit), f"The first {limit:,} of {len(table):,} rows {order}; the file has all."
