"""What may be asked of a samplesheet: compartments, conditions, pairs, contrasts."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from compartments.core.files import read_json, write_json
from compartments.core.vocabulary import CONTRAST_KINDS, DESCRIPTIONS, INPUTS, NUMBERS
from compartments.study.captures import SPECIMEN, specimens

BETWEEN, WITHIN, MIXED, CHANGE, COMPARTMENTS, TREND = CONTRAST_KINDS


class Contrast(NamedTuple):
    """A comparison of two conditions, and its name.

    Attributes
    ----------
    contrast, condition, reference : str
    kind : str
        ``between`` (each donor has one of the conditions), ``within`` (donors with both are their own control),
        ``mixed`` (some have both, some one: all count), ``change`` (the change within donors of ``group`` against that
        of ``group_reference``), ``compartments`` (of donors of one condition: ``condition`` and ``reference`` are
        compartments) or ``trend`` (slope within donors over ordered conditions, ``reference`` the first, ``condition``
        the last: as what a straight line gains between them).
    group, group_reference : str
        With ``group`` alone only its donors count.
    """

    contrast: str
    condition: str
    reference: str
    kind: str = BETWEEN
    group: str = ""
    group_reference: str = ""


@dataclass(frozen=True)
class Study:
    """Samples and the questions asked of them; written once as ``study.json`` and read by every cohort step.

    Attributes
    ----------
    samples : DataFrame
        One row per sample in samplesheet order, columns as :func:`samplesheet.parse_samplesheet` gives them.
    reference_compartment : str
    contrasts : DataFrame
        Rows of :class:`Contrast`.
    covariates : list of str
        Samplesheet columns to adjust for where the design allows (``batch`` among them if given).
    warnings : list of str
    primary_lineages : list of str
        Lineages that the study asks about by name; their tests are a family of their own.
    order : dict of str to float
        Scores of ordered conditions, for a trend.
    named : dict of str to dict of str to list of str
        Where compartments were labelled by models of their own: level -> compartment -> what its model can name.
    """

    samples: pd.DataFrame
    reference_compartment: str
    contrasts: pd.DataFrame
    covariates: list[str]
    warnings: list[str]
    primary_lineages: list[str] = field(default_factory=list)
    order: dict[str, float] = field(default_factory=dict)
    named: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    @property
    def compartments(self) -> list[str]:
        """All compartments, the reference first, the others in samplesheet order."""
        others = [c for c in self.samples["compartment"].unique() if c != self.reference_compartment]
        return [self.reference_compartment, *others]

    @property
    def absolute(self) -> bool:
        """True if every specimen has ``cells_per_ul``, of one of its captures, and conditions are compared.

        Of compartments themselves, such as CSF and blood, every lineage differs a thousandfold by volume.
        """
        known = "cells_per_ul" in self.samples and bool(specimens(self.samples)["cells_per_ul"].notna().all())
        return known and not bool((self.contrasts["kind"] == COMPARTMENTS).all())

    @property
    def properties(self) -> list[str]:
        """Columns of the samplesheet that describe a sample: all but its files and its row."""
        return [column for column in self.samples if column not in (*INPUTS, "row")]

    def asked(self) -> Iterator[Contrast]:
        """Every contrast."""
        for row in self.contrasts.reindex(columns=Contrast._fields).itertuples(index=False):
            yield Contrast(*row)

    def terms(self) -> Iterator[tuple[Contrast, str, str]]:
        """Every (contrast, term, compartment): ``within:<compartment>`` for all, then ``interaction`` for each
        compartment but the reference; of one condition ``compartments`` alone.

        Yields
        ------
        contrast : Contrast
        term, compartment : str
        """
        for contrast in self.asked():
            if contrast.kind == COMPARTMENTS:
                yield contrast, COMPARTMENTS, contrast.condition
                continue
            for compartment in self.compartments:
                yield contrast, f"within:{compartment}", compartment
            for compartment in self.compartments[1:]:
                yield contrast, "interaction", compartment

    def named_by_one(self, compartment: str) -> dict[str, dict[str, str]]:
        """What only the model of a compartment can name, or only that of the reference compartment.

        Returns
        -------
        dict level -> lineage -> reason
            A lineage that one of two models has no label for is missing there by name, not by number.
        """
        found: dict[str, dict[str, str]] = {}
        for level, known in self.named.items():
            sides = {one: set(known.get(one, ())) for one in (compartment, self.reference_compartment)}
            (first, own), (second, other) = list(sides.items())[0], list(sides.items())[-1]
            found[level] = {
                name: f"not_testable: the model of {has} can name it, that of {lacks} cannot"
                for has, lacks, alone in ((first, second, own - other), (second, first, other - own))
                for name in sorted(alone)
            }
        return found

    def subset(self, samples: Collection[str]) -> "Study":
        """The same study with only the named samples (a collection), in samplesheet order."""
        kept = self.samples[self.samples["sample"].isin(set(samples))]
        return replace(self, samples=kept)

    def of_specimens(self) -> "Study":
        """The same study with one row per donor, compartment and condition: what is compared."""
        return replace(self, samples=specimens(self.samples))

    def compared(self) -> "Study":
        """The same study without columns of the samplesheet that no comparison looks at, such as notes."""
        columns = {"sample", *SPECIMEN, *NUMBERS, *DESCRIPTIONS, *self.covariates}
        return replace(self, samples=self.samples[[column for column in self.samples if column in columns]])

    def said(self) -> dict[str, Any]:
        """All of it, as ``study.json`` holds it."""
        samples = self.samples.astype(object).where(self.samples.notna(), None)
        return {
            "samples": samples.to_dict("records"),
            "reference_compartment": self.reference_compartment,
            "contrasts": self.contrasts.to_dict("records"),
            "covariates": self.covariates,
            "warnings": self.warnings,
            "primary_lineages": self.primary_lineages,
            "order": self.order,
            "named": self.named,
        }

    def save(self, path: str | Path) -> None:
        """Write as JSON."""
        write_json(self.said(), path)

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
            value["order"],
            value["named"],
        )
