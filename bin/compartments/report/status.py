"""What a reader has to know first: lost samples, steps that gave nothing, samples that may be swapped."""

from collections.abc import Collection

import pandas as pd

from compartments.cohort.suspects import of_identity

# steps that a sample must pass to be in the cohort, in their order
PER_SAMPLE = [
    "count_reads",
    "read_counts",
    "call_cells",
    "remove_ambient",
    "import_cellbender",
    "filter_cells",
    "score_doublets",
    "annotate_cells",
    "sum_sample",
    "merge_samples",
]


def lost_samples(skipped: pd.DataFrame | None) -> dict[str, tuple[str, str]]:
    """Samples that are not in the cohort, with the reason of the first step that left them out.

    Parameters
    ----------
    skipped : DataFrame or None
        ``skipped.tsv``: ``stage, sample, lineage, contrast, reason``.

    Returns
    -------
    dict
        Sample -> (stage, reason), in the order of the table.
    """
    if skipped is None:
        return {}
    whole = skipped["sample"].notna() & skipped["lineage"].isna() & skipped["contrast"].isna()
    rows = skipped[whole & skipped["stage"].isin(PER_SAMPLE)]
    order = rows["stage"].map({stage: number for number, stage in enumerate(PER_SAMPLE)})
    first = rows.loc[order.sort_values(kind="stable").index].drop_duplicates("sample")
    return {row.sample: (row.stage, row.reason) for row in first.sort_index().itertuples()}


def doubtful_samples(warnings: pd.DataFrame | None) -> dict[str, list[str]]:
    """Samples that may be another donor's or compartment's, with what speaks for it.

    Parameters
    ----------
    warnings : DataFrame or None
        ``cohort/warnings.tsv``: ``sample, warning``.
    """
    if warnings is None:
        return {}
    return {str(sample): list(of["warning"]) for sample, of in of_identity(warnings).groupby("sample", sort=False)}


def reason_for(stages: Collection[str], skipped: pd.DataFrame | None) -> str:
    """One line on why a step gave nothing: what it says itself of all that it had to do.

    Parameters
    ----------
    stages : collection of str
        Names of steps, as in ``skipped.tsv``.
    skipped : DataFrame or None

    Returns
    -------
    str
        Empty if nothing is known.
    """
    if skipped is None:
        return ""
    rows = skipped[skipped["stage"].isin(stages)]
    rows = rows.assign(narrow=rows[["sample", "lineage", "contrast"]].notna().sum(axis=1))
    if rows.empty:
        return ""
    first = rows.sort_values("narrow", kind="stable").iloc[0]
    named = ", ".join(str(first[c]) for c in ("sample", "lineage", "contrast") if isinstance(first[c], str))
    return f"{named}: {first['reason']}" if named else str(first["reason"])
