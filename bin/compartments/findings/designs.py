"""A contrast in the words of its design: what is compared, and in which donors."""

from compartments.study.study import BETWEEN, CHANGE, COMPARTMENTS, MIXED, TREND, WITHIN, Contrast
from compartments.study.terms import Term


def of_term(term: Term) -> Contrast:
    """The contrast of a term, with the kind that it has there."""
    return term.contrast._replace(kind=term.kind)


def one_arm(contrast: Contrast) -> bool:
    """True if donors are their own controls."""
    return contrast.kind in (WITHIN, COMPARTMENTS, TREND)


def arms_of(contrast: Contrast) -> tuple[str, ...]:
    """Names of the two arms, or of the one, as :attr:`compartments.study.terms.Term.arms`."""
    if contrast.kind == CHANGE:
        return contrast.group, contrast.group_reference
    return (contrast.condition,) if one_arm(contrast) else (contrast.condition, contrast.reference)


def compared(contrast: Contrast) -> str:
    """What is compared: ``treated against untreated``."""
    against = f"{contrast.condition} against {contrast.reference}"
    if contrast.kind == CHANGE:
        return f"change ({against}) of {contrast.group} against that of {contrast.group_reference}"
    if contrast.kind == TREND:
        against = f"trend from {contrast.reference} to {contrast.condition}"
    return f"{against} in {contrast.group} donors" if contrast.group else against


def donors(contrast: Contrast, n_condition: str | int, n_reference: str | int, joint: str = "and") -> str:
    """``2 treated and 4 untreated donors``; ``6 donors`` where they are their own controls."""
    if one_arm(contrast):
        return f"{n_condition} donor{'' if str(n_condition) == '1' else 's'}"
    first, second = arms_of(contrast)
    return f"{n_condition} {_told(first)} {joint} {n_reference} {_told(second)} donors"


def _told(arm: str) -> str:
    """An arm beside its number of donors; where it begins with a number itself, in quotes: ``2 '1' v 3 '0' donors``."""
    return f"'{arm}'" if arm[:1].isdigit() else arm


def comparison(contrast: Contrast, n_condition: int, n_reference: int) -> str:
    """Which donors are compared, and how: what a statement rests on."""
    known = donors(contrast, n_condition, n_reference, "v")
    if contrast.kind == BETWEEN:
        return known
    if contrast.kind == MIXED:
        return f"{known}, some with both conditions"
    if contrast.kind == CHANGE:
        return f"change of {known}"
    who = f"{known} of {contrast.group}" if contrast.group else known
    return f"{compared(contrast._replace(group=''))} in {who if n_condition == 1 else f'the same {who}'}"


def needed(contrast: Contrast, absent: str, place: str) -> str:
    """What no donor has: of the arm that is ``absent``, in ``place``, such as ``both CSF and blood``."""
    if contrast.kind in (BETWEEN, MIXED):
        return f"no donor with condition {absent} has {place}"
    if contrast.kind == COMPARTMENTS:
        return f"no donor has {place}"
    who = f"no donor of {absent}" if contrast.kind == CHANGE else "no donor"
    what = "every condition" if contrast.kind == TREND else f"{contrast.condition} and {contrast.reference}"
    return f"{who} has {what} in {place}"
