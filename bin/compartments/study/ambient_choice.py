"""Which ambient RNA method a cohort gets: one for all samples, because differing methods make compartment effects.

The rule of ``choose_ambient``, a step of the cells, stands here because the plan of a run foresees it (:func:`foresee`)
before any file is read.
"""

from collections.abc import Mapping
from typing import Any

from compartments.core.errors import UserError

ALREADY, NO_DROPLETS, CALLED, DIFFERENT = "already", "no droplets", "called", "different"
REFUSED = (ALREADY, NO_DROPLETS, CALLED, DIFFERENT)
ASKED = ("auto", "auto on a GPU", "cellbender", "soupem", "none")
# Which samples there are (finished CellBender outputs, raw counts, counts of called cells) -> for each of ASKED the one
# method that serves all of them, or why there is none: see _refusal.
FOR_ALL = {
    (True, False, False): ("cellbender", "cellbender", "cellbender", ALREADY, ALREADY),
    (False, True, False): ("soupem", "cellbender", "cellbender", "soupem", "none"),
    (False, False, True): ("none", "none", NO_DROPLETS, NO_DROPLETS, "none"),
    (False, True, True): ("none", "none", CALLED, CALLED, "none"),
    (True, True, False): (DIFFERENT, "cellbender", "cellbender", ALREADY, ALREADY),
    (True, False, True): (DIFFERENT, CALLED, CALLED, ALREADY, ALREADY),
    (True, True, True): (DIFFERENT, CALLED, CALLED, ALREADY, ALREADY),
}


