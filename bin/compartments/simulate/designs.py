"""Who is sampled when: the donors of a preset, and how much of its effects each of their samples carries."""

from typing import TYPE_CHECKING, Any, NamedTuple

from compartments.core.errors import UserError
from compartments.simulate.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

BEFORE, AFTER = "before", "after"
MIDDLE = "m1"  # between the first and the last time point
TREATED, CONTROL = "treated", "control"


class Design(NamedTuple):
    """How a preset's study differs from the two arms of donors that are usual.

    Attributes
    ----------
    usual : dict
        Settings where the user gives none.
    compartments : tuple of str
        Those that are sampled; all where empty.
    least : pair of int
        Donors with the condition and of the reference that it needs.
    """

    usual: dict[str, Any]
    compartments: tuple[str, ...] = ()
    least: tuple[int, int] = (1, 1)


# Cells: a run costs little more than that of the usual cohort. Donors who are their own controls are compared only if
# each of their samples has the 10 pDC that an interaction needs, depleted blood too.
DESIGNS = {
    "before_after": Design(
        {"n_condition": 4, "n_reference": 0, "condition": AFTER, "reference": BEFORE}
        | {"cells": {"CSF": 500, "blood": 1000}},
        least=(1, 0),
    ),
    "before_after_controlled": Design(
        {"n_condition": 3, "n_reference": 3, "condition": AFTER, "reference": BEFORE}
        | {"cells": {"CSF": 400, "blood": 600}}
    ),
    "time_points": Design(
        {"n_condition": 3, "n_reference": 0, "condition": "m6", "reference": "baseline"}
        | {"cells": {"CSF": 400, "blood": 800}},
        least=(1, 0),
    ),
    "one_condition": Design({"n_condition": 0, "n_reference": 4}, least=(0, 1)),
    "one_compartment": Design({"n_condition": 3, "n_reference": 3}, compartments=("blood",)),
}
TWO_ARMS = Design({})


class Arm(NamedTuple):
    """Donors that are sampled alike.

    Attributes
    ----------
    n : int
    doses : dict of str to float
        Their conditions in order, and the share of the effects that each carries.
    group : str
        Of the samplesheet's column; empty where it has none.
    """

    n: int
    doses: dict[str, float]
    group: str = ""


def arms_of(settings: Settings) -> list[Arm]:
    """The arms of the preset's study.

    Two arms with one condition each; ``before_after``: donors with both conditions, and any that have the first alone;
    ``time_points``: so with one between, which carries half of the effects; ``before_after_controlled``: two groups
    with both conditions, the effects in one; ``one_condition``: one arm that carries the effects, which then tell its
    compartments apart.
    """
    treated = {settings.condition: 1.0}
    untreated = {settings.reference: 0.0}
    if settings.preset in ("before_after", "time_points"):
        between = {MIDDLE: 0.5} if settings.preset == "time_points" else {}
        return [Arm(settings.n_condition, untreated | between | treated), Arm(settings.n_reference, untreated)]
    if settings.preset == "before_after_controlled":
        unchanged = untreated | {settings.condition: 0.0}
        return [
            Arm(settings.n_condition, untreated | treated, TREATED),
            Arm(settings.n_reference, unchanged, CONTROL),
        ]
    if settings.preset == "one_condition":
        return [Arm(settings.n_reference, {settings.reference: 1.0})]
    return [Arm(settings.n_condition, treated), Arm(settings.n_reference, untreated)]


def sampled(base: "pd.DataFrame", given: list[str], preset: str) -> "pd.DataFrame":
    """Columns of ``base`` of the compartments that are sampled: those given, else the preset's.

    Parameters
    ----------
    base : DataFrame, lineages x compartments
    given : list of str

    Raises
    ------
    UserError
        An unknown compartment, too few for the preset.
    """
    for name in given:
        if name not in base.columns:
            raise UserError(f"--compartment '{name}' is unknown; valid are {', '.join(base.columns)}")
    names = given or [name for name in DESIGNS.get(preset, TWO_ARMS).compartments if name in base.columns]
    chosen = base[[name for name in base.columns if name in names]] if names else base
    if preset == "one_condition" and chosen.shape[1] < 2:
        raise UserError(f"--preset {preset} compares compartments: sample two at least")
    return chosen
