"""What of a run is missing, and why: lost samples and steps that failed, from ``skipped.tsv`` and the trace."""

# steps that a sample must pass to be in the cohort, in their order
PER_SAMPLE = [
    "read_counts",
    "call_cells",
    "remove_ambient",
    "import_cellbender",
    "filter_cells",
    "score_doublets",
    "annotate_cells",
    "merge_samples",
]
DONE = {"COMPLETED", "CACHED"}


def lost_samples(skipped):
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
    order = rows["stage"].map(PER_SAMPLE.index)
    first = rows.loc[order.sort_values(kind="stable").index].drop_duplicates("sample")
    return {row.sample: (row.stage, row.reason) for row in first.sort_index().itertuples()}


def failed_tasks(trace):
    """Tasks that never finished.

    Parameters
    ----------
    trace : DataFrame or None
        Nextflow's trace with ``name, status, exit``; a task that was tried again has several rows.

    Returns
    -------
    list of (stage, name, exit)
        ``stage`` is the process in lower case; ``exit`` text, ``-`` where the task has no exit status.
    """
    if trace is None or not {"name", "status", "exit"} <= set(trace.columns):
        return []
    found = {}
    for row in trace.itertuples():
        if row.status in DONE:
            found.pop(row.name, None)
        elif row.status in ("FAILED", "ABORTED"):
            stage = row.name.split(" ")[0].split(":")[-1].lower()
            found[row.name] = (stage, row.name, str(row.exit).removesuffix(".0"))
    return list(found.values())


def reason_for(stages, skipped, trace):
    """One line on why a step gave nothing: a failed task, else what the step itself says of all it had to do.

    Parameters
    ----------
    stages : collection of str
        Names of steps, as in ``skipped.tsv``.
    skipped, trace : DataFrame or None

    Returns
    -------
    str
        Empty if nothing is known.
    """
    for stage, name, status in failed_tasks(trace):
        if stage in stages:
            return f"task {name} failed with exit status {status}"
    if skipped is None:
        return ""
    rows = skipped[skipped["stage"].isin(stages)]
    rows = rows.assign(narrow=rows[["sample", "lineage", "contrast"]].notna().sum(axis=1))
    if rows.empty:
        return ""
    first = rows.sort_values("narrow", kind="stable").iloc[0]
    where = ", ".join(str(first[c]) for c in ("sample", "lineage", "contrast") if isinstance(first[c], str))
    return f"{where}: {first['reason']}" if where else str(first["reason"])
