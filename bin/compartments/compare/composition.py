"""Composition: what a condition does to each lineage within a compartment, and what it does differently between them.

Counts of samples, or of the two samples of a donor, compared between conditions at their expected values, with
one variance between donors per arm (:mod:`compartments.compare.counted`). All computation is in ln units, all tables in
log2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from compartments.cohort.specimens import summed
from compartments.compare.abundance import (
    Abundances,
    all_cells,
    count_matrices,
    pool_rare,
    seen_lineages,
)
from compartments.compare.between import compartment_rows
from compartments.compare.calls import tipping_point, with_calls
from compartments.compare.counted import MIN_EXPECTED, Counted
from compartments.compare.engine import OF_COUNTS, Compared, compare_every
from compartments.compare.engine import compare as compare_arms
from compartments.compare.moderated import permutation_p, sign_flip_p
from compartments.compare.single_case import single_case_rows
from compartments.compare.zero import LINEAGES, MODE, Zero, of_shares
from compartments.core.contract import Contract
from compartments.core.errors import UserError
from compartments.core.left_out import LeftOut
from compartments.core.multiple_testing import benjamini_hochberg
from compartments.core.vocabulary import CLAIMABLE, CV_TOTAL, EQUIV_MARGIN, LN2, TIERS, UNASSIGNED, ZERO_KINDS
from compartments.study.captures import specimen_of
from compartments.study.study import COMPARTMENTS, Study
from compartments.study.terms import Part, Term, terms_of

# whose tables and reasons these are; power computes them anew without that step
STAGE = "compare_composition"
# what a relative result is relative to, by what counts as unchanged
UNCHANGED = dict(
    zip(
        ZERO_KINDS,
        ("the change that most lineages share", "the median lineage", "the reference lineages", "all cells"),
        strict=True,
    )
)


@dataclass(frozen=True)
class Composition:
    """What :func:`compare` returns; each table and the summary are a file of the step.

    Attributes
    ----------
    effects, donors, single_case, calls : DataFrame
    summary : dict
    left_out : LeftOut
    asked : Asked
    levels : dict level -> Abundances
    """

    effects: pd.DataFrame
    donors: pd.DataFrame
    single_case: pd.DataFrame
    calls: pd.DataFrame
    summary: dict[str, Any]
    left_out: LeftOut
    asked: "Asked"
    levels: dict[str, Abundances]

    def differences(self) -> pd.DataFrame:
        """How compartments differ from the reference compartment; computed when asked for."""
        study, zero = self.asked.study, self.asked.zero
        levels = self.levels.items()
        tables = [compartment_rows(study, level, lineages, zero).assign(level=level) for level, lineages in levels]
        return _stack(tables, "compartments")

    def references(self) -> pd.DataFrame:
        """Changes and calls under every choice of what counts as unchanged; computed when asked for."""
        return _stack(self.asked.under_other_references(self.levels), "references")


@dataclass(frozen=True)
class Answer:
    """What one term says of one level; ``summary`` and ``warnings`` are for the summary of the step."""

    effects: pd.DataFrame
    donors: pd.DataFrame
    single_case: pd.DataFrame | None
    summary: dict[str, Any]
    warnings: list[str]


def compare(
    study: Study,
    counts: pd.DataFrame,
    equiv_margin: float = EQUIV_MARGIN,
    cv_total: float = CV_TOTAL,
    seed: int = 0,
    relative_reference: str = MODE,
    reference_lineages: Sequence[str] = (),
    captured: "pd.Series[int] | None" = None,
) -> Composition:
    """Compare the composition of all samples: every level, contrast and term.

    Parameters
    ----------
    study : compartments.study.study.Study
    counts : DataFrame
        ``counts.tsv``: ``sample, level, lineage, n_cells``.
    equiv_margin : float
        Margin of equivalence and non-inferiority, log2.
    cv_total : float
        Coefficient of variation of ``cells_per_ul``.
    seed : int
        Of the permutations where they are too many to enumerate.
    relative_reference : {"mode", "median", "proportions"}
        What counts as unchanged on the relative scale (:class:`compartments.compare.zero.Zero`).
    reference_lineages : sequence of str
        Lineages that count as unchanged, in its place.
    captured : Series, optional
        As of :func:`compartments.cohort.specimens.summed`.

    Returns
    -------
    Composition

    Raises
    ------
    UserError
        Samples of ``counts`` that the study does not have, malformed counts.
    """
    left_out = LeftOut(STAGE)
    whole = study.of_specimens()
    study, matrices, totals = _countable(whole, counts, reference_lineages, left_out, captured)
    levels = {
        level: _abundances(study, level, matrix, totals, cv_total, left_out) for level, matrix in matrices.items()
    }
    usable = {level: lineages for level, lineages in levels.items() if lineages is not None}
    kind = LINEAGES if reference_lineages else relative_reference
    # as for all steps, how a term compares donors follows from the samplesheet, whatever sample was skipped
    terms = tuple(terms_of(whole, study.samples["sample"]))
    asked = Asked(study, equiv_margin, seed, kind, tuple(reference_lineages), terms)
    answers = asked.answers(usable, left_out)
    scale = "abs" if study.absolute else "rel"
    warnings = [] if study.absolute else [_relative(study, kind)]
    warnings += [warning for answer in answers for warning in answer.warnings]
    effects, calls = with_calls(
        _stack([answer.effects for answer in answers], "effects"), study.reference_compartment, study.primary_lineages
    )
    summary = {
        "scale": scale,
        "relative_reference": None if study.absolute else kind,
        "reference_lineages": list(reference_lineages),
        "equiv_margin": equiv_margin,
        "cv_total": cv_total if scale == "abs" else None,
        "reference_compartment": study.reference_compartment,
        "synchronous_depletion_of_all": "identifiable" if scale == "abs" else "not_identifiable",
        "warnings": list(dict.fromkeys(warnings)),
        "terms": [answer.summary for answer in answers],
    }
    return Composition(
        effects,
        _stack([answer.donors for answer in answers], "donors"),
        _stack([answer.single_case for answer in answers if answer.single_case is not None], "single_case"),
        calls,
        summary,
        left_out,
        asked,
        usable,
    )


def _relative(study: Study, kind: str) -> str:
    """What a relative result means."""
    against = f"relative to {UNCHANGED[kind]}"
    if (study.contrasts["kind"] == COMPARTMENTS).all():
        return f"compartments are compared by the shares of their cells: all differences are {against}"
    missing = f"cells_per_ul is not given for every sample: all changes are {against}"
    return f"{missing}, and a fall of all lineages at once cannot be seen"


@dataclass(frozen=True)
class Asked:
    """What a run asks of its abundances.

    Attributes
    ----------
    study : Study
    margin : float
    seed : int
    kind : str
        What counts as unchanged on the relative scale, one of ``ZERO_KINDS``.
    members : tuple of str
        Lineages that do, for ``lineages``.
    terms : tuple of Term
        Of the samples that have cells.
    """

    study: Study
    margin: float
    seed: int
    kind: str
    members: tuple[str, ...]
    terms: tuple[Term, ...]

    def answers(self, levels: Mapping[str, Abundances], left_out: LeftOut) -> list["Answer"]:
        """Every term of every level."""
        found = [
            _answer(self, level, lineages, term, left_out) for level, lineages in levels.items() for term in self.terms
        ]
        return [answer for answer in found if answer is not None]

    def zero(self, scale: str, lineages: Sequence[str]) -> Zero | None:
        """What counts as unchanged among lineages."""
        if scale == "abs":
            return None
        return Zero(self.kind, pd.Index(np.asarray(lineages, str)).isin(self.members))

    def under_other_references(self, levels: Mapping[str, Abundances]) -> list[pd.DataFrame]:
        """Changes and calls under every choice of what did not change; nothing on the absolute scale."""
        if self.study.absolute:
            return []
        kinds = [kind for kind in ZERO_KINDS if kind != LINEAGES or self.members]
        tables = []
        for kind in kinds:
            answers = replace(self, kind=kind).answers(levels, LeftOut(STAGE))
            effects = _stack([answer.effects for answer in answers], "effects")
            table, _ = with_calls(effects, self.study.reference_compartment, self.study.primary_lineages)
            tables.append(table.assign(relative_reference=kind, chosen=kind == self.kind))
        return tables


def _stack(frames: list[pd.DataFrame], table: str) -> pd.DataFrame:
    """One table of several, with all columns of its file even where there is none."""
    columns = Contract.of(STAGE).names(f"composition/{table}.tsv")
    return pd.concat(frames, ignore_index=True).reindex(columns=columns) if frames else pd.DataFrame(columns=columns)


def _countable(
    study: Study,
    counts: pd.DataFrame,
    reference_lineages: Sequence[str],
    left_out: LeftOut,
    captured: "pd.Series[int] | None",
) -> tuple[Study, dict[str, pd.DataFrame], pd.Series]:
    """The study (of specimens) of the samples that have cells, the cells per level, and all cells of each sample."""
    known = specimen_of(study.samples)
    strangers = [sample for sample in counts["sample"].unique() if sample not in known]
    if strangers:
        raise UserError(f"counts.tsv: sample '{strangers[0]}' is not in the study; give the study it was counted for")
    matrices = count_matrices(summed(counts, study.samples, left_out, captured))
    totals = all_cells(matrices)
    for sample in totals.index[totals == 0]:
        left_out.add("no cells: left out of the composition", sample=sample)
    lineages = {name for matrix in matrices.values() for name in matrix}
    given = {"primary_lineages": study.primary_lineages, "reference_lineages": reference_lineages}
    for option, named in given.items():
        unknown = [name for name in named if name not in lineages]
        left_out.lineages(unknown, reason=f"named in --{option}, but the cohort has {', '.join(sorted(lineages))}")
    return study.subset(totals.index[totals > 0]), matrices, totals


def _abundances(
    study: Study, level: str, matrix: pd.DataFrame, totals: pd.Series, cv_total: float, left_out: LeftOut
) -> Abundances | None:
    """Cells of one level; None where there are fewer than two lineages."""
    cells, pooled = pool_rare(matrix.loc[study.samples["sample"]])
    left_out.lineages({lineage: f"{level}: {why}" for lineage, why in pooled.items()})
    cells = cells.drop(columns=UNASSIGNED, errors="ignore")
    if cells.shape[1] < 2:
        left_out.add(f"{level}: fewer than two lineages, nothing to compare")
        return None
    cells_per_ul = study.samples.set_index("sample")["cells_per_ul"] if study.absolute else None
    return Abundances(cells, totals[cells.index], cells_per_ul, cv_total)


def _answer(asked: Asked, level: str, lineages: Abundances, term: Term, left_out: LeftOut) -> Answer | None:
    """Compare one level in one term; None, with the reason in ``left_out``, where that cannot be done."""
    study, contrast = asked.study, term.contrast
    question = f"{level}, {term.name}" + (f" in {term.compartment}" if term.across else "")
    alone = {name: why for name, why in term.named_by_one.get(level, {}).items() if name in lineages.cells}
    cells = lineages.cells.drop(columns=list(alone))
    kept, absent = seen_lineages(term, cells) if len(term.units) else ([], {})
    absent |= alone
    left_out.lineages({lineage: f"{question}: {why}" for lineage, why in absent.items()}, contrast.contrast)
    if len(kept) < 2:
        left_out.add(f"{question}: fewer than two lineages to compare", contrast=contrast.contrast)
        return None
    zero = asked.zero(lineages.scale, kept)
    if zero and zero.unknown:
        named = f"none of --reference_lineages ({', '.join(asked.members)}) is compared there"
        left_out.add(f"{question}: {named}, so nothing says what is unchanged", contrast=contrast.contrast)
        return None
    counted = Counted(pd.Index(kept, name="lineage"), lineages.parts(term, kept, of_shares(zero)), zero, asked.margin)

    def measure(of: Term) -> Counted:
        return replace(counted, parts=lineages.parts(of, kept, of_shares(zero)))

    compared = compare_every(term, measure, study.covariates)
    (group,) = compared.groups
    if group.absent:
        who = f"with condition '{group.absent}'" if len(term.arms) == 2 else "that has all its samples"
        reason = f"{question}: not testable, no donor {who}"
        left_out.add(reason, contrast=contrast.contrast)
        return None
    first = compared.effects.iloc[0]
    keys = {"level": level, **term.keys}
    arms = {"scale": lineages.scale, "n_condition": first["n_condition"], "n_reference": first["n_reference"]}
    rows = _with_cells(_effect_rows(compared, asked.seed, study.primary_lineages), term, lineages.cells)
    few = rows["tier"].eq(TIERS[-1])
    left_out.lineages({row.lineage: f"{question}: {row.note}" for row in rows[few].itertuples()}, contrast.contrast)
    cases = None
    if not (term.one_arm or term.repeated) and first["n_condition"] <= 2 <= first["n_reference"]:
        cases = single_case_rows(term, counted).assign(**keys, **arms)
    tipping = {}
    if zero and not term.across:
        tipping = _tipping(study, term, lineages, kept)
    if alone:
        rows = pd.concat([rows, _untested(alone, term, lineages.cells)], ignore_index=True)
    return Answer(
        rows.assign(**keys, **arms),
        _donor_rows(compared, counted, lineages.cells[kept]).assign(level=level),
        cases,
        keys | _term_summary(compared) | tipping,
        [f"{contrast.contrast}, {term.name}: {reason}" for reason in group.dropped],
    )


def _effect_rows(compared: Compared, seed: int, primary: list[str]) -> pd.DataFrame:
    """Rows of ``effects.tsv`` of one term, without keys and calls; p-values only where donors replicate."""
    columns = ["estimate", "se", "df", "ci_low", "ci_high", "p_value", "p_plain", "mde80", "df_residual", "tier"]
    rows = compared.effects[columns + OF_COUNTS].rename(columns={"estimate": "log2fc"})
    rows = rows.rename_axis("lineage").reset_index()
    rows["q_value"] = benjamini_hochberg(rows["p_value"], rows["lineage"].isin(primary))
    rows[["p_permutation", "permutation_floor"]] = np.nan
    tested = rows["tier"].isin(CLAIMABLE)
    if tested.any():
        p, floor = _permuted(compared, seed)
        rows["p_permutation"], rows["permutation_floor"] = np.where(tested, p, np.nan), floor
    return rows


def _permuted(compared: Compared, seed: int) -> tuple[Any, float]:
    """Permutation p of every lineage, and the smallest possible; none where donors have several units."""
    term = compared.term.of(compared.term.in_arms())
    if term.repeated:
        return np.nan, np.nan
    # under the relative scale the null is "like most lineages", so that shift is taken off the condition
    treated = term.has(term.arms[0])
    shifted = compared.values.to_numpy() - np.outer(treated, compared.effects["zero"])
    return sign_flip_p(shifted, seed) if term.one_arm else permutation_p(shifted, treated, seed)


def _tipping(study: Study, term: Term, lineages: Abundances, kept: list[str]) -> dict[str, float]:
    """Factors on total cells below which lineages have fallen, from the changes of their proportions."""
    shares = Counted(pd.Index(kept), lineages.parts(term, kept, proportions=True), None, EQUIV_MARGIN)
    every, most = tipping_point(compare_arms(term, shares, study.covariates).effects["estimate"])
    return {"tipping_factor": every, "tipping_factor_80": most}


def _term_summary(compared: Compared) -> dict[str, Any]:
    """What a term's fit rests on; numbers that JSON can hold."""
    first = compared.effects.iloc[0]
    names = {"tau2": "tau2", "prior_df": "prior_df", "prior_variance": "prior_variance", "zero_log2": "zero"}
    numbers = {name: float(first[column]) for name, column in names.items()}
    nearest = compared.effects["estimate"].abs().idxmin() if first["zero"] else None
    finite = {name: number if np.isfinite(number) else None for name, number in numbers.items()}
    return {"tier": first["tier"], "zero_lineage": nearest, **finite}


