"""Which ambient RNA method a cohort gets: one for all samples, because differing methods make compartment effects."""

from compartments.core.errors import UserError


def choose_methods(summaries, requested, gpu=False, allow_mixed=False):
    """The method of every sample.

    Parameters
    ----------
    summaries : list of dict
        ``sample``, ``kind`` (``raw`` or ``filtered``) and ``cell_source`` (``cellbender`` for a finished output) of
        the samples that were read.
    requested : str
        ``auto``, ``cellbender``, ``soupem`` or ``none``.
    gpu : bool
        Whether CellBender has a GPU, in which case ``auto`` prefers it.
    allow_mixed : bool
        Let every sample have its own best instead of one method for all.

    Returns
    -------
    methods : dict
        Sample -> ``cellbender``, ``finished`` (a CellBender output was given), ``soupem`` or ``none``.
    reasons : dict
        Sample -> why nothing is removed from it, for those with ``none``.

    Raises
    ------
    UserError
        If the method cannot be had for all samples, or for any; it names them.
    """
    finished = [s["sample"] for s in summaries if s["cell_source"] == "cellbender"]
    raw = [s["sample"] for s in summaries if s["cell_source"] != "cellbender" and s["kind"] == "raw"]
    filtered = [s["sample"] for s in summaries if s["cell_source"] != "cellbender" and s["kind"] != "raw"]
    wanted = requested
    if requested == "auto":
        only_finished = finished and not filtered and not raw
        wanted = "cellbender" if gpu or only_finished else "soupem"
        if filtered and not finished and not allow_mixed:
            wanted = "none"
    elif finished and requested != "cellbender" and not allow_mixed:
        raise UserError(
            f"--ambient_method {requested} was asked for, but {', '.join(finished)} "
            f"{'comes' if len(finished) == 1 else 'come'} from CellBender already: leave column cellbender empty, "
            "choose --ambient_method auto, or accept differing methods with --allow_mixed_ambient"
        )
    elif filtered and requested != "none" and not raw and not finished:
        raise UserError(
            f"--ambient_method {requested} needs all droplets, but no sample has them: give raw matrices in column "
            "raw, or choose --ambient_method none"
        )

    methods = dict.fromkeys(finished, "finished") | dict.fromkeys(raw, wanted) | dict.fromkeys(filtered, "none")
    kinds = {"cellbender" if method == "finished" else method for method in methods.values()}
    if not allow_mixed and len(kinds) > 1:
        if finished and wanted != "cellbender":
            raise UserError(
                f"samples {', '.join(finished)} come as finished CellBender outputs, but {', '.join(raw + filtered)} "
                f"would get '{wanted if raw else 'none'}': give CellBender outputs for all, or raw counts for all, "
                "or --allow_mixed_ambient"
            )
        raise UserError(
            f"--ambient_method {wanted} needs all droplets, but {_have(filtered)} only called cells: give "
            f"{'its raw matrix' if len(filtered) == 1 else 'their raw matrices'} in column raw, choose "
            "--ambient_method none, or accept differing methods with --allow_mixed_ambient"
        )
    reasons = {}
    if requested != "none":
        reasons = dict.fromkeys(filtered, "only called cells, no empty droplets: give the raw matrix in column raw")
    if wanted == "none" != requested:
        why = "one method must serve all samples: give raw matrices in column raw, or accept --allow_mixed_ambient"
        reasons |= dict.fromkeys(raw, f"{_have(filtered)} only called cells, and {why}")
    order = [s["sample"] for s in summaries]
    return {s: methods[s] for s in order}, {s: reasons[s] for s in order if s in reasons}


def _have(samples):
    return f"{', '.join(samples)} {'has' if len(samples) == 1 else 'have'}"


def _samples_by(words):
    """Word -> samples, of sample -> word."""
    found = {}
    for sample, word in words.items():
        found.setdefault(word, []).append(sample)
    return found


def announce(methods, reasons):
    """One line for the start of a run: which method the cohort gets, and why none where that was not asked for.

    Parameters
    ----------
    methods, reasons : dict
        From :func:`choose_methods`.

    Returns
    -------
    str
        Begins with ``WARNING`` where counts stay as they are although that was not asked for.
    """
    by_method = _samples_by(methods)
    words = {"finished": "taken out by CellBender before", "none": "not removed"}
    if len(by_method) == 1:
        method = next(iter(by_method))
        line = f"Ambient RNA: {words.get(method, method)} ({len(methods)} samples)"
    else:
        line = "Ambient RNA: " + "; ".join(f"{words.get(m, m)}: {', '.join(s)}" for m, s in by_method.items())
    why = "; ".join(f"{', '.join(samples)}: {reason}" for reason, samples in _samples_by(reasons).items())
    return f"WARNING: {line}. {why}" if why else line


def foresee(rows, requested, allow_mixed):
    """What the samplesheet alone says about ambient RNA, for the plan of a run.

    Parameters
    ----------
    rows : list of dict
        ``sample``, ``raw``, ``filtered``, ``cellbender`` of the samplesheet (empty where not given).
    requested : str
    allow_mixed : bool

    Returns
    -------
    str
        A note ending in a newline; empty where every sample gets what was asked for. Files are looked into later: a
        matrix in column ``filtered`` may turn out to hold all droplets.
    """
    summaries = [
        {
            "sample": row["sample"],
            "kind": "raw" if row["raw"] else "filtered",
            "cell_source": "cellbender" if row["cellbender"] else "none",
        }
        for row in rows
    ]
    try:
        methods, reasons = choose_methods(summaries, requested, allow_mixed=allow_mixed)
    except UserError as error:
        return f"note: unless the files hold more than their columns say, this run will stop: {error}\n"
    return f"note: {announce(methods, reasons).removeprefix('WARNING: ')}\n" if reasons else ""
