"""Studies with known truth: presets, and the fast count-level simulators that calibrate the statistics.

No droplets here (those are in :mod:`compartments.simulate.droplets`); numpy and pandas only, hundreds of studies in
seconds. All effects that go in or out are log2.
"""

import difflib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from compartments.core.errors import UserError
from compartments.simulate.people import check_arms
from compartments.simulate.presets import BLOOD_BASE, CELLS_PER_UL, CSF_BASE

SD_DONOR, SD_TOTAL = 0.35, 0.15  # ln units
CAPTURED = {"CSF": (300, 2500), "blood": (2500, 7000)}  # cells of a sample


def effect_vector(effects, lineages):
    """``effects`` (None, a mapping lineage -> log2, or an array in the order of ``lineages``) as a float array.

    Raises
    ------
    UserError
        If a mapping names a lineage that is not simulated; the message lists the valid ones.
    """
    lineages = list(lineages)
    if effects is None:
        return np.zeros(len(lineages))
    if isinstance(effects, dict | pd.Series):
        for name in dict(effects):
            if name not in lineages:
                close = difflib.get_close_matches(str(name), lineages, 1)
                hint = f" (did you mean '{close[0]}'?)" if close else ""
                raise UserError(f"effects: unknown lineage '{name}'{hint}; valid are {', '.join(lineages)}")
        return np.array([float(effects.get(name, 0.0)) for name in lineages])
    return np.asarray(effects, float)


@dataclass(frozen=True)
class CountStudy:
    """What :func:`count_study` returns.

    Attributes
    ----------
    counts : DataFrame, samples x lineages, int
        Cells captured; index ``sample``.
    samples : DataFrame
        ``sample, donor, compartment, condition, cells_per_ul`` in the order of ``counts``; per donor CSF, then blood.
        Conditions are ``treated`` and ``untreated``.
    truth : DataFrame
        Index lineage; ``CSF``, ``blood`` (log2 change of absolute abundance with the condition) and ``interaction``.
    """

    counts: pd.DataFrame
    samples: pd.DataFrame
    truth: pd.DataFrame


def count_study(
    rng,
    n_condition=2,
    n_reference=4,
    effects_csf=None,
    effects_blood=None,
    base_csf=None,
    base_blood=None,
    sd_sample=0.30,
):
    """One paired study at the level of cell counts.

    ln abundance = ln base + donor N(0, ``SD_DONOR``) + sample N(0, sd_sample) + effect, independent per lineage; the
    total per microlitre is measured with log-normal error ``SD_TOTAL``; the cells captured are multinomial, their
    number log-uniform in ``CAPTURED``.

    Parameters
    ----------
    rng : numpy.random.Generator
    n_condition, n_reference : int
        Donors per arm, each with both compartments.
    effects_csf, effects_blood : mapping or array, optional
        log2 change of absolute abundance in the condition, see :func:`effect_vector`; none by default.
    base_csf, base_blood : mapping lineage -> proportion, optional
        Default ``CSF_BASE`` and ``BLOOD_BASE``; both with the same lineages.
    sd_sample : float or array over lineages
        ln units.

    Returns
    -------
    CountStudy
    """
    check_arms(n_condition, n_reference)
    bases = {"CSF": base_csf or CSF_BASE, "blood": base_blood or BLOOD_BASE}
    lineages = list(bases["CSF"])
    effects = {"CSF": effect_vector(effects_csf, lineages), "blood": effect_vector(effects_blood, lineages)}
    n = n_condition + n_reference
    treated = np.arange(n) < n_condition
    donor = rng.normal(0, 1, (n, len(lineages))) * SD_DONOR
    counts, totals = {}, {}
    for compartment, base in bases.items():
        proportions = np.array([base[lineage] for lineage in lineages], float)
        log_abundance = (
            np.log(proportions / proportions.sum())
            + donor
            + rng.normal(0, 1, donor.shape) * sd_sample
            + np.outer(treated, effects[compartment]) * np.log(2)
        )
        abundance = np.exp(log_abundance)
        totals[compartment] = CELLS_PER_UL[compartment] * abundance.sum(1) * rng.lognormal(0, SD_TOTAL, n)
        captured = np.exp(rng.uniform(*np.log(CAPTURED[compartment]), n)).astype(int)
        counts[compartment] = rng.multinomial(captured, abundance / abundance.sum(1, keepdims=True))
    donors = [f"D{i + 1:02d}" for i in range(n)]
    samples = pd.DataFrame(
        {
            "sample": f"{donor}_{compartment}",
            "donor": donor,
            "compartment": compartment,
            "condition": "treated" if treated[i] else "untreated",
            "cells_per_ul": totals[compartment][i],
        }
        for i, donor in enumerate(donors)
        for compartment in bases
    )
    table = np.stack([counts["CSF"], counts["blood"]], axis=1).reshape(2 * n, len(lineages))
    truth = pd.DataFrame(effects, index=pd.Index(lineages, name="lineage"))
    truth["interaction"] = truth["CSF"] - truth["blood"]
    return CountStudy(pd.DataFrame(table, index=samples["sample"].to_numpy(), columns=lineages), samples, truth)


