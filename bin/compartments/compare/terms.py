"""What is asked of the donors: a contrast within one compartment, or of the differences between two."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.study.study import Contrast, Study


@dataclass(frozen=True)
class Term:
    """One question and the observations that answer it.

    Attributes
    ----------
    contrast : Contrast
    name : str
        ``within:<compartment>`` or ``interaction``.
    compartment : str
        For an interaction the one that is compared with the reference compartment.
    units : DataFrame
        From :meth:`compartments.study.study.Study.units`, possibly fewer rows: a sample each, or for an interaction a
        donor with two.
    """

    contrast: Contrast
    name: str
    compartment: str
    units: pd.DataFrame

    @property
    def paired(self) -> bool:
        """True if a value is the difference of a donor's two samples."""
        return self.name == "interaction"

    @property
    def label(self) -> str:
        """The question in words of the design, as reasons name it."""
        return f"{self.contrast.contrast} {self.name}" + (f" {self.compartment}" if self.paired else "")

    @property
    def keys(self) -> dict[str, str]:
        """Columns that tell the rows of a table of effects apart."""
        return {"contrast": self.contrast.contrast, "term": self.name, "compartment": self.compartment}

    @property
    def sample_columns(self) -> list[str]:
        """Columns of ``units`` that name samples: that of the compartment first, then that of the reference."""
        return ["sample", "reference_sample"] if self.paired else ["sample"]

    def has(self, condition: str) -> npt.NDArray[np.bool_]:
        """Which units have the condition."""
        return (self.units["condition"] == condition).to_numpy()

    def in_arms(self) -> npt.NDArray[np.bool_]:
        """Which units have one of the two conditions compared."""
        return self.has(self.contrast.condition) | self.has(self.contrast.reference)

    def of(self, chosen: npt.NDArray[np.bool_]) -> "Term":
        """The same question to fewer units."""
        return replace(self, units=self.units[chosen])

    def values(self, table: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Values of the units from those of samples (rows of ``table``): of the sample, or the difference of two."""
        first, *second = (table.loc[self.units[column]].to_numpy() for column in self.sample_columns)
        return first - second[0] if second else first

    def variances(self, table: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Sampling variances of :meth:`values` from those of samples: of the sample, or the sum of two."""
        first, *second = (table.loc[self.units[column]].to_numpy() for column in self.sample_columns)
        return first + second[0] if second else first


def terms_of(study: Study, samples: Collection[str] | None = None) -> Iterator[Term]:
    """Every :class:`Term` of a study in its order; with ``samples``, of the units all of whose samples are in them."""
    for contrast, name, compartment in study.terms():
        term = Term(contrast, name, compartment, study.units(name, compartment))
        if samples is not None:
            term = term.of(term.units[term.sample_columns].isin(list(samples)).all(axis=1).to_numpy())
        yield term