def _with_cells(rows: pd.DataFrame, term: Term, cells: pd.DataFrame) -> pd.DataFrame:
    """Cells behind each arm (of the compartment), and a note where they are too few."""
    note = pd.Series("", rows.index)
    few = rows["tier"].eq(TIERS[-1])
    expected = rows["expected_cells"].map("{:.1f}".format)
    note[few] = "not testable, " + expected[few] + f" cells expected in an arm ({MIN_EXPECTED:g} are needed). "
    compared = (term.contrast.condition, term.contrast.reference) if term.one_arm else term.arms
    sides = term.sides()
    for side, name in zip(("condition", "reference"), compared, strict=True):
        of, parts = sides[name]
        sums = np.array([cells.loc[of.units[part.column], rows["lineage"]].sum() for part in parts])
        rows[f"cells_{side}"] = sums[0]
        for part, empty in zip(parts, sums == 0, strict=True):
            note[empty] += f"no cell{_place(name, part)}: the size of the change is extrapolated. "
    return rows.assign(note=note.str.strip())


def _place(arm: str, part: Part) -> str:
    """Which samples of an arm: `` of treated in CSF``, `` in CSF`` where compartments are the arms."""
    if arm == part.compartment:
        return f" in {arm}"
    return f" of {arm}{f' ({part.condition})' if part.condition not in ('', arm) else ''} in {part.compartment}"


