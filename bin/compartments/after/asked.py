"""What is asked of results anew, beside what their run asked."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from compartments.after.before import Before, as_text, file_parameters, files_of, names_files, sha256_of
from compartments.core.contract import Contract
from compartments.core.errors import UserError
from compartments.core.files import read_json
from compartments.study.asking import ask
from compartments.study.columns import renamed_in
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
    digests : dict, parameter -> list of str or None
        SHA-256 of the files that it names; None where it is not known of what the results were made.
    """

    parameters: dict[str, Any]
    study: Study
    ordered: Study
    compared: Study
    digests: dict[str, list[str] | None]

    def differs(self, other: "Asked", step: str, *further: str) -> bool:
        """Whether parameters that a step takes, or ``further`` ones, are others."""
        return any(self._other(other, name) for name in {*Contract.of(step).parameters, *further})

    def _other(self, other: "Asked", name: str) -> bool:
        if name in self.digests and name in other.digests:
            # one mended in its place is another file; given again, it is where no record tells what it was
            return self.digests[name] != other.digests[name]
        return as_text(self.parameters.get(name)) != as_text(other.parameters.get(name))

    def files(self, name: str) -> list[Path]:
        """Files that a parameter names.

        Raises
        ------
        UserError
            One that is not there any more, or is not what the run read.
        """
        found = files_of(self.parameters, name)
        known = self.digests.get(name)
        if known is not None and sha256_of(found) != known:
            raise UserError(
                f"--{name} {self.parameters[name]}: is not the file any more that the run was given (by its SHA-256); "
                f"give it again with --{name} to compare with what it holds now"
            )
        return found


def same(one: Study, other: Study) -> bool:
    """Whether two studies say the same."""
    return one.said() == other.said()


def asked_before(before: Before) -> Asked:
    """What the run asked."""
    return _asked(before, before.parameters, before.contrasts(), {})


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
    asked = _asked(
        before, before.parameters | dict(given), before.contrasts() if contrasts is None else contrasts, given
    )
    if contrasts is not None:
        design = design_table(asked.study)
        for name, rows in design.groupby("contrast", sort=False):
            if (rows["tier"] == "not_testable").all():
                raise UserError(f"--contrasts: '{name}' cannot be estimated: {rows['note'].iloc[0]}")
    return asked


def _asked(before: Before, parameters: dict[str, Any], contrasts: str | None, given: Mapping[str, Any]) -> Asked:
    sheet = before.study.samples.copy()
    sheet.attrs["renamed"] = renamed_in(sheet, before.study.warnings)  # parameters have the user's names
    study, ordered = ask(sheet, parameters, contrasts)
    first, _ = ask(sheet, before.parameters, before.contrasts())
    # what was said of the samplesheet itself, of which only its rows are left
    own = [line for line in before.study.warnings if line not in first.warnings]
    study = replace(study, warnings=[*study.warnings, *own])
    named = read_json(before.root / "pipeline_info/labelled.json")["named"]
    digests = {}
    for name in [name for name in file_parameters() if names_files(name, parameters.get(name))]:
        digests[name] = sha256_of(files_of(parameters, name)) if name in given else before.digests(name)
    return Asked(parameters, study, ordered, replace(ordered.compared(), named=named), digests)
