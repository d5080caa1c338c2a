"""What is asked of results anew, beside what their run asked."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from compartments.after.before import Before
from compartments.core.contract import Contract
from compartments.core.errors import UserError
from compartments.core.files import read_json
from compartments.study.asking import ask
from compartments.study.plan import design_table
from compartments.study.study import Study


@dataclass(frozen=True)
class Asked:
    """Parameters, and the study that follows from them.

    Attributes
    ----------
    parameters : dict
        Of the pipeline.
    study : Study
        As ``study.json``.
    ordered, compared : Study
        As the steps of the cohort, and those of the comparisons, read it.
    """

    parameters: dict[str, Any]
    study: Study
    ordered: Study
    compared: Study

    def differs(self, other: "Asked", step: str, *further: str) -> bool:
        """Whether parameters that a step takes, or ``further`` ones, are others."""
        names = {*Contract.of(step).parameters, *further}
        return any(_plain(self.parameters.get(name)) != _plain(other.parameters.get(name)) for name in names)


def _plain(value: object) -> str:
    return "" if value is None or value is False else str(value).lower()


def same(one: Study, other: Study) -> bool:
    """Whether two studies say the same."""
    return one.said() == other.said()


def asked_before(before: Before) -> Asked:
    """What the run asked."""
    return _asked(before, before.parameters, before.contrasts())


def asked_anew(before: Before, given: Mapping[str, Any], contrasts: str | None) -> Asked:
    """What is asked now.

    Parameters
    ----------
    before : Before
    given : dict
        Parameters in place of those of the run.
    contrasts : str, optional
        Text of a new table of contrasts.

    Raises
    ------
    UserError
        As :func:`compartments.study.design.make_study`; a contrast of the table that nothing can be said of.
    """
    asked = _asked(before, before.parameters | dict(given), before.contrasts() if contrasts is None else contrasts)
    if contrasts is not None:
        design = design_table(asked.study)
        for name, rows in design.groupby("contrast", sort=False):
            if (rows["tier"] == "not_testable").all():
                raise UserError(f"--contrasts: '{name}' cannot be estimated: {rows['note'].iloc[0]}")
    return asked


def _asked(before: Before, parameters: dict[str, Any], contrasts: str | None) -> Asked:
    study, ordered = ask(before.study.samples, parameters, contrasts)
    first, _ = ask(before.study.samples, before.parameters, before.contrasts())
    # what was said of the samplesheet itself, of which only its rows are left
    own = [line for line in before.study.warnings if line not in first.warnings]
    study = replace(study, warnings=[*study.warnings, *own])
    named = read_json(before.root / "pipeline_info/labelled.json")["named"]
    return Asked(parameters, study, ordered, replace(ordered.compared(), named=named))
