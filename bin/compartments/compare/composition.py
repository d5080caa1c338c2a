"""Composition: what a condition does to each lineage within a compartment, and what it does differently between them.

Log abundances per sample, within-donor differences between compartments, compared between conditions with precision
weights and moderated variances (:mod:`compartments.compare.moderated`). All computation is in ln units, all tables in
log2.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from compartments.compare.abundance import (
    Abundances,
    all_cells,
    count_matrices,
    log_abundance,
    log_proportion,
    pool_rare,
    seen_lineages,
)
from compartments.compare.between import compartment_rows
from compartments.compare.calls import call_table, chosen_calls, tipping_point
from compartments.compare.engine import Compared, Measured
from compartments.compare.engine import compare as compare_arms
from compartments.compare.moderated import permutation_p
from compartments.compare.single_case import single_case_rows
from compartments.compare.terms import Term, terms_of
from compartments.core.contract import Contract
from compartments.core.errors import UserError
from compartments.core.left_out import LeftOut
from compartments.core.multiple_testing import benjamini_hochberg
from compartments.core.vocabulary import CLAIMABLE, CV_TOTAL, EQUIV_MARGIN, LN2, UNASSIGNED
from compartments.study.study import Study

# whose tables and reasons these are; power computes them anew without that step
STAGE = "compare_composition"


@dataclass(frozen=True)
class Composition:
    """What :func:`compare` returns; each table and the summary are a file of the step.

    Attributes
    ----------
    effects, donors, single_case, calls, compartments : DataFrame
    summary : dict
    left_out : LeftOut
    """

    effects: pd.DataFrame
    donors: pd.DataFrame
    single_case: pd.DataFrame
    calls: pd.DataFrame
    compartments: pd.DataFrame
    summary: dict[str, Any]
    left_out: LeftOut


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

    Returns
    -------
    Composition

    Raises
    ------
    UserError
        Samples of ``counts`` that the study does not have, malformed counts.
    """
    left_out = LeftOut(STAGE)
    study, matrices, totals = _countable(study, counts, left_out)
    scale = "abs" if study.absolute else "rel"
    answers, differences, warnings = [], [], []
    if scale == "rel":
        warnings.append(
            "cells_per_ul is not given for every sample: all changes are relative to the median lineage, and a fall "
            "of all lineages at once cannot be seen"
        )
    for level, matrix in matrices.items():
        lineages = _abundances(study, level, matrix, totals, cv_total, left_out)
        if lineages is None:
            continue
        differences.append(compartment_rows(study, lineages).assign(level=level))
        for term in terms_of(study):
            answer = _answer(study, level, lineages, term, seed, left_out)
            if answer:
                answers.append(answer)
                warnings += answer.warnings
    effects = _stack([answer.effects for answer in answers], "effects")
    calls = call_table(effects, equiv_margin, study.primary_lineages)
    if len(calls):
        words = chosen_calls(calls).assign(term="interaction")
        effects = effects.drop(columns=["call", "call_p", "call_q"]).merge(words, how="left")
    summary = {
        "scale": scale,
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
        _stack(differences, "compartments"),
        summary,
        left_out,
    )


def _stack(frames: list[pd.DataFrame], table: str) -> pd.DataFrame:
    """One table of several, with all columns of its file even where there is none."""
    columns = Contract.of(STAGE).names(f"composition/{table}.tsv")
    return pd.concat(frames, ignore_index=True).reindex(columns=columns) if frames else pd.DataFrame(columns=columns)


def _countable(
    study: Study, counts: pd.DataFrame, left_out: LeftOut
) -> tuple[Study, dict[str, pd.DataFrame], pd.Series]:
    """The study of the samples that have cells, the cells per level, and all cells of each sample."""
    strangers = [sample for sample in counts["sample"].unique() if sample not in set(study.samples["sample"])]
    if strangers:
        raise UserError(f"counts.tsv: sample '{strangers[0]}' is not in the study; give the study it was counted for")
    matrices = count_matrices(counts)
    totals = all_cells(matrices)
    for sample in totals.index[totals == 0]:
        left_out.add("no cells: left out of the composition", sample=sample)
    known = {name for matrix in matrices.values() for name in matrix}
    unknown = [name for name in study.primary_lineages if name not in known]
    left_out.lineages(unknown, reason=f"named in --primary_lineages, but the cohort has {', '.join(sorted(known))}")
    return study.subset(totals.index[totals > 0]), matrices, totals


def _abundances(
    study: Study, level: str, matrix: pd.DataFrame, totals: pd.Series, cv_total: float, left_out: LeftOut
) -> Abundances | None:
    """Log abundances of one level; None where there are fewer than two lineages."""
    cells, pooled = pool_rare(matrix.loc[study.samples["sample"]])
    left_out.lineages({lineage: f"{level}: {why}" for lineage, why in pooled.items()})
    cells = cells.drop(columns=UNASSIGNED, errors="ignore")
    if cells.shape[1] < 2:
        left_out.add(f"{level}: fewer than two lineages, nothing to compare")
        return None
    totals = totals[cells.index]
    scale = "abs" if study.absolute else "rel"
    cells_per_ul = study.samples.set_index("sample")["cells_per_ul"] if study.absolute else None
    return Abundances(cells, totals, scale, *log_abundance(cells, totals, scale, cells_per_ul, cv_total))


