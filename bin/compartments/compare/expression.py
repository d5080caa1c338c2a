"""Pseudobulk differential expression: the condition within each compartment, and its difference between compartments.

Each lineage is analysed on its own. Differences of a donor's samples are fitted with columns of its own, so what they
share cancels; where only some donors have both conditions, with a random effect (:mod:`.voom_mixed`).
"""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from itertools import chain
from multiprocessing import get_context
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from compartments.cohort.ambient_genes import ambient_genes
from compartments.cohort.pseudobulk import Lineage
from compartments.compare.deseq import fit_pydeseq2, leave_one_donor_out
from compartments.compare.elevated import add_calls
from compartments.compare.genes import filter_by_expression, foreign_genes
from compartments.compare.voom import MIN_RATIO, Spread, moderated_tests, spread_of_arms, weigh
from compartments.compare.voom_mixed import MixedFit, of_units
from compartments.core.errors import WorkerKilled
from compartments.core.left_out import LeftOut
from compartments.core.multiple_testing import benjamini_hochberg
from compartments.core.vocabulary import ALPHA, AMBIENT_SHARE_MAX
from compartments.study.arms import arm_design, arm_numbers, donors_per_arm, residual_df, tier
from compartments.study.study import BETWEEN, CHANGE, MIXED, Study
from compartments.study.terms import Term, terms_of

MIN_DONORS = 2  # per arm; fewer leave the effect to one donor
MIN_GENES = 20  # fewer cannot carry a dispersion trend
LOW_CELLS = 20
ROBUST_Q, ROBUST_TOP, ROBUST_LOG2FC = 0.1, 100, 0.5
OF_COUNTS, OF_LOGS, OF_REPEATED = "pydeseq2", "voom", "voom_mixed"  # engines
# where donors are their own controls PyDESeq2 needs as many residual df: with 3 it finds half of what voom finds
MIN_DF_COUNTS = 5
Vectors = dict[str, npt.NDArray[np.float64]]  # contrasts by name
Result = tuple[list[pd.DataFrame], list[dict[str, Any]], LeftOut]  # of a lineage
# what a fit dies of: counts that carry none, a singular matrix, numbers that leave the range
NOT_FITTED = (ValueError, np.linalg.LinAlgError, FloatingPointError)


def unit_design(term: Term, covariates: Sequence[str] = ()) -> tuple[pd.DataFrame, npt.NDArray[np.float64], list[str]]:
    """Design of the samples of a term: that of its units, and columns for what the samples of a unit share.

    Parameters
    ----------
    term : Term
    covariates : sequence of str
        As in :func:`compartments.study.arms.arm_design`.

    Returns
    -------
    design : DataFrame, shape (parts x units, coefficients), full column rank
        Index sample, the last part's samples first. The last parts of a unit have a column each; the first part has
        those of ``arm_design`` beside, and of the others what makes the weighted sum over the parts the arm's own: one
        column per donor where two samples are compared, the multi-level parametrisation of the edgeR user's guide
        (section 3.5).
    vector : array, shape (coefficients,)
        The contrast.
    dropped : list of str
        Reasons, one per covariate left out.
    """
    between, difference, dropped = arm_design(term, covariates)
    first, *others = term.parts
    if not others:
        return between, difference, dropped
    n = len(term.units)
    own = [pd.DataFrame(np.eye(n), columns=[f"{part.column}:{unit}" for unit in term.units.index]) for part in others]
    weighted = [-part.weight / first.weight * columns for part, columns in zip(others, own, strict=True)]
    arms = between.add_prefix("arm:").reset_index(drop=True) / first.weight
    blocks = [*own[::-1], pd.concat([*weighted, arms], axis=1)]
    order = [*(name for columns in own for name in columns), *arms]
    design = pd.concat(blocks, ignore_index=True)[order].fillna(0.0)
    design.index = pd.Index(np.concatenate([term.units[column] for column in reversed(term.sample_columns)]))
    return design, np.concatenate([np.zeros(n * len(others)), difference]), dropped


