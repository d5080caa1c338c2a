"""What may be asked of a samplesheet: compartments, conditions, pairs, contrasts."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from compartments.core.files import read_json, write_json
from compartments.core.vocabulary import INPUTS, NUMBERS

OTHER_SAMPLE = "other:"  # before the name of a covariate of a pair's reference sample


class Contrast(NamedTuple):
    """A comparison of two conditions, and its name."""

    contrast: str
    condition: str
    reference: str


@dataclass(frozen=True)
class Study:
    """Samples and the questions asked of them; written once as ``study.json`` and read by every cohort step.

    Attributes
    ----------
    samples : DataFrame
        One row per sample in samplesheet order, columns as :func:`samplesheet.parse_samplesheet` gives them.
    reference_compartment : str
    contrasts : DataFrame
        ``contrast, condition, reference``.
    covariates : list of str
        Samplesheet columns to adjust for where the design allows (``batch`` among them if given).
    warnings : list of str
    primary_lineages : list of str
        Lineages that the study asks about by name; their tests are a family of their own.
    """

    samples: pd.DataFrame
    reference_compartment: str
    contrasts: pd.DataFrame
    covariates: list[str]
    warnings: list[str]
    primary_lineages: list[str] = field(default_factory=list)

    @property
    def compartments(self) -> list[str]:
        """All compartments, the reference first, the others in samplesheet order."""
        others = [c for c in self.samples["compartment"].unique() if c != self.reference_compartment]
        return [self.reference_compartment, *others]

    @property
    def absolute(self) -> bool:
        """True if every sample has ``cells_per_ul``."""
        return "cells_per_ul" in self.samples and bool(self.samples["cells_per_ul"].notna().all())

    @property
    def properties(self) -> list[str]:
        """Columns of the samplesheet that describe a sample: all but its files and its row."""
        return [column for column in self.samples if column not in (*INPUTS, "row")]

    def terms(self) -> Iterator[tuple[Contrast, str, str]]:
        """Every (contrast row, term, compartment): ``within:<compartment>`` for all, then ``interaction`` for each
        compartment but the reference.

        Yields
        ------
        contrast : Contrast
        term, compartment : str
        """
        for row in self.contrasts[list(Contrast._fields)].itertuples(index=False):
            contrast = Contrast(*row)
            for compartment in self.compartments:
                yield contrast, f"within:{compartment}", compartment
            for compartment in self.compartments[1:]:
                yield contrast, "interaction", compartment

    def subset(self, samples: Collection[str]) -> "Study":
        """The same study with only the named samples (a collection), in samplesheet order."""
        kept = self.samples[self.samples["sample"].isin(set(samples))]
        return replace(self, samples=kept)

    def units(self, term: str, compartment: str) -> pd.DataFrame:
        """The observations of a term.

        Returns
        -------
        DataFrame
            For ``within:*``: one row per sample of the compartment, index ``sample``. For ``interaction``: one row
            per donor that has both compartments, index ``donor``, with ``sample`` (of the compartment) and
            ``reference_sample``. Both carry ``donor``, ``condition`` and all samplesheet columns of ``sample``; pairs
            also the covariates of the reference sample, their names after ``OTHER_SAMPLE``.
        """
        observed = self.samples[self.samples["compartment"] == compartment]
        if term != "interaction":
            return observed.set_index("sample", drop=False).rename_axis(None)
        base = self.samples[self.samples["compartment"] == self.reference_compartment].set_index("donor")
        paired = observed[observed["donor"].isin(base.index)]
        paired = paired.assign(
            reference_sample=paired["donor"].map(base["sample"]),
            **{OTHER_SAMPLE + name: paired["donor"].map(base[name]) for name in self.covariates},
        )
        return paired.set_index("donor", drop=False).rename_axis(None)

    def save(self, path: str | Path) -> None:
        """Write as JSON."""
        samples = self.samples.astype(object).where(self.samples.notna(), None)
        write_json(
            {
                "samples": samples.to_dict("records"),
                "reference_compartment": self.reference_compartment,
                "contrasts": self.contrasts.to_dict("records"),
                "covariates": self.covariates,
                "warnings": self.warnings,
                "primary_lineages": self.primary_lineages,
            },
            path,
        )

    @classmethod
    def load(cls, path: str | Path) -> "Study":
        """Read what :meth:`save` wrote."""
        value = read_json(path)
        samples = pd.DataFrame(value["samples"])
        for column in NUMBERS:
            if column in samples:
                samples[column] = pd.to_numeric(samples[column])
        return cls(
            samples,
            value["reference_compartment"],
            pd.DataFrame(value["contrasts"]),
            value["covariates"],
            value["warnings"],
            value["primary_lineages"],
        )