def _untested(reasons: Mapping[str, str], term: Term, cells: pd.DataFrame) -> pd.DataFrame:
    """Rows of lineages that are not compared: their cells, and the reason."""
    rows = pd.DataFrame({"lineage": list(reasons), "expected_cells": np.nan, "tier": ""})
    return _with_cells(rows, term, cells).assign(tier=TIERS[-1], note=list(reasons.values()))


def _donor_rows(compared: Compared, counted: Counted, cells: pd.DataFrame) -> pd.DataFrame:
    """One row per donor of the arms and lineage, in log2: what the estimate is made of, what was seen, its samples'."""
    units = compared.term.units.loc[compared.values.index]
    rows = compared.donors().rename(columns={"value": "log2_value"})
    arms = compared.term.in_arms()
    seen = [part.of(arms).seen() / LN2 for part in counted.parts]
    whole = compared.term.weighted(seen)
    if counted.zero and compared.variances is not None:
        # what the zero took off a donor: both readings agree on the lineage that he shows most precisely
        best = np.arange(len(whole)), compared.variances.argmin(axis=1)
        whole = whole - (whole - compared.values.to_numpy(float))[best][:, None]
    rows["log2_seen"] = whole.ravel()
    names = [("n_cells", "log2_sample"), ("n_cells_reference", "log2_reference_sample")]
    for number, (count, value) in enumerate(names):
        rows[[count, value]] = np.nan
        if number < len(seen):
            rows[count] = cells.loc[units[compared.term.sample_columns[number]]].to_numpy().ravel()
            rows[value] = seen[number].ravel()
    return rows
