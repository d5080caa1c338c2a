"""The study that the parameters of a run ask of its samples: as the rows stand, and as the steps read it."""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from compartments.core.vocabulary import INPUTS
from compartments.study.design import make_study
from compartments.study.parameters import as_level, as_text, names_in
from compartments.study.study import Study

# parameter: the column of the samplesheet whose levels it names
LEVELS = {
    "reference_compartment": "compartment",
    "reference_condition": "condition",
    "reference_group": "group",
    "condition_order": "condition",
}
# parameters that say what is asked
ASKED = (*LEVELS, "contrasts", "covariates", "primary_lineages", "trend")


def ask(sheet: pd.DataFrame, parameters: Mapping[str, object], contrasts: str | None) -> tuple[Study, Study]:
    """The study of a samplesheet.

    Parameters
    ----------
    sheet : DataFrame
        From :func:`compartments.study.samplesheet.parse_samplesheet`.
    parameters : mapping
        Of the pipeline; those of ``ASKED`` are read.
    contrasts : str, optional
        Text of a contrasts table.

    Returns
    -------
    study : Study
        As the rows stand.
    ordered : Study
        The same for the steps, however the rows stand and wherever the files lie: by name of the sample, without the
        files and the warnings.

    Raises
    ------
    UserError
        As :func:`compartments.study.design.make_study`.
    """
    levels = {name: as_level(name, parameters.get(name), sheet.get(column, ())) for name, column in LEVELS.items()}
    study, ordered = (
        make_study(
            rows,
            **levels,
            contrasts=contrasts,
            covariates=names_in(parameters.get("covariates")),
            primary_lineages=names_in(parameters.get("primary_lineages")),
            trend=as_text(parameters.get("trend")).lower() == "true",
        )
        for rows in (sheet, sheet.sort_values("sample", ignore_index=True))
    )
    plain = ordered.samples.drop(columns=["row", *INPUTS])
    return study, replace(ordered, samples=plain, warnings=[])
