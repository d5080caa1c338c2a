"""Donors and their samples: abundances, and the noise on expression that is theirs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.core.errors import UserError
from compartments.core.vocabulary import Y_GENES
from compartments.simulate.designs import DESIGNS, TWO_ARMS, arms_of
from compartments.simulate.presets import CELLS_PER_UL
from compartments.simulate.settings import Settings
from compartments.simulate.sources import Source


def check_arms(n_condition: int, n_reference: int, least: tuple[int, int] = TWO_ARMS.least) -> None:
    """Refuse a study that has no donor in an arm that needs one."""
    for name, n, needed in zip(("condition", "reference"), (n_condition, n_reference), least, strict=True):
        if n < needed:
            raise UserError(f"{n} donors in the {name} arm: give at least one donor per arm")


def plan_donors(settings: Settings) -> pd.DataFrame:
    """Donors with their conditions; sexes alternate and batches are balanced over the arms.

    Returns
    -------
    DataFrame ``donor, group, condition, dose, sex, batch``, one row per donor and condition.
    """
    check_arms(settings.n_condition, settings.n_reference, DESIGNS.get(settings.preset, TWO_ARMS).least)
    rows: list[dict[str, Any]] = []
    number = 0
    for arm in arms_of(settings):
        for i in range(arm.n):
            number += 1
            donor = {"donor": f"D{number:02d}", "group": arm.group, "sex": "FM"[i % 2]}
            donor["batch"] = f"batch{(i // 2 if arm.n > settings.batches else i) % settings.batches + 1}"
            rows += [donor | {"condition": condition, "dose": dose} for condition, dose in arm.doses.items()]
    donors = pd.DataFrame(rows)
    names = donors["donor"].unique()
    for name, value in (("traumatic_tap", settings.traumatic_tap), ("outlier", settings.outlier)):
        if value and value not in names:
            raise UserError(f"--{name} '{value}' is not a donor; the donors are {', '.join(names)}")
    return donors


def plan_samples(
    rng: np.random.Generator, settings: Settings, donors: pd.DataFrame, base: pd.DataFrame, effects: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Abundances and numbers of cells; what is a donor's own is shared by all of its samples.

    Returns
    -------
    samples : DataFrame
        ``sample, donor, group, compartment, condition, dose, sex, batch, cells_per_ul`` (measured), ``n_cells``
        (captured), ``admixture`` (share of blood cells in a traumatic tap).
    proportions : DataFrame, samples x lineages
        True proportions of what is captured.

    Raises
    ------
    UserError
        A traumatic tap where blood is not sampled beside the compartment.
    """
    if settings.traumatic_tap and base.shape[1] < 2:
        raise UserError(f"--traumatic_tap '{settings.traumatic_tap}': blood gets into another compartment; sample two")
    lineages = list(base.index)
    numbers, names = pd.factorize(donors["donor"])
    repeated = bool(donors["donor"].duplicated().any())
    donor_effects = rng.normal(0, settings.sd_donor, (len(names), len(lineages)))
    donor_effects[names == settings.outlier] *= 3
    samples, shares = [], []
    for i, donor in zip(numbers, donors.itertuples(index=False), strict=True):
        abundance = {}
        for compartment in base.columns:
            change = effects[compartment].to_numpy() * donor.dose
            shift = donor_effects[i] + rng.normal(0, settings.sd_sample, len(lineages)) + change * np.log(2)
            abundance[compartment] = base[compartment].to_numpy() / base[compartment].sum() * np.exp(shift)
        for compartment, absolute in abundance.items():
            total = absolute.sum()
            proportions, admixture = absolute / total, 0.0
            if donor.donor == settings.traumatic_tap and compartment == base.columns[0]:
                admixture, reference = 0.15, abundance[base.columns[-1]]
                proportions = (1 - admixture) * proportions + admixture * reference / reference.sum()
            # a lab loads what it has: a depleted sample gives somewhat fewer cells, of more volume
            captured = settings.cells[compartment] * total**0.1 * rng.lognormal(0, 0.1)
            samples.append(
                {
                    "sample": "_".join([donor.donor, *[donor.condition] * repeated, compartment]),
                    "donor": donor.donor,
                    "group": donor.group,
                    "compartment": compartment,
                    "condition": donor.condition,
                    "dose": donor.dose,
                    "sex": donor.sex,
                    "batch": donor.batch,
                    "cells_per_ul": CELLS_PER_UL.get(compartment, 1000.0) * total * rng.lognormal(0, settings.sd_total),
                    "n_cells": max(int(captured), 20),
                    "admixture": admixture,
                }
            )
            shares.append(proportions)
    table = pd.DataFrame(samples)
    return table, pd.DataFrame(shares, index=table["sample"].to_numpy(), columns=lineages)


class Noise:
    """Factors on expression that are not the condition: donor, sample, batch, compartment and sex.

    Each is drawn from its own stream, so that the samples of a donor share the donor's factors and any sample can
    be made alone.
    """

    def __init__(self, settings: Settings, source: Source, compartments: Sequence[str]) -> None:
        self.settings, self.genes, self.lineages = settings, source.genes, source.lineages
        self.female_off = source.genes.isin(Y_GENES)
        self.male_off = source.genes == "XIST"
        rng = np.random.default_rng([settings.seed, 2])
        n = len(source.genes)
        self.compartment = {
            name: rng.normal(0, settings.sd_compartment, n) * (rng.random(n) < 0.3) if i else np.zeros(n)
            for i, name in enumerate(reversed(compartments))
        }
        self.batch = {f"batch{i + 1}": rng.normal(0, settings.sd_batch, n) for i in range(settings.batches)}

    def factors(self, sample: Any, donor_number: int, sample_number: int) -> npt.NDArray[np.float64]:
        """Array lineages x genes for one row (``donor, batch, compartment, sex``) of the samples table."""
        shape, settings = (len(self.lineages), len(self.genes)), self.settings
        wild = 3.0 if sample.donor == settings.outlier else 1.0
        donor = np.random.default_rng([settings.seed, 3, donor_number]).normal(
            0, settings.sd_expression_donor * wild, shape
        )
        alone = np.random.default_rng([settings.seed, 4, sample_number]).normal(0, settings.sd_expression_sample, shape)
        factors = np.exp(donor + alone + self.batch[sample.batch] + self.compartment[sample.compartment])
        factors[:, self.female_off if sample.sex == "F" else self.male_off] = 0.0
        return factors
