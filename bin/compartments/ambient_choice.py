"""Which ambient RNA method a cohort gets: one for all samples, because differing methods make compartment effects."""

from .cli import UserError


def choose_methods(summaries, requested, gpu=False, allow_mixed=False):
    """The method of every sample.

    Parameters
    ----------
    summaries : list of dict
        ``sample``, ``kind`` (``raw`` or ``filtered``) and ``cell_source`` (``cellbender`` for a finished output) of
        the samples that were read.
    requested : str
        ``auto``, ``cellbender``, ``soupem``, ``decontx`` or ``none``.
    gpu : bool
        Whether CellBender has a GPU, in which case ``auto`` prefers it.
    allow_mixed : bool
        Let every sample have its own best instead of one method for all.

    Returns
    -------
    dict
        Sample -> ``cellbender``, ``finished`` (a CellBender output was given), ``soupem``, ``decontx`` or ``none``.

    Raises
    ------
    UserError
        If the method cannot be had for all samples; it names them.
    """
    finished = [s["sample"] for s in summaries if s["cell_source"] == "cellbender"]
    raw = [s["sample"] for s in summaries if s["cell_source"] != "cellbender" and s["kind"] == "raw"]
    filtered = [s["sample"] for s in summaries if s["cell_source"] != "cellbender" and s["kind"] != "raw"]
    if requested == "auto":
        if gpu or (finished and not filtered):
            wanted = "cellbender" if gpu or not raw else "soupem"
        else:
            wanted = "soupem"
        if filtered and not finished and not allow_mixed:
            wanted = "none"
    else:
        wanted = requested

    methods = dict.fromkeys(finished, "finished") | dict.fromkeys(raw, wanted)
    methods |= dict.fromkeys(filtered, "none")
    kinds = {"cellbender" if method == "finished" else method for method in methods.values()}
    if allow_mixed or len(kinds) < 2:
        return {s["sample"]: methods[s["sample"]] for s in summaries}
    if finished and wanted != "cellbender":
        raise UserError(
            f"samples {', '.join(finished)} come as finished CellBender outputs, but {', '.join(raw + filtered)} would "
            f"get '{wanted if raw else 'none'}': give CellBender outputs for all, or raw counts for all, "
            "or --allow_mixed_ambient"
        )
    raise UserError(
        f"--ambient_method {wanted} needs all droplets, but {', '.join(filtered)} "
        f"{'has' if len(filtered) == 1 else 'have'} only called cells: give their raw matrix in column raw, choose "
        "--ambient_method none, or accept differing methods with --allow_mixed_ambient"
    )