@dataclass(frozen=True)
class PseudobulkStudy:
    """What :func:`pseudobulk_study` returns.

    Attributes
    ----------
    counts : DataFrame, samples x genes, int
    samples : DataFrame
        ``sample, donor, compartment, condition, n_cells``; as in :class:`CountStudy`.
    truth : DataFrame
        Index gene; ``compartment_log2fc`` (CSF minus blood when untreated), ``both_log2fc`` (effect of the condition
        common to both compartments), ``interaction_log2fc`` (extra effect in CSF), ``in_set`` (bool).
    """

    counts: pd.DataFrame
    samples: pd.DataFrame
    truth: pd.DataFrame


@dataclass(frozen=True)
class Expression:
    """What the pseudobulks of a study are like.

    Attributes
    ----------
    fraction_interaction : float
        Share of genes with an interaction of +-``log2fc`` (three quarters up).
    sd_donor, sd_residual : float
        ln units.
    cells : pair of float
        Typical cells per pseudobulk in CSF and blood, at 2,000 UMIs each, log-normal (.6) around it.
    treated_cells : float
        Factor on the cells of treated samples (1/6: the lineage is depleted).
    heavy_tails : bool
        Sample effects from t with 4 df and Poisson counts instead of negative-binomial counts.
    set_size : int
        The first ``set_size`` genes form a set with shared programme activity N(0, ``sd_programme``) per donor and per
        sample, and ``set_log2fc`` added in treated CSF.
    """

    n_genes: int = 1500
    fraction_interaction: float = 0.0
    log2fc: float = 1.5
    sd_donor: float = 0.35
    sd_residual: float = 0.25
    cells: tuple[float, float] = (60, 150)
    treated_cells: float = 1.0
    heavy_tails: bool = False
    set_size: int = 0
    set_log2fc: float = 0.0
    sd_programme: float = 0.2


def pseudobulk_study(rng, n_condition=2, n_reference=4, **expression):
    """One lineage's pseudobulk counts of a paired study.

    Expression has a gamma baseline, a compartment effect on 40 % of genes, a condition effect common to both
    compartments on 20 %, a donor effect shared by both compartments, and negative-binomial counts (dispersion
    sd_residual^2 chi2_10/10 per gene).

    Parameters
    ----------
    rng : numpy.random.Generator
    n_condition, n_reference : int
        Donors per arm, each with both compartments.
    **expression
        Of :class:`Expression`.

    Returns
    -------
    PseudobulkStudy
    """
    given = Expression(**expression)
    n_genes = given.n_genes
    check_arms(n_condition, n_reference)
    n = n_condition + n_reference
    donor = np.repeat(np.arange(n), 2)
    csf = np.tile([1, 0], n)
    treated = (donor < n_condition).astype(int)
    base = rng.gamma(0.6, 1, n_genes) + 0.02
    n_cells = np.maximum(
        np.where(csf == 1, *given.cells)
        * np.where(treated == 1, given.treated_cells, 1.0)
        * rng.lognormal(0, 0.6, 2 * n),
        10,
    )
    compartment_effect = rng.normal(0, 0.6, n_genes) * (rng.random(n_genes) < 0.4)
    both_effect = rng.normal(0, 0.6, n_genes) * (rng.random(n_genes) < 0.2)
    changed = rng.random(n_genes) < given.fraction_interaction
    interaction = np.where(changed, given.log2fc * np.log(2) * rng.choice([1, 1, 1, -1], n_genes), 0.0)
    in_set = np.arange(n_genes) < given.set_size
    interaction = interaction + in_set * given.set_log2fc * np.log(2)
    activity = rng.normal(0, given.sd_programme, n)[donor] + rng.normal(0, given.sd_programme, 2 * n)
    eta = (
        np.log(base / base.sum())
        + np.outer(csf, compartment_effect)
        + np.outer(treated, both_effect)
        + np.outer(csf * treated, interaction)
        + rng.normal(0, given.sd_donor, (n, n_genes))[donor]
        + np.outer(activity, in_set)
    )
    if given.heavy_tails:
        sd = given.sd_residual * np.sqrt(rng.chisquare(6, n_genes) / 6)
        noise = np.exp(rng.standard_t(4, eta.shape) / np.sqrt(2) * sd)
    else:
        dispersion = given.sd_residual**2 * rng.chisquare(10, n_genes) / 10
        noise = rng.gamma(1 / dispersion, dispersion, eta.shape)
    counts = rng.poisson(n_cells[:, None] * 2000 * np.exp(eta) * noise)
    samples = pd.DataFrame(
        {
            "sample": [f"D{d + 1:02d}_{'CSF' if c else 'blood'}" for d, c in zip(donor, csf, strict=True)],
            "donor": [f"D{d + 1:02d}" for d in donor],
            "compartment": np.where(csf == 1, "CSF", "blood"),
            "condition": np.where(treated == 1, "treated", "untreated"),
            "n_cells": n_cells.astype(int),
        }
    )
    genes = pd.Index([f"gene{i:05d}" for i in range(n_genes)], name="gene")
    truth = pd.DataFrame(
        {
            "compartment_log2fc": compartment_effect / np.log(2),
            "both_log2fc": both_effect / np.log(2),
            "interaction_log2fc": interaction / np.log(2),
            "in_set": in_set,
        },
        index=genes,
    )
    return PseudobulkStudy(pd.DataFrame(counts, index=samples["sample"].to_numpy(), columns=genes), samples, truth)