def _answer(study: Study, level: str, lineages: Abundances, term: Term, seed: int, left_out: LeftOut) -> Answer | None:
    """Compare one level in one term; None, with the reason in ``left_out``, where that cannot be done."""
    contrast = term.contrast
    asked = f"{level}, {term.name}" + (f" in {term.compartment}" if term.paired else "")
    kept, absent = seen_lineages(term, lineages.cells) if len(term.units) else ([], {})
    left_out.lineages({lineage: f"{asked}: {why}" for lineage, why in absent.items()}, contrast.contrast)
    if len(kept) < 2:
        left_out.add(f"{asked}: fewer than two lineages to compare", contrast=contrast.contrast)
        return None
    features, centre = pd.Index(kept, name="lineage"), lineages.scale == "rel"
    values, variances = term.values(lineages.z[kept]), term.variances(lineages.v[kept])
    compared = compare_arms(term, Measured(features, values, variances, LN2, centre), study.covariates)
    (group,) = compared.groups
    if group.absent:
        reason = f"{asked}: not testable, no donor with condition '{group.absent}'"
        left_out.add(reason, contrast=contrast.contrast)
        return None
    first = compared.effects.iloc[0]
    keys = {"level": level, **term.keys}
    arms = {"scale": lineages.scale, "n_condition": first["n_condition"], "n_reference": first["n_reference"]}
    rows = _with_cells(_effect_rows(compared, seed, study.primary_lineages), term, lineages.cells)
    cases = None
    if first["n_condition"] <= 2 <= first["n_reference"]:
        cases = single_case_rows(term, values, kept, centre).assign(**keys, **arms)
    tipping = {}
    if centre and not term.paired:
        tipping = _tipping(study, term, lineages, kept)
    return Answer(
        rows.assign(**keys, **arms, tier=first["tier"]),
        _donor_rows(compared, lineages.cells[kept]).assign(level=level),
        cases,
        keys | _term_summary(compared) | tipping,
        [f"{contrast.contrast}, {term.name}: {reason}" for reason in group.dropped],
    )


def _effect_rows(compared: Compared, seed: int, primary: list[str]) -> pd.DataFrame:
    """Rows of ``effects.tsv`` of one term, without keys and calls; p-values only where donors replicate."""
    columns = ["estimate", "se", "df", "ci_low", "ci_high", "p_value", "p_plain", "mde80", "df_residual"]
    rows = compared.effects[columns].rename(columns={"estimate": "log2fc"}).rename_axis("lineage").reset_index()
    rows["q_value"] = benjamini_hochberg(rows["p_value"], rows["lineage"].isin(primary))
    rows[["p_permutation", "permutation_floor"]] = np.nan
    if compared.effects["tier"].iloc[0] in CLAIMABLE:
        units = compared.term.units.loc[compared.values.index]
        treated = (units["condition"] == compared.term.contrast.condition).to_numpy()
        # under the relative scale the null is "like the median lineage", so that shift is taken off the condition
        shifted = compared.values.to_numpy() - np.outer(treated, compared.effects["zero"])
        rows["p_permutation"], rows["permutation_floor"] = permutation_p(shifted, treated, seed)
    return rows


def _tipping(study: Study, term: Term, lineages: Abundances, kept: list[str]) -> dict[str, float]:
    """Factors on total cells below which lineages have fallen, from the changes of their proportions."""
    logs, spread = log_proportion(lineages.cells, lineages.totals)
    measured = Measured(pd.Index(kept), term.values(logs[kept]), term.variances(spread[kept]), LN2)
    every, most = tipping_point(compare_arms(term, measured, study.covariates).effects["estimate"])
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
    """Cells behind each arm (of the compartment), and a note where an arm has none."""
    note = pd.Series("", rows.index)
    for arm, name in (("condition", term.contrast.condition), ("reference", term.contrast.reference)):
        units = term.units[term.has(name)]
        rows[f"cells_{arm}"] = cells.loc[units["sample"], rows["lineage"]].sum().to_numpy()
        empty = rows[f"cells_{arm}"] == 0
        if term.paired:
            empty |= (cells.loc[units["reference_sample"], rows["lineage"]].sum() == 0).to_numpy()
        note[empty] += f"no cell in {name}: the size of the change rests on the pseudocount. "
    return rows.assign(note=note.str.strip())


def _donor_rows(compared: Compared, cells: pd.DataFrame) -> pd.DataFrame:
    """One row per donor of the two arms and lineage: the values that the estimate is made of, in log2."""
    units = compared.term.units.loc[compared.values.index]
    rows = compared.donors().rename(columns={"value": "log2_value"})
    rows["n_cells"] = cells.loc[units["sample"]].to_numpy().ravel()
    paired = compared.term.paired
    rows["n_cells_reference"] = cells.loc[units["reference_sample"]].to_numpy().ravel() if paired else np.nan
    return rows
