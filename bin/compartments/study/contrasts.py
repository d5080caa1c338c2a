"""Which conditions are compared: the reference levels and the contrasts table."""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping

import pandas as pd

from compartments.core.errors import UserError
from compartments.core.numbers import number_in
from compartments.core.sheets import parse, shown
from compartments.study.study import BETWEEN, CHANGE, COMPARTMENTS, MIXED, TREND, WITHIN, Contrast

OBVIOUS_CONDITIONS = {"control", "controls", "ctrl", "untreated", "healthy", "hc", "placebo", "vehicle"}
OBVIOUS_CONDITIONS |= {"baseline", "before", "pre"}


def choose_reference(values: Iterable[str], given: str, obvious: Collection[str], column: str) -> str:
    """The reference level: the given one, else the only obvious one.

    Raises
    ------
    UserError
        Unknown level, or none that is obvious: the choice is asked for by parameter name.
    """
    values = list(dict.fromkeys(values))
    if given:
        if given not in values:
            close = difflib.get_close_matches(given, values, 1, 0.5)
            hint = f"did you mean '{close[0]}'?" if close else f"the samplesheet has {', '.join(values)}"
            raise UserError(f"--reference_{column} '{given}' is not in column {column} of the samplesheet; {hint}")
        return given
    likely = [value for value in values if value.lower() in obvious]
    if len(likely) == 1:
        return likely[0]
    raise UserError(
        f"column {column} has {', '.join(values)} and no obvious reference: choose one with --reference_{column}"
    )


def kind_of(samples: pd.DataFrame, contrast: Contrast) -> str:
    """How donors enter a contrast of two conditions: ``between``, ``within`` or ``mixed``.

    Parameters
    ----------
    samples : DataFrame
        ``donor, compartment, condition`` and, if the contrast names one, ``group``.
    contrast : Contrast
        With ``group`` alone only its donors count.
    """
    chosen = samples[samples["condition"].isin([contrast.condition, contrast.reference])]
    if contrast.group:
        chosen = chosen[chosen["group"] == contrast.group]
    n = chosen.groupby(["donor", "compartment"])["condition"].nunique()
    if len(n) and (n == 2).all():
        return WITHIN
    return BETWEEN if (n == 1).all() else MIXED


def default_contrasts(samples: pd.DataFrame, reference: str, reference_group: str) -> list[Contrast]:
    """Every other condition against the reference; with groups of donors within each, and the change of change.

    Where donors have one condition each and a group has donors of one condition only, all donors are compared, too.

    Parameters
    ----------
    samples : DataFrame
    reference : str
        Condition.
    reference_group : str
        Empty where the samplesheet has no groups.
    """
    found = []
    for condition in samples["condition"].unique():
        if condition == reference:
            continue
        name = f"{condition}_vs_{reference}"
        if not reference_group:
            found.append(Contrast(name, condition, reference))
            continue
        groups = [g for g in samples["group"].unique() if g and g != reference_group]
        within = [Contrast(f"{name}_in_{g}", condition, reference, group=g) for g in [*groups, reference_group]]
        overall = Contrast(name, condition, reference)
        if kind_of(samples, overall) == BETWEEN and not all(_has_both(samples, each) for each in within):
            # as patients and controls: groups that describe donors of one condition each
            found.append(overall)
        found += within
        change = [
            Contrast(f"{g}_vs_{reference_group}_of_{name}", condition, reference, CHANGE, g, reference_group)
            for g in groups
        ]
        found += [each for each in change if _has_changes(samples, each)]
    return [each if each.kind == CHANGE else each._replace(kind=kind_of(samples, each)) for each in found]


def _has_both(samples: pd.DataFrame, contrast: Contrast) -> bool:
    """Whether donors of a group have either condition in some compartment."""
    of_group = samples[samples["group"] == contrast.group]
    return any(
        {contrast.condition, contrast.reference} <= set(rows["condition"])
        for _, rows in of_group.groupby("compartment", sort=False)
    )


def _has_changes(samples: pd.DataFrame, contrast: Contrast) -> bool:
    """Whether donors of both groups have both conditions in some compartment."""
    chosen = samples[samples["condition"].isin([contrast.condition, contrast.reference])]
    n = chosen.groupby(["donor", "compartment", "group"])["condition"].nunique()
    both = set(n[n == 2].index.get_level_values("group"))
    return {contrast.group, contrast.group_reference} <= both


def of_compartments(compartments: Iterable[str], reference: str) -> list[Contrast]:
    """Each compartment against the reference: what donors of one condition can be asked."""
    return [Contrast(f"{c}_vs_{reference}", c, reference, COMPARTMENTS) for c in compartments if c != reference]


def parse_order(text: str, conditions: Collection[str]) -> dict[str, float]:
    """Scores of ordered conditions: ``baseline,m1,m6`` (equal steps) or ``baseline:0,m1:1,m6:6``.

    Raises
    ------
    UserError
        An unknown condition, one given twice, a score that is no number or does not rise.
    """
    order: dict[str, float] = {}
    for number, item in enumerate(each.strip() for each in text.split(",") if each.strip()):
        name, colon, score = item.partition(":")
        if name not in conditions:
            raise UserError(
                f"--condition_order '{name}' is not a condition; the samplesheet has {', '.join(conditions)}"
            )
        if name in order:
            raise UserError(f"--condition_order names '{name}' twice; name every condition once, in their order")
        value = number_in(score.strip()) if colon else float(number)
        if value is None:
            raise UserError(f"--condition_order '{item}': '{score}' is not a number; write {name}:6")
        if order and value <= max(order.values()):
            raise UserError(f"--condition_order '{item}': scores rise from the first condition to the last")
        order[name] = value
    return order


