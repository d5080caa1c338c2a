"""The files of all samples, matched and loaded; which samples can be analysed together."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from scipy import sparse

from compartments.cohort.sample import read_annotated, without_doublets
from compartments.cohort.tallies import doublets_by_lineage
from compartments.core.errors import UserError
from compartments.core.left_out import LeftOut
from compartments.study.plan import design_table
from compartments.study.study import Study

LAYERS = ("counts", "corrected")
GROUPS = ("group", "group_reference")
FEW_CELLS = 30  # of a sample: below, all but its most frequent lineages have a handful of cells


@dataclass
class Gathered:
    """Samples that arrived, in samplesheet order.

    Attributes
    ----------
    names : list of str
    obs : list of DataFrame
    layers : dict of lists of CSR matrices
        Columns as in the sample's own file; emptied layer by layer by :func:`merging.merge`.
    var : list of DataFrame
        Index symbol; ``gene_id, soup_fraction``.
    doublets : list of DataFrame
        Of :func:`tallies.doublets_by_lineage`.
    methods : dict
        Sample -> ``uns['ambient_method']``.
    ambient_warnings : dict
        Sample -> ``uns['ambient_warning']``, where there is one.
    chemistries : dict
        Sample -> chemistry as its file states it, or an empty text.
    """

    names: list[str] = field(default_factory=list)
    obs: list[pd.DataFrame] = field(default_factory=list)
    layers: dict[str, list[sparse.csr_matrix]] = field(default_factory=lambda: {layer: [] for layer in LAYERS})
    var: list[pd.DataFrame] = field(default_factory=list)
    doublets: list[pd.DataFrame] = field(default_factory=list)
    methods: dict[str, str] = field(default_factory=dict)
    ambient_warnings: dict[str, str] = field(default_factory=dict)
    chemistries: dict[str, str] = field(default_factory=dict)


def match_files(
    study: Study, filtered: Sequence[Path], doublets: Sequence[Path], labels: Sequence[Path], left_out: LeftOut
) -> dict[str, tuple[Path, Path, Path]]:
    """Sort the files of all samples by sample.

    Parameters
    ----------
    study : Study
    filtered, doublets, labels : list of Path
        Named ``<sample>.filtered.h5ad``, ``<sample>.doublets.tsv.gz``, ``<sample>.labels.tsv.gz``.
    left_out : LeftOut
        Gets a reason for every sample of the study that lacks files.

    Returns
    -------
    dict, sample -> (filtered, doublets, labels)

    Raises
    ------
    UserError
        A file of a sample that the study does not have, or two of one kind for a sample.
    """
    by_kind: list[dict[str, Path]] = []
    for kind, paths in ((".filtered.h5ad", filtered), (".doublets.tsv.gz", doublets), (".labels.tsv.gz", labels)):
        of_kind: dict[str, Path] = {}
        for path in paths:
            sample = path.name.removesuffix(kind)
            if sample == path.name or sample not in set(study.samples["sample"]):
                raise UserError(f"{path}: no sample of the study has this name; expected <sample>{kind}")
            if sample in of_kind:
                raise UserError(f"{path}: sample '{sample}' has two such files ({of_kind[sample]})")
            of_kind[sample] = path
        by_kind.append(of_kind)
    names = ("filtered counts", "doublet scores", "labels")
    files = {}
    for sample in study.samples["sample"]:
        lacking = [name for name, of_kind in zip(names, by_kind, strict=True) if sample not in of_kind]
        if lacking:
            reason = (
                f"no {', '.join(lacking)}: dropped by an earlier step (see its row of that stage), or that step failed "
                "(see pipeline_info/trace.tsv)"
            )
            left_out.add(reason, sample=sample)
        else:
            files[sample] = (by_kind[0][sample], by_kind[1][sample], by_kind[2][sample])
    return files


def gather(files: Mapping[str, tuple[Path, Path, Path]], left_out: LeftOut) -> Gathered:
    """Load every sample without its doublets; one without a cell left goes to ``left_out``.

    Raises
    ------
    UserError
        If a file holds another sample than its name says.
    """
    gathered = Gathered()
    for sample, (filtered, doublets, labels) in files.items():
        data = read_annotated(filtered, doublets, labels)
        if str(data.uns.get("sample", sample)) != sample:
            raise UserError(f"{filtered}: holds sample '{data.uns['sample']}', not '{sample}'; rename the file")
        tally = doublets_by_lineage(sample, data)
        data = without_doublets(data)
        if not data.n_obs:
            left_out.add("no cell left after doublets", sample=sample)
            continue
        gathered.names.append(sample)
        gathered.obs.append(data.obs)
        gathered.var.append(data.var)
        gathered.doublets.append(tally)
        gathered.methods[sample] = str(data.uns.get("ambient_method", "none"))
        gathered.chemistries[sample] = str(data.uns.get("chemistry", ""))
        if data.uns.get("ambient_warning"):
            gathered.ambient_warnings[sample] = str(data.uns["ambient_warning"])
        for layer in LAYERS:
            gathered.layers[layer].append(sparse.csr_matrix(data.layers[layer]))
    return gathered


def drop_uncleaned(gathered: Gathered, left_out: LeftOut) -> None:
    """Take out, in place, the few samples whose ambient RNA could not be removed while that of most others was."""
    uncleaned = [sample for sample in gathered.names if gathered.methods[sample] == "none"]
    if 2 * len(uncleaned) >= len(gathered.names):
        return
    reason = "its ambient RNA could not be removed (see its ambient.json), that of other samples was: not comparable"
    fix = "; keep it with --allow_mixed_ambient"
    for sample in uncleaned:
        position = gathered.names.index(sample)
        columns: tuple[list, ...] = (gathered.obs, gathered.var, gathered.doublets, *gathered.layers.values())
        for column in (gathered.names, *columns):
            del column[position]
        del gathered.methods[sample], gathered.chemistries[sample]
        left_out.add(reason + fix, sample=sample)


def say_weakened(study: Study, gathered: Gathered, left_out: LeftOut) -> None:
    """One reason per comparison whose tier fell with its samples, and per arm without a sample of many cells."""
    keys = ["contrast", "term", "compartment"]
    left = {tuple(row[key] for key in keys): row for row in _comparisons(study.subset(gathered.names))}
    for before in _comparisons(study):
        # without a sample of a compartment or condition there is no such comparison any more
        none = before | {"n_condition": 0, "n_reference": 0, "tier": "not_testable"}
        now = left.get(tuple(before[key] for key in keys), none)
        if before["tier"] != now["tier"]:
            left_out.add(_weaker(before, now), contrast=before["contrast"])
    n_cells = pd.Series([len(obs) for obs in gathered.obs], gathered.names)
    there = study.samples[study.samples["sample"].isin(gathered.names)]
    for (compartment, condition), names in there.groupby(["compartment", "condition"], sort=False)["sample"]:
        cells = n_cells[names]
        if cells.max() < FEW_CELLS:
            each = ", ".join(f"{sample} {n}" for sample, n in cells.items())
            left_out.add(
                f"{compartment}, {condition}: every sample has fewer than {FEW_CELLS} cells ({each}): there only large "
                "changes of frequent lineages can be seen, and hardly any of expression and interactions"
            )


def _comparisons(study: Study) -> list[dict[Hashable, Any]]:
    """Rows of the table of the design."""
    return design_table(study).to_dict("records")


def _weaker(before: Mapping[Hashable, Any], now: Mapping[Hashable, Any]) -> str:
    """What is left of a planned comparison, in words."""
    term = f"{before['term']} {before['compartment']}" if before["reference_compartment"] else before["term"]
    numbers = ("n_condition", "n_reference")
    (first, second), planned = (now[name] for name in numbers), [before[name] for name in numbers]
    arms = {"between": ("condition", "reference"), "mixed": ("condition", "reference"), "change": GROUPS}
    if before["kind"] in arms:
        names = [before[name] for name in arms[before["kind"]]]
        said = f"{first} {names[0]} and {second} {names[1]} donors are left of {planned[0]} and {planned[1]}"
    else:
        said = f"{first} donors are left of {planned[0]}"
    return f"{term}: {said}: {now['tier']}, not {before['tier']} as planned"


def check_left(study: Study, names: Collection[str]) -> None:
    """Raise :class:`UserError` if the samples that are left allow no comparison."""
    if not len(names):
        raise UserError("no sample has a cell left: there is nothing to compare; skipped.tsv names the reasons")
    if not (design_table(study.subset(names))["tier"] != "not_testable").any():
        raise UserError(
            f"only {', '.join(names)} are left, of which no comparison can be made: there is nothing to compare; "
            "skipped.tsv names the reasons"
        )


def cohort_method(methods: Mapping[str, str], allow_mixed: bool = False) -> str:
    """The one ambient RNA method of a cohort.

    Samples corrected by different methods differ by method, which looks like an effect of compartment or condition.

    Parameters
    ----------
    methods : dict
        Sample -> method (``uns['ambient_method']``).
    allow_mixed : bool

    Returns
    -------
    str
        The method, or ``mixed`` where that is allowed.

    Raises
    ------
    UserError
        If methods differ and that is not allowed; it names the samples of each.
    """
    by_method: dict[str, list[str]] = {}
    for sample, method in sorted(methods.items()):
        by_method.setdefault(method, []).append(sample)
    if len(by_method) == 1:
        return next(iter(by_method))
    if allow_mixed:
        return "mixed"
    listed = "; ".join(f"{method}: {', '.join(samples)}" for method, samples in sorted(by_method.items()))
    raise UserError(
        f"ambient RNA was removed by different methods ({listed}): choose with --ambient_method one that all samples "
        "can have, or accept the mixture with --allow_mixed_ambient"
    )