def robust_genes(
    table: pd.DataFrame,
    q_value: npt.NDArray[np.float64],
    refit: Callable[[npt.NDArray[np.intp]], npt.NDArray[np.float64]],
) -> pd.arrays.BooleanArray:
    """Whether sign and size of the effect survive leaving out any one donor.

    Parameters
    ----------
    table : DataFrame
        With ``log2fc, p_value``.
    q_value : array, shape (genes,)
    refit : callable
        ``refit(positions)`` gives :func:`compartments.compare.deseq.leave_one_donor_out` for these genes.

    Returns
    -------
    nullable boolean array, shape (genes,)
        Missing where not looked at: only genes with q < .1 and the 100 smallest p are refitted.
    """
    p = table["p_value"].to_numpy(float)
    order = np.argsort(np.nan_to_num(p, nan=2.0), kind="stable")[:ROBUST_TOP]
    chosen = np.union1d(order, np.flatnonzero(q_value < ROBUST_Q))
    chosen = chosen[np.isfinite(p[chosen])]
    robust = pd.array([pd.NA] * len(table), dtype="boolean")
    if len(chosen):
        refits = refit(chosen)
        sign = np.sign(table["log2fc"].to_numpy()[chosen])
        robust[chosen] = ((refits * sign) > ROBUST_LOG2FC).all(0)
    return robust


def compare_lineage(
    lineage: Lineage, study: Study, left_out: LeftOut
) -> tuple[list[pd.DataFrame], list[dict[str, Any]]]:
    """All terms of all contrasts in one lineage.

    Parameters
    ----------
    lineage : pseudobulk.Lineage
    study : Study
    left_out : LeftOut
        Is given the reasons for what cannot be compared.

    Returns
    -------
    tables : list of DataFrame
        Columns of ``expression/<contrast>.parquet`` but ``q_global``, one per contrast and term tested.
    fits : list of dict
        What each table rests on.
    """
    if lineage.counts is None or lineage.ambient is None:
        raise TypeError(f"{lineage.name} was read without its raw and ambient counts")
    groups = (lineage.samples["condition"] + " " + lineage.samples["compartment"]).to_numpy()
    ambient = ambient_genes(lineage.counts, lineage.ambient, groups, AMBIENT_SHARE_MAX)
    excluded = ambient | foreign_genes(lineage.genes, lineage.name)
    tables, fits = {}, []
    shared: dict[tuple[Any, ...], list[Term]] = {}  # the contrasts of the same units share one fit
    for term in terms_of(study, lineage.samples.index):
        units = [
            each.units[[*each.sample_columns, "arm"]].itertuples(index=False, name=None) for each in (term, term.every)
        ]
        key = (term.name, term.compartment, len(term.arms), term.parts, *chain(*units))
        shared.setdefault(key, []).append(term)
    for terms in shared.values():
        usable = _with_both_arms(terms, lineage, left_out)
        usable = _with_both_arms(_without_odd_samples(usable, lineage, excluded, left_out), lineage, left_out)
        if not usable:
            continue
        listed = _listed_genes(usable, lineage, excluded, left_out)
        own, designs = lineage.of_genes(listed), _by_design(usable, study.covariates)
        for alike in designs:
            try:
                fitted = _compare_terms(own, study.covariates, alike, excluded[listed], ambient[listed])
            except NOT_FITTED as error:  # the other lineages and terms go on
                for term in alike:
                    reason = f"not fitted: {type(error).__name__}: {error}"
                    left_out.add(reason, lineage=lineage.name, contrast=term.label)
                continue
            for reason in dict.fromkeys(chain(*fitted.dropped.values())):
                of = [term for term in alike if reason in fitted.dropped[term.contrast.contrast]]
                asked = [_of_all(of)] if len(of) == len(usable) else [term.label for term in of]
                left_out.add(reason, lineage=lineage.name, contrast=", ".join(asked))
            for term in alike:
                table = fitted.tables[term.contrast.contrast]
                fits.append(_described(table, lineage, term, fitted, donors_per_arm(term, study.covariates)))
                tables[term.contrast.contrast, term.name, term.compartment] = table
    add_calls(tables, study.reference_compartment)
    return list(tables.values()), fits


