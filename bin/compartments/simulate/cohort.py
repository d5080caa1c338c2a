"""A cohort with known truth: planned as a whole, drawn sample by sample."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd

from compartments.core.matrix import totals
from compartments.simulate.designs import DESIGNS, arms_of
from compartments.simulate.droplets import Sample, draw_sample
from compartments.simulate.edges import add_log2fc
from compartments.simulate.effects import GeneSets, condition_factors, plan_expression
from compartments.simulate.people import Noise, plan_donors, plan_samples
from compartments.simulate.settings import Settings
from compartments.simulate.sources import Factors, Source

RED_CELL_SOUP = 0.05  # of a compartment that the settings do not know
BLOODY_SOUP = 0.6  # haemoglobin's share of the soup of a traumatic tap


@dataclass(frozen=True)
class Cohort:
    """All that is decided before a cell is drawn.

    Attributes
    ----------
    base, effects : DataFrame, lineages x compartments
        Shares without the condition, and the log2 change of absolute abundance with it. The first compartment is where
        effects differ, the last of several is the reference.
    samples : DataFrame
    proportions : DataFrame, samples x lineages
        See :func:`compartments.simulate.people.plan_samples`.
    expression, edges : DataFrame
        See :func:`compartments.simulate.effects.plan_expression`.
    """

    settings: Settings
    source: Source
    base: pd.DataFrame
    effects: pd.DataFrame
    samples: pd.DataFrame
    proportions: pd.DataFrame
    expression: pd.DataFrame
    edges: pd.DataFrame
    noise: Noise

    @classmethod
    def plan(
        cls, settings: Settings, source: Source, base: pd.DataFrame, effects: pd.DataFrame, gene_sets: GeneSets
    ) -> Self:
        """Plan a cohort; ``gene_sets`` has ``CSF_MIGRATION_CORE`` and ``INTEGRINS_ADHESION``."""
        base = base.loc[[lineage for lineage in base.index if lineage in source.lineages]]
        effects = effects.reindex(index=base.index, columns=base.columns, fill_value=0.0)
        rng = np.random.default_rng([settings.seed, 1])
        samples, proportions = plan_samples(rng, settings, plan_donors(settings), base, effects)
        expression, edges = plan_expression(rng, settings, source, base, effects, gene_sets)
        noise = Noise(settings, source, list(base.columns))
        return cls(settings, source, base, effects, samples, proportions, expression, edges, noise)

    def draw(self) -> Iterator[tuple[Any, Sample]]:
        """Each sample's row of ``samples`` with its droplets, made when it is asked for."""
        for number, row in enumerate(self.samples.itertuples(index=False)):
            yield row, self.draw_one(number, np.random.default_rng([self.settings.seed, 5, number]))

    def draw_one(self, number: int, rng: np.random.Generator) -> Sample:
        """The sample of row ``number``."""
        settings, row = self.settings, self.samples.iloc[number]
        donor = list(dict.fromkeys(self.samples["donor"])).index(row["donor"])
        return draw_sample(
            rng,
            settings,
            self.source,
            self.proportions.loc[row["sample"]],
            row["n_cells"],
            self.noise.factors(row, donor, number),
            self.changed[row["compartment"]] ** row["dose"],
            self.ceiling,
            BLOODY_SOUP if row["admixture"] else settings.red_cell_soup.get(row["compartment"], RED_CELL_SOUP),
        )

    @cached_property
    def changed(self) -> dict[str, Factors]:
        """Factors of the condition in each compartment, lineages x genes."""
        return {c: condition_factors(self.expression, self.source, c) for c in self.base.columns}

    @cached_property
    def ceiling(self) -> Factors:
        """The highest factors anywhere."""
        return condition_factors(self.expression, self.source)

    @property
    def one_condition(self) -> bool:
        """Whether compartments are all that can be compared."""
        return self.samples["condition"].nunique() == 1

    @property
    def known(self) -> pd.DataFrame:
        """``samples`` without the dose, and without groups where there are none."""
        return self.samples.drop(columns=["dose", *["group"] * (not self.samples["group"].any())])

    def samplesheet(self) -> pd.DataFrame:
        """The samplesheet; files of a sample are in a folder of its name.

        Of one condition it has no ``cells_per_ul``: how many cells there are in a fluid sets its compartments apart,
        whatever the lineage.
        """
        known = self.known
        sheet = known[["sample", "donor", *known.columns.intersection(["group"]), "compartment", "condition"]].assign(
            raw=known["sample"] + "/raw_feature_bc_matrix.h5"
        )
        if self.settings.filtered:
            sheet["filtered"] = self.samples["sample"] + "/filtered_feature_bc_matrix.h5"
        sheet["expected_cells"] = self.samples["n_cells"]
        if not self.one_condition:
            sheet["cells_per_ul"] = self.samples["cells_per_ul"].map("{:.4g}".format)
        sheet["chemistry"] = "simulated"
        if self.settings.batches > 1:
            sheet["batch"] = self.samples["batch"]
        return sheet.assign(sex=self.samples["sex"], simulated="true")

    def truth(self, cells: Sequence[pd.DataFrame]) -> dict[str, pd.DataFrame]:
        """Tables of what is true, by the name of their file; ``cells`` of each sample from :func:`true_cells`."""
        every = pd.concat(cells, ignore_index=True)
        counted = every.groupby(["sample", "lineage"], sort=False).size().rename("n_cells").reset_index()
        shares = self.proportions.rename_axis("sample").reset_index()
        composition = shares.melt("sample", var_name="lineage", value_name="proportion")
        composition = composition.merge(counted, how="left", on=["sample", "lineage"]).fillna({"n_cells": 0})
        expression = self.expression
        edges = add_log2fc(self.edges, expression, self.base.columns[0])
        noise = pd.DataFrame({c: self.noise.compartment[c] / np.log(2) for c in self.base.columns}, self.source.genes)
        return {
            "cells.tsv.gz": every,
            "composition.tsv": composition.astype({"n_cells": int}),
            "samples.tsv": self.known,
            "lineage_effects.tsv": self.lineage_effects().rename_axis("lineage").reset_index(),
            "expression_effects.tsv": expression,
            "de_genes.tsv": expression[expression["kind"].str.startswith("de_")],
            "migration_genes.tsv": expression[expression["kind"] == "migration"],
            "interactions.tsv": edges[edges["kind"] == "true"].drop(columns="kind"),
            "decoys.tsv": edges[edges["kind"] == "decoy"].drop(columns="kind"),
            "compartment_effects.tsv": noise.rename_axis("gene").reset_index(),
        }

    def lineage_effects(self) -> pd.DataFrame:
        """True log2 changes of abundance, a row per lineage.

        Returns
        -------
        DataFrame
            A column per compartment and, of several, ``interaction``: the first less the last. Of one condition
            instead a column ``<compartment>_vs_<reference>``: log2 ratio of the lineage's shares, missing where one
            compartment has none.
        """
        effects = self.effects
        if self.one_condition:
            there = self.base * 2.0**effects
            shares = np.log2((there / there.sum()).replace(0.0, np.nan))
            *others, reference = shares.columns
            return pd.DataFrame({f"{name}_vs_{reference}": shares[name] - shares[reference] for name in others})
        if effects.shape[1] == 1:
            return effects
        return effects.assign(interaction=effects.iloc[:, 0] - effects.iloc[:, -1])

    def described(self) -> dict[str, Any]:
        """What the cohort was made from."""
        arms = {"arms": [arm._asdict() for arm in arms_of(self.settings)]} if self.settings.preset in DESIGNS else {}
        return asdict(self.settings) | arms | {"base": self.base.to_dict(), "simulated": True}


def true_cells(name: str, sample: Sample) -> pd.DataFrame:
    """What is true of the cells of a sample: ``Sample.cells`` with the sample's name and the UMIs of either kind."""
    umi = {"native_umi": totals(sample.native), "ambient_umi": totals(sample.ambient)}
    cells = sample.cells.assign(**umi)
    cells.insert(0, "sample", name)
    return cells
