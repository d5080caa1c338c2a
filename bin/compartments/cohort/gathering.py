"""The sums of all samples, matched and read; which samples can be analysed together."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from compartments.cohort.sums import read_sums
from compartments.core.errors import UserError
from compartments.core.left_out import LeftOut
from compartments.study.plan import design_table
from compartments.study.study import Study

if TYPE_CHECKING:
    from anndata import AnnData

KIND = ".sums.h5ad"
GROUPS = ("group", "group_reference")
FEW_CELLS = 30  # of a sample: below, all but its most frequent lineages have a handful of cells


@dataclass
class Gathered:
    """Samples that arrived, in samplesheet order.

    Attributes
    ----------
    names : list of str
    sums : list of AnnData
        Of :func:`compartments.cohort.sums.sums_of`: no matrix of cells is among them.
    """

    names: list[str] = field(default_factory=list)
    sums: list["AnnData"] = field(default_factory=list)

    def said(self, key: str) -> dict[str, str]:
        """Sample -> ``uns[key]``, empty where its files say nothing."""
        return {name: str(one.uns.get(key, "")) for name, one in zip(self.names, self.sums, strict=True)}

    @property
    def methods(self) -> dict[str, str]:
        """Sample -> how ambient RNA was removed from it."""
        return {name: method or "none" for name, method in self.said("ambient_method").items()}

    @property
    def var(self) -> list[pd.DataFrame]:
        """Genes of each sample's file."""
        return [cast(pd.DataFrame, one.var) for one in self.sums]

    @property
    def cells(self) -> list[pd.DataFrame]:
        """Metadata of each sample's cells."""
        return [one.uns["cells"] for one in self.sums]

    @property
    def doublets(self) -> list[pd.DataFrame]:
        """What each sample's doublets were called."""
        return [one.uns["doublets"] for one in self.sums]


def match_files(study: Study, sums: Sequence[Path], left_out: LeftOut) -> dict[str, Path]:
    """Sort the files of all samples by sample.

    Parameters
    ----------
    study : Study
    sums : list of Path
        Named ``<sample>.sums.h5ad``.
    left_out : LeftOut
        Gets a reason for every sample of the study that lacks its file.

    Returns
    -------
    dict, sample -> file
        In samplesheet order.

    Raises
    ------
    UserError
        A file of a sample that the study does not have, or two of a sample.
    """
    found: dict[str, Path] = {}
    for path in sums:
        sample = path.name.removesuffix(KIND)
        if sample == path.name or sample not in set(study.samples["sample"]):
            raise UserError(f"{path}: no sample of the study has this name; expected <sample>{KIND}")
        if sample in found:
            raise UserError(f"{path}: sample '{sample}' has two such files ({found[sample]})")
        found[sample] = path
    for sample in study.samples["sample"]:
        if sample not in found:
            reason = (
                "no sums: dropped by an earlier step (see its row of that stage), or that step failed "
                "(see pipeline_info/trace.tsv)"
            )
            left_out.add(reason, sample=sample)
    return {sample: found[sample] for sample in study.samples["sample"] if sample in found}


def gather(files: Mapping[str, Path]) -> Gathered:
    """Read the sums of every sample.

    Raises
    ------
    UserError
        As :func:`compartments.cohort.sums.read_sums`.
    """
    return Gathered(list(files), [read_sums(path, sample) for sample, path in files.items()])


def drop_uncleaned(gathered: Gathered, left_out: LeftOut) -> None:
    """Take out, in place, the few samples whose ambient RNA could not be removed while that of most others was."""
    uncleaned = [sample for sample, method in gathered.methods.items() if method == "none"]
    if 2 * len(uncleaned) >= len(gathered.names):
        return
    reason = "its ambient RNA could not be removed (see its ambient.json), that of other samples was: not comparable"
    fix = "; keep it with --allow_mixed_ambient"
    for sample in uncleaned:
        position = gathered.names.index(sample)
        del gathered.names[position], gathered.sums[position]
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
    n_cells = pd.Series([int(one.obs["n_cells"].sum()) for one in gathered.sums], gathered.names)
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