def _by_design(terms: list[Term], covariates: list[str]) -> list[list[Term]]:
    """Contrasts of the same units by the columns that they are fitted with: a covariate that one is adjusted for may
    be one that another cannot be told from."""
    found: dict[tuple[str, ...], list[Term]] = {}
    for term in terms:
        found.setdefault(tuple(arm_design(term.every, covariates)[0]), []).append(term)
    return list(found.values())


def _of_all(terms: list[Term]) -> str:
    """The question that several contrasts ask, without a contrast's name."""
    return terms[0].label.removeprefix(f"{terms[0].contrast.contrast} ")


def _with_both_arms(terms: list[Term], lineage: Lineage, left_out: LeftOut) -> list[Term]:
    """The terms with enough donors in either arm."""
    usable = []
    for term in terms:
        if lineage.name in term.unnamed:
            left_out.add(term.unnamed[lineage.name], lineage=lineage.name, contrast=term.label)
            continue
        for arm in term.arms:
            n = int(term.has(arm).sum())
            if n < MIN_DONORS:
                which = "" if term.one_arm else f" with {'group' if term.kind == CHANGE else 'condition'} '{arm}'"
                few = f"{n} {term.noun}{'' if n == 1 else 's'}{which}, needs {MIN_DONORS}"
                left_out.add(f"not_testable: {few}", lineage=lineage.name, contrast=term.label)
                break
        else:
            usable.append(term)
    return usable


def _without_odd_samples(
    terms: list[Term], lineage: Lineage, excluded: npt.NDArray[np.bool_], left_out: LeftOut
) -> list[Term]:
    """The terms without samples that share too few genes with the others to have a size."""
    if not terms:
        return terms
    whole = terms[0].every
    samples, counts = _counted(whole, lineage)
    tested = filter_by_expression(counts, _groups(whole)) & ~excluded & ~lineage.lacking(samples.index)
    genes = (counts[:, tested] > 0).sum(1)
    odd = pd.Series(genes, samples.index)[genes < MIN_GENES]
    for sample, n in odd.items():
        reason = f"{n} of the genes tested were counted, needs {MIN_GENES}"
        left_out.add(reason, sample=str(sample), lineage=lineage.name, contrast=_of_all(terms))
    return [term.among(set(samples.index) - set(odd.index)) for term in terms]


def _listed_genes(
    terms: list[Term], lineage: Lineage, excluded: npt.NDArray[np.bool_], left_out: LeftOut
) -> npt.NDArray[np.bool_]:
    """Genes that the files of all samples of these terms list: the others were not counted there, which is not zero."""
    whole = terms[0].every
    samples, counts = _counted(whole, lineage)
    lacking = lineage.lacking(samples.index)
    if lacking.any():
        lost = lacking & ~excluded & filter_by_expression(counts, _groups(whole))
        reason = f"{lost.sum()} genes are not tested: the files of some samples do not list them (cohort/genes.tsv)"
        left_out.add(reason, lineage=lineage.name, contrast=_of_all(terms))
    return ~lacking


def _counted(term: Term, lineage: Lineage) -> tuple[pd.DataFrame, npt.NDArray[np.int64]]:
    """Samples of a term, those of the last part first, and their counts."""
    names = np.concatenate([term.units[column] for column in reversed(term.sample_columns)])
    rows = lineage.samples.index.get_indexer(pd.Index(names))
    return lineage.samples.iloc[rows], lineage.corrected[rows]


def _groups(term: Term) -> npt.NDArray[np.object_]:
    """Arm and part of the samples of :func:`_counted`: where like counts are expected."""
    return np.concatenate([column + " " + term.units["arm"].to_numpy(object) for column in term.sample_columns[::-1]])