def trend_of(samples: pd.DataFrame, order: Mapping[str, float]) -> Contrast:
    """The slope over ordered conditions within donors.

    Raises
    ------
    UserError
        Fewer than three ordered conditions, no donor that has them all in a compartment.
    """
    if not order:
        raise UserError("--trend needs the order of the conditions: give --condition_order, such as baseline,m1,m6")
    if len(order) < 3:
        raise UserError(f"--trend needs three conditions in --condition_order, which has {', '.join(order)}")
    chosen = samples[samples["condition"].isin(order)]
    if chosen.empty or chosen.groupby(["donor", "compartment"])["condition"].nunique().max() < len(order):
        raise UserError(
            f"--trend is of donors measured at {', '.join(order)}, and no donor has all of them in a compartment; "
            "leave out a condition that few have"
        )
    first, *_, last = order
    return Contrast(f"trend_{first}_to_{last}", last, first, TREND)


def parse_contrasts(text: str, samples: pd.DataFrame, name: str = "contrasts") -> list[Contrast]:
    """Read a contrasts table: ``condition, reference`` and optionally ``contrast`` (its name), ``group``,
    ``group_reference`` and ``kind``.

    Raises
    ------
    UserError
        Missing column, unknown level, the same level twice, a repeated name, a kind that the donors do not allow.
    """
    header, header_row, rows = parse(text, name, ["condition", "reference"])
    for column in ("condition", "reference"):
        if column not in header:
            has = f", this one {', '.join(map(shown, header))}" if header else ""
            raise UserError(
                f"{name} row {header_row}: column '{column}' is missing; a contrasts table has condition, reference"
                + has
            )
    levels = {column: list(samples["condition"].unique()) for column in ("condition", "reference")}
    if "group" in samples:
        levels |= {column: [g for g in samples["group"].unique() if g] for column in ("group", "group_reference")}
    found: list[Contrast] = []
    for number, cells in rows:
        given = dict(zip(header, cells, strict=True))
        contrast = _read(given, levels, f"{name} row {number}")
        if contrast.contrast in [each.contrast for each in found]:
            raise UserError(f"{name} row {number}: contrast '{contrast.contrast}' is there twice; name them apart")
        found.append(_of_kind(contrast, given.get("kind", ""), samples, f"{name} row {number}"))
    if not found:
        raise UserError(f"{name} has no contrast: add a row with condition and reference")
    return found


def _read(row: Mapping[str, str], levels: Mapping[str, list[str]], place: str) -> Contrast:
    """One row, its levels known."""
    for column in ("condition", "reference", "group", "group_reference"):
        value = row.get(column, "")
        if value not in levels.get(column, []) and (value or column in ("condition", "reference")):
            has = ", ".join(levels[column]) if column in levels else "no column group"
            what = "a condition" if column in ("condition", "reference") else "a group"
            by_case = {level.lower(): level for level in levels.get(column, [])}
            close = difflib.get_close_matches(value.lower(), by_case, 1, 0.7)
            hint = f"did you mean '{by_case[close[0]]}'?" if close else f"it has {has}"
            raise UserError(f"{place}, column {column}: '{value}' is not {what} of the samplesheet; {hint}")
    for one, other in (("condition", "reference"), ("group", "group_reference")):
        if row.get(one) and row.get(one) == row.get(other):
            raise UserError(f"{place}: {one} and {other} are both '{row[one]}'")
    group, against = row.get("group", ""), row.get("group_reference", "")
    if against and not group:
        raise UserError(
            f"{place}: group_reference '{against}' without a group; give the group that is compared with it"
        )
    label = f"{row['condition']}_vs_{row['reference']}"
    label = f"{group}_vs_{against}_of_{label}" if against else f"{label}_in_{group}" if group else label
    label = row.get("contrast") or label
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", label):
        raise UserError(f"{place}, column contrast: '{label}' may hold letters, digits, '.', '_' and '-'")
    return Contrast(label, row["condition"], row["reference"], CHANGE if against else BETWEEN, group, against)


def _of_kind(contrast: Contrast, wanted: str, samples: pd.DataFrame, place: str) -> Contrast:
    """The contrast with its kind, which a table may name: ``within`` leaves out donors with one condition."""
    if contrast.kind == CHANGE:
        if not _has_changes(samples, contrast):
            raise UserError(
                f"{place}: the change of change needs donors of {contrast.group} and of {contrast.group_reference} "
                f"with both {contrast.condition} and {contrast.reference} in one compartment"
            )
        kind = CHANGE
    else:
        kind = kind_of(samples, contrast)
        if wanted == WITHIN and kind == MIXED:
            kind = WITHIN
    if wanted and wanted != kind:
        raise UserError(
            f"{place}, column kind: '{wanted}' is not what these donors allow, which is {kind}; leave it empty"
        )
    return contrast._replace(kind=kind)
