"""What is asked of the donors: a contrast within one compartment, or of the differences between two.

The value of a unit is a weighted sum over its samples (parts): a sample; a donor's difference of two compartments, or
of two conditions; or the difference of such differences. Units are compared between two arms, or, where donors are
their own controls, their mean is compared with none.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.core.vocabulary import CLASSES
from compartments.study.captures import specimens
from compartments.study.study import BETWEEN, CHANGE, COMPARTMENTS, MIXED, TREND, WITHIN, Contrast, Study

COLUMNS = ("sample", "reference_sample")  # of the first two parts


class Part(NamedTuple):
    """One of the samples of a unit.

    Attributes
    ----------
    column : str
        Of ``Term.units``, with the name of the sample.
    weight : float
    compartment, condition : str
        Of the samples; no condition where units of all conditions are compared.
    """

    column: str
    weight: float
    compartment: str
    condition: str


@dataclass(frozen=True)
class Term:
    """One question and the observations that answer it.

    Attributes
    ----------
    contrast : Contrast
    name : str
        ``within:<compartment>``, ``interaction`` or ``compartments``.
    compartment : str
        For the last two the one that is compared with the reference compartment.
    units : DataFrame
        Observations: ``donor``, ``arm``, the columns of ``parts`` and those of the samplesheet of the first part's
        sample; covariates of the other parts under ``<column>:<covariate>``.
    parts : tuple of Part
    kind : str
        That of the contrast; ``within`` where it is ``mixed`` and all donors of this term have both conditions.
    signs : dict of str to float
        Weights of arms whose means are summed, where they are not the usual two.
    apart : Term or None
        The same question with a unit per condition (compartment), of all donors: where some lack a sample that
        ``units`` need, they say less, but not nothing.
    named_by_one : dict level -> lineage -> reason
        Where compartments are compared: what only one of their models can name (``Study.named_by_one``).
    categories : tuple of str
        Covariates that are categories in the study, be they numbers in all of these units.
    """

    contrast: Contrast
    name: str
    compartment: str
    units: pd.DataFrame
    parts: tuple[Part, ...]
    kind: str
    signs: dict[str, float] = field(default_factory=dict)
    apart: "Term | None" = None
    named_by_one: dict[str, dict[str, str]] = field(default_factory=dict)
    categories: tuple[str, ...] = ()

    @property
    def across(self) -> bool:
        """True if compartments are compared."""
        return not self.name.startswith("within:")

    @property
    def arms(self) -> tuple[str, ...]:
        """The two arms that are compared, or the one whose mean is."""
        if self.signs:
            return tuple(self.signs)
        if self.kind == CHANGE:
            return self.contrast.group, self.contrast.group_reference
        if self.kind in (BETWEEN, MIXED):
            return self.contrast.condition, self.contrast.reference
        return (self.contrast.condition,)

    @property
    def unnamed(self) -> dict[str, str]:
        """Lineages that cannot be compared, as one of two models cannot name them, with the reason."""
        return self.named_by_one.get("lineage", {})

    @property
    def one_arm(self) -> bool:
        """True if donors are their own controls: the mean of the units is compared with none."""
        return len(self.arms) == 1

    @property
    def whole(self) -> "Term | None":
        """``apart``, if it has donors that this term has not, and each of its arms."""
        apart = self.apart
        if apart is None or set(apart.units["donor"]) <= set(self.units["donor"]):
            return None
        return apart if apart.repeated and not apart.absent() else None

    @property
    def every(self) -> "Term":
        """``whole``, else the term itself: what is fitted."""
        return self.whole or self

    @property
    def repeated(self) -> bool:
        """True if donors have several units."""
        return bool(self.units["donor"].duplicated().any())

    @property
    def noun(self) -> str:
        """What a unit is."""
        return ("sample", "pair")[len(self.parts) - 1] if len(self.parts) < 3 else "donor"

    @property
    def label(self) -> str:
        """The question in words of the design, as reasons name it."""
        return f"{self.contrast.contrast} {self.name}" + (f" {self.compartment}" if self.across else "")

    @property
    def keys(self) -> dict[str, str]:
        """Columns that tell the rows of a table of effects apart."""
        return {"contrast": self.contrast.contrast, "term": self.name, "compartment": self.compartment}

    @property
    def sample_columns(self) -> list[str]:
        """Columns of ``units`` that name samples, those of the first part first."""
        return [part.column for part in self.parts]

    @property
    def strata(self) -> list[list[Part]]:
        """Parts that are alike where nothing differs: those of a compartment; all where compartments are compared."""
        if self.kind == COMPARTMENTS:
            return [list(self.parts)]
        return [[part for part in self.parts if part.compartment == c] for c in dict.fromkeys(p[2] for p in self.parts)]

    def sides(self) -> dict[str, tuple["Term", list[Part]]]:
        """What is compared, by name: units and parts of each arm; of one arm those of each condition (compartment)."""
        if not self.one_arm:
            return {arm: (self.of(self.has(arm)), list(self.parts)) for arm in self.arms}
        names = [part.condition or part.compartment for part in self.parts]
        return {
            name: (self, [part for part, of in zip(self.parts, names, strict=True) if of == name])
            for name in dict.fromkeys(names)
        }

    @property
    def samples(self) -> dict[str, list[str]]:
        """Samples (specimens) of the units of each of :meth:`sides`: all that the question is about."""
        named = {side: term.units[[part.column for part in parts]] for side, (term, parts) in self.sides().items()}
        return {side: list(dict.fromkeys(table.to_numpy().ravel())) for side, table in named.items()}

    def has(self, arm: str) -> npt.NDArray[np.bool_]:
        """Which units are of the arm."""
        return (self.units["arm"] == arm).to_numpy()

    def in_arms(self) -> npt.NDArray[np.bool_]:
        """Which units are of the arms compared."""
        return self.units["arm"].isin(self.arms).to_numpy()

    def absent(self) -> str:
        """The arm that has no unit; empty if there is none such."""
        return next((arm for arm in self.arms if not self.has(arm).any()), "")

    def of(self, chosen: npt.NDArray[np.bool_]) -> "Term":
        """The same question to fewer units, and to no other donors."""
        return replace(self, units=self.units[chosen], apart=None)

    def among(self, samples: Collection[str]) -> "Term":
        """The same question to the units all of whose samples are among these."""
        left = self.of(self.units[self.sample_columns].isin(list(samples)).all(axis=1).to_numpy())
        return replace(left, apart=self.apart and self.apart.among(samples))

    def weighted(self, of_parts: Sequence[npt.NDArray[np.float64]], power: int = 1) -> npt.NDArray[np.float64]:
        """Sum over the parts of weight to a power (2 for variances) times an array each."""
        weights = np.array([part.weight for part in self.parts]) ** power
        return np.tensordot(weights, np.asarray(of_parts, float), axes=1)

    def values(self, table: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Values of the units from those of samples (rows of ``table``)."""
        return self.weighted([table.loc[self.units[column]].to_numpy() for column in self.sample_columns])

    def variances(self, table: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Sampling variances of :meth:`values` from those of samples."""
        return self.weighted([table.loc[self.units[column]].to_numpy() for column in self.sample_columns], power=2)


def terms_of(study: Study, samples: Collection[str] | None = None) -> Iterator[Term]:
    """Every :class:`Term` of a study in its order; with ``samples``, of the units all of whose samples are in them."""
    for contrast, name, compartment in study.terms():
        term = term_of(study, contrast, name, compartment)
        yield term if samples is None else term.among(samples)


def term_of(study: Study, contrast: Contrast, name: str, compartment: str) -> Term:
    """One of :meth:`compartments.study.study.Study.terms`, with its units.

    Units of one sample have it as index, others their donor; where donors have several units, the first part's sample.
    Donors that lack a sample of a part have no unit.
    """
    samples = specimens(study.samples)
    categories = tuple(name for name in study.covariates if not of_numbers(samples[name], name))
    term = _with_units(study, samples, contrast, name, compartment)
    alone = study.named_by_one(compartment) if term.across else {}
    apart = term.apart and replace(term.apart, named_by_one=alone, categories=categories)
    return replace(term, apart=apart, named_by_one=alone, categories=categories)


def of_numbers(values: pd.Series, name: str) -> bool:
    """True of a covariate of three or more different numbers; a batch or cohort is a name, also where it is one."""
    numeric = pd.to_numeric(values, errors="coerce")
    return bool(name not in CLASSES and numeric.notna().all() and numeric.nunique() > 2)


def _with_units(study: Study, samples: pd.DataFrame, contrast: Contrast, name: str, compartment: str) -> Term:
    sides = {compartment: 1.0} if name.startswith("within:") else {compartment: 1.0, study.reference_compartment: -1.0}
    samples = samples[samples["compartment"].isin(sides)]
    if contrast.group and not contrast.group_reference:
        samples = samples[samples["group"] == contrast.group]
    kind = contrast.kind
    if kind == MIXED:
        alone = _pairs(study, samples, sides, contrast)
        donors = alone.loc[alone["condition"].isin([contrast.condition, contrast.reference]), "donor"]
        kind = WITHIN if len(donors) and donors.value_counts().eq(2).all() else MIXED
    if kind in (WITHIN, CHANGE, TREND):
        conditions = _slope(study.order) if kind == TREND else {contrast.condition: 1.0, contrast.reference: -1.0}
        parts = _parts(sides, conditions)
        units = _joined(study, samples, parts, ["donor"])
        units["arm"] = units["group"] if kind == CHANGE else contrast.condition
        term = Term(contrast, name, compartment, units.set_index("donor", drop=False).rename_axis(None), parts, kind)
        parts = _parts(sides, {"": 1.0})
        units = _joined(study, samples, parts, ["donor", "condition"])
        return term if kind == WITHIN else replace(term, apart=_apart(term, units, parts, "condition"))
    units = _pairs(study, samples, sides, contrast)
    units["arm"] = contrast.condition if kind == COMPARTMENTS else units["condition"]
    index = "sample" if len(sides) == 1 or units["donor"].duplicated().any() else "donor"
    parts = _parts(sides, {"": 1.0})
    term = Term(contrast, name, compartment, units.set_index(index, drop=False).rename_axis(None), parts, kind)
    if kind != COMPARTMENTS:
        return term
    return replace(term, apart=_apart(term, samples, (Part(COLUMNS[0], 1.0, compartment, ""),), "compartment"))


def _apart(term: Term, units: pd.DataFrame, parts: tuple[Part, ...], by: str) -> Term:
    """The term with a unit for every value of a column.

    Parameters
    ----------
    units : DataFrame
        Such units, with the columns of ``parts``.
    parts : tuple of Part
    by : str
        Of ``units``: what a unit of ``term`` has all values of.
    """
    own = term.parts if by == "compartment" else [part for part in term.parts if part.compartment == term.compartment]
    signs = {part.condition or part.compartment: part.weight for part in own}
    units = units[units[by].isin(signs)]
    arm = units[by]
    if term.kind == CHANGE:
        arm = units["group"] + " " + arm
        groups = zip(term.arms, (1.0, -1.0), strict=True)
        signs = {f"{group} {name}": of * sign for group, of in groups for name, sign in signs.items()}
    units = units.assign(arm=arm).set_index("sample", drop=False).rename_axis(None)
    return replace(term, units=units, parts=parts, signs=signs)


def _pairs(study: Study, samples: pd.DataFrame, sides: dict[str, float], contrast: Contrast) -> pd.DataFrame:
    """Units of one condition each; where donors have several, only those of the contrast's two, if it has any."""
    units = _joined(study, samples, _parts(sides, {"": 1.0}), ["donor", "condition"])
    if contrast.condition and units["donor"].duplicated().any():
        units = units[units["condition"].isin([contrast.condition, contrast.reference])]
    return units


def _slope(order: dict[str, float]) -> dict[str, float]:
    """Weights of ordered conditions whose sum is what the line of least squares gains from the first to the last."""
    scores = np.array(list(order.values()))
    centred = scores - scores.mean()
    return dict(zip(order, (centred / (centred @ centred) * np.ptp(scores)).tolist(), strict=True))


def _parts(sides: dict[str, float], conditions: dict[str, float]) -> tuple[Part, ...]:
    """A part per compartment and condition."""
    cells = list(product(sides.items(), conditions.items()))
    columns = [*COLUMNS, *(f"sample_{number + 1}" for number in range(2, len(cells)))]
    return tuple(
        Part(column, side * weight, compartment, condition)
        for column, ((compartment, side), (condition, weight)) in zip(columns, cells, strict=False)
    )


def _joined(study: Study, samples: pd.DataFrame, parts: tuple[Part, ...], by: list[str]) -> pd.DataFrame:
    """One row per donor (and condition) that has a sample of every part, in samplesheet order."""

    def rows(part: Part) -> pd.DataFrame:
        chosen = samples["compartment"] == part.compartment
        return samples[chosen & (samples["condition"] == part.condition)] if part.condition else samples[chosen]

    units = rows(parts[0])
    for part in parts[1:]:
        named = {"sample": part.column} | {name: f"{part.column}:{name}" for name in study.covariates}
        other = rows(part)[[*by, *named]].rename(columns=named)
        units = units.merge(other, on=by, how="inner")
    return units.copy()