def _described(
    table: pd.DataFrame, lineage: Lineage, term: Term, fitted: "Fitted", donors: tuple[int, int]
) -> dict[str, Any]:
    """Add to a tested table what it is of, and the donors of its arms; give what it rests on."""
    n_condition, n_reference = donors
    trust = tier(n_condition, n_reference, fitted.summary["residual_df"])
    every, arms = term.every, term.every.arms
    samples = pd.concat([every.units[column] for column in every.sample_columns])
    table["contrast"], table["lineage"], table["gene"] = term.contrast.contrast, lineage.name, table.index
    table["term"], table["compartment"] = term.name, term.compartment
    table["n_condition"], table["n_reference"], table["tier"] = n_condition, n_reference, trust
    table["low_cells"] = int((lineage.samples.loc[samples, "n_cells"] < LOW_CELLS).sum())
    table["call"], table["call_p"], table["call_q"] = "", np.nan, np.nan
    return {
        "contrast": term.contrast.contrast,
        "lineage": lineage.name,
        "term": term.name,
        "compartment": term.compartment,
        "tier": trust,
        "n_condition": n_condition,
        "n_reference": n_reference,
        "n_genes_significant": int((table["q_value"] < ALPHA).sum()),
        "median_se": float(table["se"].median()),
        # at the median error, of a normal statistic: that is what the fit tests
        "mde80_log2": float((stats.norm.ppf(1 - ALPHA / 2) + stats.norm.ppf(0.8)) * table["se"].median()),
        "spread_ratio": np.nan if every.one_arm else fitted.spread.ratio(arms[0], arms[len(arms) // 2]),
        **fitted.summary,
    }


@dataclass(frozen=True)
class Fitted:
    """One fit for contrasts of the same units: tables and covariates left out by contrast, what it rests on."""

    tables: dict[str, pd.DataFrame]
    spread: Spread
    summary: dict[str, Any]
    dropped: dict[str, list[str]]


def _compare_terms(
    lineage: Lineage,
    covariates: list[str],
    terms: list[Term],
    excluded: npt.NDArray[np.bool_],
    ambient: npt.NDArray[np.bool_],
) -> Fitted:
    designs = {term.contrast.contrast: unit_design(term.every, covariates) for term in terms}
    term, (design, _, _) = terms[0].every, next(iter(designs.values()))
    vectors = {name: vector for name, (_, vector, _) in designs.items()}
    dropped = {name: reasons for name, (_, _, reasons) in designs.items()}
    between = arm_design(term, covariates)[0].to_numpy()
    df = residual_df(term, between.shape[1])
    if df < 1:
        raise ValueError(f"{len(term.units)} {term.noun}s leave no residual df")
    samples, counts = _counted(term, lineage)
    expressed = filter_by_expression(counts, _groups(term))
    keep = expressed & ~excluded
    if keep.sum() < MIN_GENES:
        raise ValueError(f"only {keep.sum()} genes are expressed enough, needs {MIN_GENES}")
    kept = pd.DataFrame(counts[:, keep], index=design.index, columns=lineage.genes[keep])
    tables, fit = fit_pydeseq2(kept, design, vectors)

    def refit(genes: npt.NDArray[np.intp], vector: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        factors, dispersions = fit["size_factors"], fit["dispersions"][genes]
        donors = samples["donor"].to_numpy()
        return leave_one_donor_out(kept.to_numpy()[:, genes], design.to_numpy(), vector, donors, factors, dispersions)

    spread, tests, mixed = _of_logs(term, kept, design, between)
    engine = OF_REPEATED if mixed else OF_LOGS if spread.differs or _few(term, df) else OF_COUNTS
    if engine != OF_COUNTS:
        _put(tables, tests(vectors))
    refits = mixed.without_each_donor if mixed else refit
    for name, table in tables.items():
        table["engine"] = engine
        table["q_value"] = benjamini_hochberg(table["p_value"])
        table["robust"] = robust_genes(table, table["q_value"].to_numpy(), partial(refits, vector=vectors[name]))
    summary = {
        "residual_df": df,
        "n_genes": int(keep.sum()),
        "n_genes_ambient": int((expressed & ambient).sum()),
        "size_factor_min": float(fit["size_factors"].min()),
        "size_factor_max": float(fit["size_factors"].max()),
        "dispersion_trend": fit["trend"],
        "median_dispersion": float(np.nanmedian(fit["dispersions"])),
        "engine": engine,
        "spread_p": spread.p_value,
        "spread_differs": spread.differs,
        "donor_correlation": mixed.correlation if mixed else np.nan,
    }
    return Fitted(tables, spread, summary, dropped)


def _few(term: Term, df: int) -> bool:
    """True if donors are their own controls and too few for PyDESeq2 to find much."""
    return df < MIN_DF_COUNTS and term.kind not in (BETWEEN, MIXED)


def _of_logs(
    term: Term, counts: pd.DataFrame, design: pd.DataFrame, between: npt.NDArray[np.float64]
) -> tuple[Spread, Callable[[Vectors], dict[str, pd.DataFrame]], MixedFit | None]:
    """How much the arms vary, tests of log counts that allow for it, and the fit where donors have several units."""
    matrix, arms = design.to_numpy(), np.tile(term.units["arm"].to_numpy(object), len(term.parts))
    data = weigh(counts.to_numpy(), matrix, _groups(term))
    spread = spread_of_arms(data, matrix, arms)
    if term.repeated:
        numbers = arm_numbers(term) * spread.differs
        donors = term.units["donor"].to_numpy(object)
        mixed = MixedFit.of(of_units(data, term, design.index), between, donors, numbers)
        return spread, mixed.tests, mixed
    variance = np.array([spread.variance[arm] if spread.differs else 1.0 for arm in arms])
    return spread, partial(moderated_tests, data, matrix, variance=variance), None


def _put(tables: dict[str, pd.DataFrame], tests: dict[str, pd.DataFrame]) -> None:
    """Put the tests of log counts in the place of PyDESeq2's; shrunken by as much as that of the counts."""
    for name, test in tests.items():
        table = tables[name]
        shrunken = (table["log2fc_shrunken"] / table["log2fc"]).clip(0, 1).fillna(1.0)
        table[test.columns] = test.to_numpy()
        table["log2fc_shrunken"] = shrunken * table["log2fc"]


@dataclass(frozen=True)
class Compared:
    """Differential expression of all lineages.

    Attributes
    ----------
    tables : dict of DataFrame
        Per contrast, columns of ``expression/<contrast>.parquet``; none if nothing was tested.
    fits : list of dict
        What each contrast and term of a lineage rests on.
    """

    tables: dict[str, pd.DataFrame]
    fits: list[dict[str, Any]]

    def summary(self, min_cells: int, n_lineages: int) -> dict[str, Any]:
        """Content of ``expression.json``: settings, counts, and one record per table in ``fits``."""
        return {
            "de_engine": OF_COUNTS,
            "min_cells": min_cells,
            "ambient_share_max": AMBIENT_SHARE_MAX,
            "n_lineages": n_lineages,
            "n_lineages_tested": len({fit["lineage"] for fit in self.fits}),
            "warnings": self.warnings(),
            "fits": [{key: None if value != value else value for key, value in fit.items()} for fit in self.fits],
        }

    def warnings(self) -> list[str]:
        """One line per contrast and term with lineages whose arms of donors vary unequally, those of the two compared
        or others."""
        unequal: dict[tuple[str, str, str, str, bool], list[str]] = {}
        for fit in self.fits:
            if fit["spread_differs"]:
                own = max(fit["spread_ratio"], 1 / fit["spread_ratio"]) > MIN_RATIO
                named = fit["lineage"] + (f" (variance {fit['spread_ratio']:.2g} times)" if own else "")
                key = (fit["contrast"], fit["term"], fit["compartment"], fit["engine"], own)
                unequal.setdefault(key, []).append(named)
        said = {
            True: "the donors of one arm vary more than those of the other in",
            False: "donors of other arms than the two compared vary more or less than these in",
        }
        return [
            f"{contrast}, {term if ':' in term else f'{term} {compartment}'}: {said[own]} {', '.join(lineages)}; "
            f"p-values there allow for it (engine {engine})"
            for (contrast, term, compartment, engine, own), lineages in unequal.items()
        ]


def compare_lineages(
    lineages: list[Lineage], study: Study, left_out: LeftOut, cpus: int = 1, ambient_assumed: Collection[str] = ()
) -> Compared:
    """Every lineage, in parallel processes.

    Parameters
    ----------
    lineages : list of pseudobulk.Lineage
    study : Study
    left_out : LeftOut
        Is given the reasons for what cannot be compared, in the order of the lineages.
    cpus : int
    ambient_assumed : collection of str
        Samples of :func:`compartments.compare.genes.assume_ambient`: the reason why a lineage has fewer genes.

    Notes
    -----
    ``q_value``: Benjamini-Hochberg over genes within lineage x contrast x term x compartment; ``q_global``, where
    compartments are compared: over genes of all lineages.
    """
    import pydeseq2.ds  # noqa: F401  imported before the fork, once for all processes

    # the largest first, so that no process is left alone with it; results come back in the order given
    order = sorted(range(len(lineages)), key=lambda i: -lineages[i].corrected.size)
    if cpus > 1 and len(lineages) > 1:
        results = _in_processes(min(cpus, len(lineages)), [lineages[i] for i in order], study, left_out.stage)
    else:
        results = [_with_reasons(lineages[i], study, left_out.stage) for i in order]
    in_order = [result for _, result in sorted(zip(order, results, strict=True), key=lambda pair: pair[0])]
    for _tables, _fits, reasons in in_order:
        left_out.rows += reasons.rows
    tables = [table for one, _fits, _reasons in in_order for table in one]
    by_contrast = {
        name: _over_lineages([table for table in tables if table["contrast"].iloc[0] == name], study)
        for name in study.contrasts["contrast"]
    }
    every = [fit for _tables, fits, _reasons in in_order for fit in fits]
    for lineage in dict.fromkeys(fit["lineage"] for fit in every) if ambient_assumed else ():
        genes = max(fit["n_genes_ambient"] for fit in every if fit["lineage"] == lineage)
        left_out.add(
            f"up to {genes} genes are not tested: no ambient RNA was removed from {len(ambient_assumed)} samples, and "
            f"if a tenth of their counts were ambient, more than {AMBIENT_SHARE_MAX:.0%} of these genes' would be",
            lineage=lineage,
        )
    return Compared(by_contrast, every)


def _in_processes(n: int, lineages: list[Lineage], study: Study, stage: str) -> list[Result]:
    """:func:`_with_reasons` of every lineage, so many at a time."""
    with ProcessPoolExecutor(n, mp_context=get_context("fork")) as pool:
        futures = [pool.submit(_with_reasons, lineage, study, stage) for lineage in lineages]
        try:
            return [future.result() for future in futures]
        except BrokenProcessPool as error:
            message = f"one of {n} processes that compared lineages was killed, most likely out of memory: "
            raise WorkerKilled(message + "give the step more memory (conf/resources.tsv), or --cpus 1") from error


def _with_reasons(lineage: Lineage, study: Study, stage: str) -> Result:
    """:func:`compare_lineage` in a process of its own, whose reasons come back with the results."""
    left_out = LeftOut(stage)
    return *compare_lineage(lineage, study, left_out), left_out


def _over_lineages(tables: list[pd.DataFrame], study: Study) -> pd.DataFrame:
    """The tables of one contrast as one, with ``q_global``."""
    if not tables:
        return pd.DataFrame()
    table = pd.concat(tables, ignore_index=True)
    table["q_global"] = np.nan
    across = ~table["term"].str.startswith("within:")
    for compartment in study.compartments[1:]:
        rows = across & (table["compartment"] == compartment)
        table.loc[rows, "q_global"] = benjamini_hochberg(table.loc[rows, "p_value"])
    return table