def choose_methods(
    summaries: list[dict[str, Any]],
    requested: str,
    gpu: bool = False,
    allow_mixed: bool = False,
    own: Mapping[str, str] | None = None,
) -> tuple[dict[str, str], dict[str, str]]:
    """The method of every sample.

    Parameters
    ----------
    summaries : list of dict
        ``sample``, ``kind`` (``raw`` or ``filtered``) and ``cell_source`` (``cellbender`` for a finished output) of
        the samples that were read; at least one.
    requested : str
        ``auto``, ``cellbender``, ``soupem`` or ``none``.
    gpu : bool
        Whether CellBender has a GPU, in which case ``auto`` prefers it.
    allow_mixed : bool
        Let every sample have its own best instead of one method for all.
    own : mapping, sample -> method, optional
        What the samplesheet asks for, in place of ``requested``.

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
    asked_for = {sample: method for sample, method in (own or {}).items() if method}
    if asked_for:
        return _by_sample(summaries, requested, gpu, allow_mixed, asked_for)
    samples: dict[str, list[str]] = {"finished": [], "raw": [], "filtered": []}
    for summary in summaries:
        samples[_given(summary)].append(summary["sample"])
    best = requested if requested != "auto" else "cellbender" if gpu else "soupem"
    asked = "auto on a GPU" if requested == "auto" and gpu else requested
    for_all = FOR_ALL[bool(samples["finished"]), bool(samples["raw"]), bool(samples["filtered"])][ASKED.index(asked)]
    if for_all == NO_DROPLETS or (for_all in REFUSED and not allow_mixed):
        raise UserError(_refusal(for_all, best, **samples))
    method = {"finished": "finished", "raw": best if allow_mixed else for_all, "filtered": "none"}
    reasons = _reasons(requested, method["raw"], samples["raw"], samples["filtered"])
    order = [summary["sample"] for summary in summaries]
    methods = {summary["sample"]: method[_given(summary)] for summary in summaries}
    return methods, {sample: reasons[sample] for sample in order if sample in reasons}


def _by_sample(
    summaries: list[dict[str, Any]], requested: str, gpu: bool, allow_mixed: bool, own: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Samples of one wish together, the rest by the wish of all; different methods where they are allowed."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for summary in summaries:
        groups.setdefault(own.get(summary["sample"], requested), []).append(summary)
    methods: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for wish, members in groups.items():
        of_group, why = choose_methods(members, wish, gpu, allow_mixed)
        methods, reasons = methods | of_group, reasons | why
    kinds = _samples_by({sample: "cellbender" if one == "finished" else one for sample, one in methods.items()})
    if len(kinds) > 1 and not allow_mixed:
        found = "; ".join(f"{method}: {', '.join(samples)}" for method, samples in kinds.items())
        raise UserError(
            f"column ambient_method of the samplesheet asks for different methods ({found}), which differ between "
            "samples as biology would: ask for one, or accept them with --allow_mixed_ambient"
        )
    order = [summary["sample"] for summary in summaries]
    if len(kinds) > 1:
        asked = {one: f"{methods[one]} is asked for in the samplesheet" for one in own if one in methods}
        reasons = asked | reasons
    return {one: methods[one] for one in order}, {one: reasons[one] for one in order if one in reasons}


def _given(summary: dict[str, Any]) -> str:
    if summary["cell_source"] == "cellbender":
        return "finished"
    return "raw" if summary["kind"] == "raw" else "filtered"


def _refusal(why: str, method: str, finished: list[str], raw: list[str], filtered: list[str]) -> str:
    """Why no ``method`` serves all samples, and what to do."""
    if why == ALREADY:
        return (
            f"--ambient_method {method} was asked for, but {', '.join(finished)} "
            f"{'comes' if len(finished) == 1 else 'come'} from CellBender already: give counts from before it, "
            "choose --ambient_method auto, or accept differing methods with --allow_mixed_ambient"
        )
    if why == NO_DROPLETS:
        return (
            f"--ambient_method {method} needs all droplets, but no sample has them: give raw matrices in column "
            "raw, or choose --ambient_method none"
        )
    if why == DIFFERENT:
        return (
            f"samples {', '.join(finished)} come as finished CellBender outputs, but {', '.join(raw + filtered)} "
            f"would get '{method if raw else 'none'}': give CellBender outputs for all, or raw counts for all, "
            "or --allow_mixed_ambient"
        )
    return (
        f"--ambient_method {method} needs all droplets, but {_have(filtered)} only called cells: give "
        f"{'its raw matrix' if len(filtered) == 1 else 'their raw matrices'} in column raw, choose "
        "--ambient_method none, or accept differing methods with --allow_mixed_ambient"
    )


def _reasons(requested: str, method: str, raw: list[str], filtered: list[str]) -> dict[str, str]:
    """Sample -> why nothing is removed from it although that was not asked for; ``method`` is that of raw counts."""
    if requested == "none":
        return {}
    reasons = dict.fromkeys(filtered, "only called cells, no empty droplets: give the raw matrix in column raw")
    if method == "none":
        why = "one method must serve all samples: give raw matrices in column raw, or accept --allow_mixed_ambient"
        reasons |= dict.fromkeys(raw, f"{_have(filtered)} only called cells, and {why}")
    return reasons


def _have(samples: list[str]) -> str:
    return f"{', '.join(samples)} {'has' if len(samples) == 1 else 'have'}"


def _samples_by(words: Mapping[str, str]) -> dict[str, list[str]]:
    """Word -> samples, of sample -> word."""
    samples: dict[str, list[str]] = {}
    for sample, word in words.items():
        samples.setdefault(word, []).append(sample)
    return samples


def methods_table(methods: Mapping[str, str], reasons: Mapping[str, str]) -> str:
    """``sample, method, reason`` as text, for the next steps of a run."""
    rows = "".join(f"{sample}\t{method}\t{reasons.get(sample, '')}\n" for sample, method in methods.items())
    return f"sample\tmethod\treason\n{rows}"


def announce(methods: Mapping[str, str], reasons: Mapping[str, str]) -> str:
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


def foresee(rows: list[dict[str, Any]], requested: str, allow_mixed: bool) -> str:
    """What the samplesheet alone says about ambient RNA, for the plan of a run.

    Parameters
    ----------
    rows : list of dict
        ``sample``, ``raw``, ``filtered``, ``cellbender``, ``ambient_method`` of the samplesheet (empty where not
        given).
    requested : str
    allow_mixed : bool

    Returns
    -------
    str
        A note ending in a newline; empty where every sample gets what was asked for. Files are looked into later: a
        matrix in column ``filtered`` may turn out to hold all droplets.

    Raises
    ------
    UserError
        What single samples are asked for cannot be, by the columns alone.
    """
    summaries = [
        {
            "sample": row["sample"],
            "kind": "raw" if row["raw"] or row.get("fastq_1") else "filtered",
            "cell_source": "cellbender" if row["cellbender"] else "none",
        }
        for row in rows
    ]
    own = {row["sample"]: row.get("ambient_method") or "" for row in rows}
    try:
        methods, reasons = choose_methods(summaries, requested, allow_mixed=allow_mixed, own=own)
    except UserError as error:
        if any(own.values()):
            raise
        return f"note: unless the files hold more than their columns say, this run will stop: {error}\n"
    return f"note: {announce(methods, reasons).removeprefix('WARNING: ')}\n" if reasons else ""
