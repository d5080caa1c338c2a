"""The five questions of a study, answered in sentences from the effects tables.

A verdict is ``yes`` only where a call of the tables is made with its q at or below alpha and the tier is better than
descriptive, ``no`` only where an interval lies on the far side of the equivalence margin, and ``cannot_tell``, with the
reason, everywhere else. A missing p-value is never read as "no change".
"""

import math
import re
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from compartments.compare.moderated import interval
from compartments.study.arms import donors_per_arm

COLUMNS = [
    "question",
    "contrast",
    "compartment",
    "lineage",
    "aspect",
    "statement",
    "estimate",
    "ci_low",
    "ci_high",
    "unit",
    "p_value",
    "q_value",
    "n_condition",
    "n_reference",
    "tier",
    "verdict",
    "source",
]
QUESTIONS = {
    1: "Which lineages are depleted in both compartments at once?",
    2: "Which lineages are kept in one compartment and lost from the other?",
    3: "Are migration-associated genes raised in one compartment only?",
    4: "Does a lineage gain a central role in the interactions of one compartment, and is migration signalling "
    "stronger there?",
    5: "Are the compartments uncoupled?",
}
POOLS = {"unassigned", "other"}  # not lineages: nothing is claimed of them
TIERS = ["inferential", "exploratory", "descriptive", "not_testable"]
NO_CALL = (math.nan, math.nan)
CLAIMABLE = {"inferential", "exploratory"}
MIGRATION_GROUPS = {"migration", "chemokine", "adhesion"}  # of assets/interaction_groups.tsv; users may add others
SCORE_MARGIN = math.log2(1.5)  # score points, the largest rise of the other compartment that still counts as none
LOG2 = "log2 fold change"
LOG2_DIFFERENCE = "log2 fold change, difference between compartments"


@dataclass(frozen=True)
class Tables:
    """What the findings are drawn from; a table that was not written is ``None``.

    Attributes
    ----------
    composition, calls, single_case, migration, centrality, groups, coupling, drivers : DataFrame or None
        Columns as in ``docs/contracts.md``.
    composition_summary : dict
        ``composition.json``.
    """

    composition: pd.DataFrame | None = None
    calls: pd.DataFrame | None = None
    single_case: pd.DataFrame | None = None
    migration: pd.DataFrame | None = None
    centrality: pd.DataFrame | None = None
    groups: pd.DataFrame | None = None
    coupling: pd.DataFrame | None = None
    drivers: pd.DataFrame | None = None
    composition_summary: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """One contrast in one compartment against the reference compartment."""

    contrast: str
    condition: str
    reference: str
    compartment: str
    base: str
    pairs_condition: int
    pairs_reference: int
    alpha: float
    margin: float
    primary: tuple

    def row(self, question, verdict, statement, evidence=None, *, lineage="", aspect="", unit="", source="", tier=None):
        """A row of ``findings.tsv``; numbers, donors and tier are those of ``evidence`` (a row of an effects table)."""
        evidence = {} if evidence is None else evidence
        n = [evidence.get(f"n_{arm}") for arm in ("condition", "reference")]
        values = {
            "question": question,
            "contrast": self.contrast,
            "compartment": self.compartment,
            "lineage": lineage,
            "aspect": aspect,
            "statement": statement,
            "unit": unit,
            "n_condition": self.pairs_condition if _missing(n[0]) else int(n[0]),
            "n_reference": self.pairs_reference if _missing(n[1]) else int(n[1]),
            "tier": tier or evidence.get("tier") or "not_testable",
            "verdict": verdict,
            "source": source,
        }
        for column in ("estimate", "ci_low", "ci_high", "p_value", "q_value"):
            values[column] = evidence.get(column, math.nan)
        return values

    @property
    def arms(self):
        """``2 treated against 4 untreated donors`` with the donors that have both compartments."""
        return f"{self.pairs_condition} {self.condition} against {self.pairs_reference} {self.reference} paired donors"

    def unanswerable(self):
        """Why no table has a row of this comparison, as far as the design tells; else an empty string."""
        for count, condition in ((self.pairs_condition, self.condition), (self.pairs_reference, self.reference)):
            if count == 0:
                return f"no donor with condition {condition} has both {self.compartment} and {self.base}"
        return ""


def comparisons(study, alpha=0.05, margin=1.0):
    """Every contrast x compartment (against the reference compartment) of a study.

    Parameters
    ----------
    study : design.Study
    alpha : float
        Limit of q for a claim.
    margin : float
        Equivalence margin, log2.

    Returns
    -------
    list of Comparison
    """
    found = []
    for contrast, term, compartment in study.terms():
        if term == "interaction":
            n = donors_per_arm(study.units(term, compartment), contrast)
            names = (contrast.contrast, contrast.condition, contrast.reference)
            places = (compartment, study.reference_compartment)
            found.append(Comparison(*names, *places, *n, alpha, margin, tuple(study.primary_lineages)))
    return found


def write_findings(study, tables, alpha=0.05, margin=1.0):
    """Answer the five questions for every contrast and compartment.

    Parameters
    ----------
    study : design.Study
    tables : Tables
    alpha : float
        A claim needs ``q <= alpha``.
    margin : float
        Equivalence margin in log2 (``--equiv_margin``).

    Returns
    -------
    DataFrame, columns ``COLUMNS``
        Per question x contrast x compartment one summary row (``lineage`` empty; question 4 has two, told apart by
        ``aspect``), followed by a row per lineage.
    """
    rows = []
    for comparison in comparisons(study, alpha, margin):
        rows += depleted_in_both(comparison, tables)
        rows += kept_in_one(comparison, tables)
        rows += migration_raised(comparison, tables)
        rows += central_role(comparison, tables)
        rows += migration_signalling(comparison, tables)
        rows += uncoupled(comparison, tables)
    frame = pd.DataFrame(rows, columns=COLUMNS)
    return frame.sort_values("question", kind="stable", ignore_index=True)


def depleted_in_both(comparison, tables):
    """Question 1: lineages depleted in the compartment and in the reference compartment (call ``depleted_both``).

    On the relative scale a fall common to all lineages cannot be seen, so nothing is answered with yes or no and the
    tipping point is stated instead.

    Returns
    -------
    list of dict
        Rows of :func:`write_findings`.
    """
    lineages, reason = _lineages(comparison, tables)
    if reason:
        return [comparison.row(1, "cannot_tell", f"cannot be told: {reason}", source="composition/effects.tsv")]
    c, rows = comparison, []
    for each in lineages:
        weaker = max((each.own, each.base), key=lambda row: row["log2fc"])
        evidence = each.evidence(weaker, "depleted_both")
        both = f"{_change(each.own, each.scale)} in {c.compartment} and {_change(each.base, each.scale)} in {c.base}"
        if each.scale == "rel":
            verdict = "cannot_tell"
            relatively = (
                "depleted in both" if each.called("depleted_both", c.alpha) else "not shown to be depleted in both"
            )
            text = (
                f"cannot be told: without cells_per_ul only shares are known; relative to the median lineage "
                f"{each.name} is {relatively}: {both}"
            )
        elif each.called("depleted_both", c.alpha):
            verdict = "yes"
            text = f"{each.name} is depleted in both: {both}, {_q(evidence)}"
        elif max(each.own["ci_low"], each.base["ci_low"]) > -c.margin and each.tier in CLAIMABLE:
            spared = max((each.own, each.base), key=lambda row: row["ci_low"])
            verdict = "no"
            text = (
                f"{each.name} is not depleted in both: a fall of {_fold(c.margin)} or more is excluded in "
                f"{spared['compartment']}; {both}"
            )
        elif each.tier in CLAIMABLE:
            verdict = "cannot_tell"
            unsure = [r["compartment"] for r in (each.own, each.base) if r["ci_high"] >= 0] or ["both at once"]
            text = (
                f"cannot be told: a fall in {' and '.join(unsure)} is neither shown nor excluded; {each.name} is {both}"
            )
        else:
            verdict = "cannot_tell"
            text = f"cannot be told: {_descriptive(evidence)}; {each.name} is {both}"
            text += _single_cases(tables.single_case, each)
        text += each.note()
        rows.append(
            c.row(
                1,
                verdict,
                text + _behind(evidence, each.name in c.primary),
                evidence,
                lineage=each.name,
                unit=LOG2,
                source=each.source(weaker),
            )
        )
    return [_summary_depleted(c, tables, lineages, rows), *rows]


def _summary_depleted(c, tables, lineages, rows):
    yes, no = _named(rows, "yes"), _named(rows, "no")
    lead = _lead(rows, "yes" if yes else "no" if len(no) == len(rows) else "cannot_tell", falling=True)
    if lineages[0].scale == "rel":
        text = (
            "cannot be told: cells_per_ul is missing, and a fall common to all lineages is invisible in shares "
            f"(not identifiable){''.join(_tipping(c, tables.composition_summary, x) for x in (c.compartment, c.base))}"
        )
        relatively = [each.name for each in lineages if each.called("depleted_both", c.alpha)]
        if relatively:
            text += f"; relative to the median lineage {', '.join(relatively)} are decreased in both"
        verdict = "cannot_tell"
    elif yes:
        verdict = "yes"
        text = (
            f"{len(yes)} of {len(rows)} lineages are depleted in {c.compartment} and {c.base} at once: "
            f"{', '.join(yes)}; clearest: {lead['statement']}"
        )
    elif len(no) == len(rows):
        verdict = "no"
        text = (
            f"none of {len(rows)} lineages is depleted by {_fold(c.margin)} or more in both {c.compartment} and "
            f"{c.base}; closest: {lead['statement']}"
        )
    else:
        verdict = "cannot_tell"
        text = (
            f"cannot be told: of {len(rows)} lineages none is shown to be depleted in both {c.compartment} and "
            f"{c.base}, and depletion is excluded for {len(no)} only; closest: {_tail(lead['statement'])}"
        )
    return lead | {"lineage": "", "verdict": verdict, "statement": text}


def _tipping(c, summary, compartment):
    """By how much total cells must fall for every lineage to be down, from ``composition.json``."""
    wanted = {"level": "lineage", "contrast": c.contrast, "term": f"within:{compartment}", "compartment": compartment}
    for term in summary.get("terms", []):
        if all(term.get(k) == v for k, v in wanted.items()) and term.get("tipping_factor"):
            fold = 1 / term["tipping_factor"]
            return f"; every lineage would be down in {compartment} if total cells fell more than {fold:.2g}-fold there"
    return ""


def kept_in_one(comparison, tables):
    """Question 2: lineages lost from one compartment and kept in the other (``discordant_*_retained``,
    ``maintained_*``).

    ``discordant`` says that the loss is smaller where the lineage is kept; only ``maintained`` says that it is
    non-inferior there. On the relative scale the words are relative to the median lineage.

    Returns
    -------
    list of dict
        Rows of :func:`write_findings`.
    """
    lineages, reason = _lineages(comparison, tables)
    if reason:
        return [comparison.row(2, "cannot_tell", f"cannot be told: {reason}", source="composition/effects.tsv")]
    c, rows = comparison, []
    confirmed = {each.name: each for each in _lineages(comparison, tables, "lineage_marker")[0]}
    for each in lineages:
        name, evidence = each.name, each.evidence(each.interaction)
        difference = f"difference {_estimate(evidence)}"
        for keeps, loses in ((c.compartment, c.base), (c.base, c.compartment)):
            kept, lost = (each.own, each.base) if keeps == c.compartment else (each.base, each.own)
            strict, discordant = f"maintained_{keeps}", f"discordant_{keeps}_retained"
            strictly = each.scale == "abs" and each.called(strict, c.alpha)
            if strictly or each.called(discordant, c.alpha) or each.called(strict, c.alpha):
                call = strict if each.called(strict, c.alpha) else discordant
                evidence = each.evidence(each.interaction, call)
                relative = " relative to the median lineage" if each.scale == "rel" else ""
                text = (
                    f"{name} is lost from {loses} ({_change(lost, each.scale)}) and "
                    f"{'kept' if strictly else 'kept better'} in {keeps} ({_change(kept, each.scale)}){relative}; "
                    f"{difference}, {_q(evidence)}"
                )
                if not strictly:
                    text += f"; that it is unchanged in {keeps} is not shown"
                text += _confirmation(confirmed.get(name), keeps, c.alpha)
                verdict = "yes"
                break
        else:
            low, high = interval(evidence["estimate"], evidence["se"], evidence["df"], 0.9)
            both = f"{_change(each.own, each.scale)} in {c.compartment}, {_change(each.base, each.scale)} in {c.base}"
            if -c.margin < low and high < c.margin and each.tier in CLAIMABLE:
                verdict = "no"
                text = (
                    f"{name} changes alike: the compartments differ by less than {_fold(c.margin)} (90 % CI "
                    f"{low:.2f} to {high:.2f}); {both}"
                )
            elif min(each.own["ci_low"], each.base["ci_low"]) > -c.margin and each.tier in CLAIMABLE:
                verdict = "no"
                text = f"{name} is lost from neither: falls of {_fold(c.margin)} or more are excluded; {both}"
            elif each.tier in CLAIMABLE:
                verdict = "cannot_tell"
                mde = each.interaction.get("mde80")
                power = "" if _missing(mde) else f" (differences of {_fold(mde)} are found with 80 % power)"
                text = (
                    f"cannot be told: a difference between {c.compartment} and {c.base} is neither shown nor excluded"
                    f"{power}; {name} is {both}; {difference}"
                )
            else:
                verdict = "cannot_tell"
                text = f"cannot be told: {_descriptive(evidence)}; {name} is {both}; {difference}"
                text += _single_cases(tables.single_case, each)
        text += each.note()
        rows.append(
            c.row(
                2,
                verdict,
                text + _behind(evidence, name in c.primary),
                evidence,
                lineage=name,
                aspect=keeps if verdict == "yes" else "",
                unit=LOG2_DIFFERENCE,
                source=each.source(each.interaction),
            )
        )
    yes, no = _named(rows, "yes"), _named(rows, "no")
    lead = _lead(rows, "yes" if yes else "no" if len(no) == len(rows) else "cannot_tell")
    if yes:
        verdict = "yes"
        kept = "; ".join(
            f"{', '.join(names)} kept in {where}"
            for where in (c.compartment, c.base)
            if (names := [r["lineage"] for r in rows if r["aspect"] == where])
        )
        text = f"{len(yes)} of {len(rows)} lineages: {kept}; clearest: {lead['statement']}"
    elif len(no) == len(rows):
        verdict = "no"
        text = f"none of {len(rows)} lineages is kept in one compartment and lost from the other; {lead['statement']}"
    else:
        verdict = "cannot_tell"
        text = (
            f"cannot be told: no lineage of {len(rows)} is shown to be kept in one and lost from the other, and it is "
            f"excluded for {len(no)} only; largest difference: {_tail(lead['statement'])}"
        )
    return [lead | {"lineage": "", "aspect": "", "verdict": verdict, "statement": text}, *rows]


def _confirmation(each, keeps, alpha):
    """What the marker-confirmed cells of the same name say, where that level was tested."""
    if each is None:
        return ""
    agrees = each.called(f"discordant_{keeps}_retained", alpha) or each.called(f"maintained_{keeps}", alpha)
    return f"; marker-confirmed cells {'agree' if agrees else 'do not show it'} ({_estimate(each.interaction)})"


@dataclass(frozen=True)
class _Lineage:
    """The three rows of one lineage: the compartment, the reference compartment, and their difference."""

    name: str
    level: str
    scale: str
    own: dict
    base: dict
    interaction: dict
    calls: dict  # call without "relatively_": (p, q)

    @property
    def tier(self):
        """The worst tier of the three rows."""
        return max((row["tier"] for row in (self.own, self.base, self.interaction)), key=TIERS.index)

    def called(self, call, alpha):
        """The call is made with q at or below alpha, on more than a description."""
        return self.tier in CLAIMABLE and self.calls.get(call, NO_CALL)[1] <= alpha

    def evidence(self, row, call=""):
        """``row`` with p and q of the call, and the tier of the weakest of the three rows."""
        p, q = self.calls.get(call, NO_CALL)
        return _evidence(row) | {"p_value": p, "q_value": q, "tier": self.tier}

    def source(self, row):
        return _source("composition/effects.tsv", row, ["level", "lineage", "contrast", "term", "compartment", "scale"])

    def note(self):
        """What the table says about the size of the change, such as an arm without a cell."""
        notes = [row.get("note") for row in (self.own, self.base) if isinstance(row.get("note"), str)]
        return "".join(f"; {note.rstrip('.')}" for note in dict.fromkeys(notes) if note)


def _single_cases(table, each):
    """``; k of n donors outside the range of the reference donors``, from ``single_case.tsv``."""
    if table is None:
        return ""
    row = each.interaction
    mask = (table["lineage"] == each.name) & (table["level"] == each.level)
    for column in ("contrast", "term", "compartment"):
        mask &= table[column] == row[column]
    outside = table.loc[mask, "outside_reference_range"].astype(str).str.lower().eq("true")
    if outside.empty:
        return ""
    return f"; in {outside.sum()} of {len(outside)} donors the difference is outside the range of the reference donors"


def _lineages(comparison, tables, level="lineage"):
    """The testable lineages of a comparison, on the absolute scale if the table has it, else why there are none."""
    table = tables.composition
    if table is None:
        return [], "the comparison of composition did not finish"
    rows = table[(table["contrast"] == comparison.contrast) & (table["level"] == level)]
    rows = rows[~rows["lineage"].isin(POOLS)]
    rows = rows[rows["scale"] == ("abs" if (rows["scale"] == "abs").any() else "rel")]
    terms = {
        "own": (f"within:{comparison.compartment}", comparison.compartment),
        "base": (f"within:{comparison.base}", comparison.base),
        "interaction": ("interaction", comparison.compartment),
    }
    parts = {}
    for side, (term, compartment) in terms.items():
        found = rows[(rows["term"] == term) & (rows["compartment"] == compartment) & rows["log2fc"].notna()]
        parts[side] = {row["lineage"]: row for row in found.to_dict("records")}
        if not parts[side]:
            where = f"difference {comparison.compartment} minus {comparison.base}" if side == "interaction" else term
            return [], comparison.unanswerable() or f"no lineage could be tested for {where}"
    names = [name for name in parts["interaction"] if name in parts["own"] and name in parts["base"]]
    calls = _composition_calls(comparison, tables.calls, level)
    found = []
    for name in names:
        triple = [parts[side][name] for side in ("own", "base", "interaction")]
        made = calls.get(name) or {call: _call_values(triple[2]) for call in _calls(triple[2])}
        found.append(_Lineage(name, level, rows["scale"].iloc[0], *triple, made))
    return found, "" if found else "no lineage was tested in both compartments"


def _composition_calls(comparison, table, level):
    """lineage -> call -> (p, q) from ``calls.tsv``, which has all calls and not only the most specific one."""
    if table is None:
        return {}
    rows = table[
        (table["contrast"] == comparison.contrast)
        & (table["compartment"] == comparison.compartment)
        & (table["level"] == level)
        & table["holds"].astype(str).str.lower().eq("true")
    ]
    found = {}
    for row in rows.itertuples():
        found.setdefault(row.lineage, {})[row.call.removeprefix("relatively_")] = (row.p_value, row.q_value)
    return found


def _call_values(row):
    return row.get("call_p", math.nan), row.get("call_q", math.nan)


def migration_raised(comparison, tables):
    """Question 3: primary gene sets raised in one compartment (calls ``<compartment>_only``, ``<compartment>_higher``).

    ``only`` includes that the other compartment does not rise by more than the margin; ``higher`` says that it rises
    less, and the sentence says so.

    Returns
    -------
    list of dict
        Rows of :func:`write_findings`.
    """
    c, file = comparison, "migration/effects.tsv"
    table = tables.migration
    keys = ["gene_set", "lineage", "contrast", "term", "compartment"]
    if table is None:
        return [c.row(3, "cannot_tell", "cannot be told: the migration scores did not finish", source=file)]
    table = table[(table["contrast"] == c.contrast) & table["primary"].astype(str).str.lower().isin(["true", "1"])]
    rows = []
    for (gene_set, lineage), triple in _triples(c, table, ["gene_set", "lineage"]):
        own, base, interaction = triple
        evidence = _evidence(interaction, value="estimate")
        for column in ("p_value", "q_value"):
            call_column = "call_" + column[0]
            if not _missing(interaction.get(call_column)):
                evidence[column] = interaction[call_column]
        testable = evidence["tier"] in CLAIMABLE
        significant = testable and not _missing(evidence["q_value"]) and evidence["q_value"] <= c.alpha
        calls = set().union(*(_calls(row) for row in triple))
        who = gene_set if lineage == "all" else f"{gene_set} in {lineage}"
        verdict, keeps = "cannot_tell", ""
        for up, other, up_row, other_row in (
            (c.compartment, c.base, own, base),
            (c.base, c.compartment, base, own),
        ):
            if significant and f"{up}_only" in calls:
                verdict, keeps = "yes", up
                text = f"{who} is raised in {up} only ({_points(up_row)}; {other} {_points(other_row)})"
            elif significant and f"{up}_higher" in calls:
                verdict, keeps = "yes", up
                text = (
                    f"{who} is raised in {up} ({_points(up_row)}) and more than in {other} ({_points(other_row)}); "
                    f"that {other} does not rise at all is not shown"
                )
        if verdict == "yes":
            text += f"; difference {_points(evidence)}, {_q(evidence)}"
        elif testable and max(own["ci_high"], base["ci_high"]) < SCORE_MARGIN:
            verdict = "no"
            text = (
                f"{who} is raised in neither compartment: rises of {SCORE_MARGIN:.2f} points or more are excluded "
                f"({c.compartment} {_points(own)}; {c.base} {_points(base)})"
            )
        else:
            reason = "the intervals leave both open" if testable else _descriptive(interaction)
            text = (
                f"cannot be told: {reason}; {who}: {c.compartment} {_points(own)}, {c.base} {_points(base)}, "
                f"difference {_points(evidence)}"
            )
        source = _source(file, interaction, keys)
        row = c.row(3, verdict, text + _behind(evidence), evidence, lineage=lineage, aspect=gene_set, source=source)
        rows.append(row | {"unit": "z-score points, difference between compartments", "_up": keeps})
    if not rows:
        reason = c.unanswerable() or "no primary gene set could be tested in both compartments"
        return [c.row(3, "cannot_tell", f"cannot be told: {reason}", source=file)]
    overall = [row for row in rows if row["lineage"] == "all"] or rows
    yes = [row for row in overall if row["verdict"] == "yes"]
    if yes:
        lead = _lead(overall, "yes")
        verdict, text = "yes", lead["statement"]
        others = [row for row in overall if row is not lead]
        if others:
            agree = sum(row["verdict"] == "yes" and row["_up"] == lead["_up"] for row in others)
            text += f"; {agree} of {len(others)} other primary sets agree"
        carriers = [r["lineage"] for r in rows if r["lineage"] != "all" and r["verdict"] == "yes"]
        if carriers:
            text += f"; carried by {', '.join(dict.fromkeys(carriers))}"
    elif all(row["verdict"] == "no" for row in overall):
        lead = _lead(overall, "no")
        verdict, text = "no", lead["statement"]
    else:
        lead = _lead(overall, "cannot_tell")
        verdict, text = "cannot_tell", lead["statement"]
    return [lead | {"lineage": "", "verdict": verdict, "statement": text}, *rows]


def central_role(comparison, tables):
    """Question 4, first part: lineages that become hubs in one compartment (call ``hub_gained_in_<compartment>``).

    Returns
    -------
    list of dict
        Rows of :func:`write_findings`, ``aspect`` = ``hub``.
    """
    c, file = comparison, "interactions/centrality_effects.tsv"
    unit = "log-odds of the share of signalling"
    if tables.centrality is None:
        text = "cannot be told: the comparison of interactions did not finish"
        return [c.row(4, "cannot_tell", text, aspect="hub", source=file)]
    table = tables.centrality[tables.centrality["contrast"] == c.contrast]
    table = table[~table["lineage"].isin(POOLS)]
    rows = []
    for (network, lineage), triple in _triples(c, table, ["network", "lineage"]):
        own, base, interaction = triple
        called = next((x for x in (c.compartment, c.base) if f"hub_gained_in_{x}" in _calls(interaction)), "")
        # the call rests on the rise within its compartment; the sign of the interaction and the ranks come on top
        risen = base if called == c.base else own
        evidence = _evidence(risen, value="estimate")
        evidence["tier"] = max((row["tier"] for row in triple), key=TIERS.index)
        testable = evidence["tier"] in CLAIMABLE
        pairs = "migration pairs" if network == "migration" else f"{network} pairs"
        shares = f"{c.compartment} {_odds(own)}, {c.base} {_odds(base)}, ratio {_odds(interaction)}"
        where = called if testable and called and _significant(risen, c.alpha) else ""
        if where:
            verdict = "yes"
            text = f"{lineage} gains a central role in {where} ({pairs}): odds of its share {shares}, {_q(evidence)}"
        elif testable and max(own["ci_high"], base["ci_high"]) < math.log(2) * c.margin:
            verdict = "no"
            text = f"{lineage} gains no central role ({pairs}): {_fold(c.margin)} odds are excluded in both; {shares}"
        else:
            verdict = "cannot_tell"
            reason = "not shown, not excluded" if testable else _descriptive(interaction)
            if testable and called:
                reason = f"a gain in {called} has {_p(evidence)}, but {_q(evidence)} over lineages"
            text = f"cannot be told: {reason}; {lineage} ({pairs}): odds of its share {shares}"
        source = _source(file, risen, ["network", "lineage", "contrast", "term", "compartment"])
        row = c.row(
            4,
            verdict,
            text + _behind(evidence, lineage in c.primary),
            evidence,
            lineage=lineage,
            aspect="hub",
            unit=unit,
            source=source,
        )
        rows.append(row | {"_where": where})
    if not rows:
        reason = c.unanswerable() or "no lineage has its share in enough samples of both compartments"
        return [c.row(4, "cannot_tell", f"cannot be told: {reason}", aspect="hub", source=file)]
    yes = [row for row in rows if row["verdict"] == "yes"]
    if yes:
        lead, verdict = _lead(rows, "yes"), "yes"
        named = "; ".join(
            f"{where}: {', '.join(dict.fromkeys(row['lineage'] for row in yes if row['_where'] == where))}"
            for where in dict.fromkeys(row["_where"] for row in yes)
        )
        text = f"a central role is gained in {named}; clearest: {lead['statement']}"
    elif all(row["verdict"] == "no" for row in rows):
        lead, verdict = _lead(rows, "no"), "no"
        text = f"no lineage of {len({r['lineage'] for r in rows})} gains a central role; closest: {lead['statement']}"
    else:
        lead, verdict = _lead(rows, "cannot_tell"), "cannot_tell"
        text = (
            "cannot be told: no lineage is shown to gain a central role, nor is it excluded for all; largest change: "
            + _tail(lead["statement"])
        )
    return [lead | {"lineage": "", "verdict": verdict, "statement": text}, *rows]


def migration_signalling(comparison, tables):
    """Question 4, second part: migration ligand-receptor pairs stronger in one compartment.

    Yes needs the rise within the compartment and the difference between compartments, both with ``q <= alpha``.

    Returns
    -------
    list of dict
        Rows of :func:`write_findings`, ``aspect`` = ``signalling``.
    """
    c, file = comparison, "interactions/groups.tsv"
    if tables.groups is None:
        text = "cannot be told: the comparison of interactions did not finish"
        return [c.row(4, "cannot_tell", text, aspect="signalling", source=file)]
    table = tables.groups[tables.groups["contrast"] == c.contrast]
    if table["group"].isin(MIGRATION_GROUPS).any():
        table = table[table["group"].isin(MIGRATION_GROUPS)]
    table = table[(table["source"] == "all") | (table["target"] == "all")]
    rows = []
    for (group, source, target), triple in _triples(c, table, ["group", "source", "target"]):
        own, base, interaction = triple
        evidence = _evidence(interaction, value="estimate")
        testable = evidence["tier"] in CLAIMABLE
        who = f"{group} signalling"
        who += "" if (source, target) == ("all", "all") else f" from {source} to {target}"
        within = f"{c.compartment} {_points(own)}, {c.base} {_points(base)}"
        numbers = f"{within}, difference {_points(interaction)}"
        verdict = "cannot_tell"
        for sign, where, row in ((1, c.compartment, own), (-1, c.base, base)):
            if (
                testable
                and sign * evidence["estimate"] > 0
                and row["estimate"] > 0
                and _significant(row, c.alpha)
                and _significant(interaction, c.alpha)
            ):
                verdict = "yes"
                text = f"{who} is stronger in {where}: {numbers}, {_q(evidence)}"
        if verdict != "yes":
            if testable and max(own["ci_high"], base["ci_high"]) < SCORE_MARGIN:
                verdict = "no"
                text = f"{who} is stronger in neither: rises of {SCORE_MARGIN:.2f} points are excluded; {numbers}"
            else:
                reason = "not shown, not excluded" if testable else _descriptive(interaction)
                text = f"cannot be told: {reason}; {who}: {numbers}"
        rows.append(
            c.row(
                4,
                verdict,
                text + _behind(evidence),
                evidence,
                lineage="all" if (source, target) == ("all", "all") else f"{source} -> {target}",
                aspect="signalling",
                unit="z-score points, difference between compartments",
                source=_source(file, interaction, ["group", "source", "target", "contrast", "term", "compartment"]),
            )
        )
    if not rows:
        reason = c.unanswerable() or "no group of pairs could be tested in both compartments"
        return [c.row(4, "cannot_tell", f"cannot be told: {reason}", aspect="signalling", source=file)]
    overall = [row for row in rows if row["lineage"] == "all"] or rows
    for verdict in ("yes", "no", "cannot_tell"):
        hits = [row for row in overall if row["verdict"] == verdict]
        if hits and (verdict != "no" or len(hits) == len(overall)):
            lead = _lead(overall, verdict)
            break
    carried = [row for row in rows if row["lineage"] != "all" and row["verdict"] == "yes"]
    return [lead | {"lineage": ""}, *overall, *(row for row in carried if row not in overall)]


def uncoupled(comparison, tables):
    """Question 5: does the condition act differently on the compartments? The verdict of ``coupling.tsv``.

    Yes for ``partly_uncoupled`` and ``uncoupled``, no for ``coupled`` (which needs proof of equivalence).

    Returns
    -------
    list of dict
        One summary row, and a row per lineage that drives tau_U.
    """
    c, file = comparison, "coupling/coupling.tsv"
    if tables.coupling is None:
        return [c.row(5, "cannot_tell", "cannot be told: the coupling index did not finish", source=file)]
    table = tables.coupling
    table = table[
        (table["contrast"] == c.contrast) & (table["compartment"] == c.compartment) & (table["level"] == "lineage")
    ]
    table = table[table["tau_u"].notna()]
    if table.empty:
        reason = c.unanswerable() or "too few lineages have an interaction with an interval"
        return [c.row(5, "cannot_tell", f"cannot be told: {reason}", source=file)]
    found = table.iloc[0].to_dict()
    evidence = found | {
        "estimate": found["tau_u"],
        "ci_low": found["tau_low"],
        "ci_high": found["tau_high"],
        "q_value": math.nan,
    }
    numbers = f"the spread of the difference over {int(found['n_lineages'])} lineages is tau_U = {_ci(evidence)} log2"
    numbers += f" (0 = coupled; {_p(evidence)})"
    if not _missing(found.get("mean_u")):
        numbers += f", its mean {found['mean_u']:.2f} ({found['mean_u_low']:.2f} to {found['mean_u_high']:.2f})"
    if found["scale"] == "rel":
        numbers += "; relative scale: a shift common to all lineages is not seen"
    word = str(found["verdict"])
    verdict = {"partly_uncoupled": "yes", "uncoupled": "yes", "coupled": "no"}.get(word, "cannot_tell")
    if found["tier"] not in CLAIMABLE:
        verdict = "cannot_tell"
    if verdict == "cannot_tell":
        reason = found["reason"] if isinstance(found.get("reason"), str) else "neither is shown"
        text = f"cannot be told: {reason}; {numbers}"
    else:
        text = f"{c.compartment} and {c.base} are {word.replace('_', ' ')}: {numbers}"
    drivers = _drivers(c, tables.drivers, found) if verdict == "yes" else []
    if drivers:
        text += f"; driven by {', '.join(name for name, _ in drivers)}"
    source = _source(file, found, ["contrast", "compartment", "level", "scale"])
    unit = "log2, spread over lineages"
    rows = [c.row(5, verdict, text + _behind(evidence), evidence, unit=unit, source=source)]
    for name, tau in drivers:
        statement = f"without {name}, tau_U falls from {found['tau_u']:.2f} to {tau:.2f} log2" + _behind(evidence)
        driver = {"estimate": tau, "tier": found["tier"]}
        source = f"coupling/drivers.tsv: contrast={c.contrast}, compartment={c.compartment}, left_out={name}"
        rows.append(c.row(5, verdict, statement, driver, lineage=name, aspect="driver", unit=unit, source=source))
    return rows


def _drivers(c, table, found):
    """Lineages that ``coupling.tsv`` names as drivers: (name, tau_U without it), strongest first."""
    names = found["drivers"].split(",") if isinstance(found.get("drivers"), str) else []
    if table is None or not names:
        return []
    rows = table[(table["contrast"] == c.contrast) & (table["compartment"] == c.compartment)]
    rows = rows[(rows["level"] == found["level"]) & (rows["kind"] == "lineage")]
    tau = dict(zip(rows["left_out"].astype(str), rows["tau_u"], strict=True))
    return [(name, tau[name]) for name in names if name in tau]


def _triples(c, table, keys, value="estimate"):
    """(key, (compartment row, reference row, interaction row)) for every key with all three estimates."""
    parts = []
    for term, compartment in (
        (f"within:{c.compartment}", c.compartment),
        (f"within:{c.base}", c.base),
        ("interaction", c.compartment),
    ):
        rows = table[(table["term"] == term) & (table["compartment"] == compartment) & table[value].notna()]
        parts.append({tuple(row[k] for k in keys): row for row in rows.to_dict("records")})
    own, base, interaction = parts
    for key in interaction:
        if key in own and key in base:
            yield key, (own[key], base[key], interaction[key])


def _evidence(row, value="log2fc"):
    wanted = ["ci_low", "ci_high", "p_value", "q_value", "n_condition", "n_reference", "tier", "se", "df"]
    return {column: row.get(column, math.nan) for column in wanted} | {"estimate": row[value]}


def _calls(row):
    """The calls of a row: one word, or several joined by ; or ,"""
    call = row.get("call")
    if _missing(call):
        return set()
    return {word.removeprefix("relatively_") for word in re.split(r"[;,\s]+", str(call)) if word}


def _missing(value):
    return value is None or (isinstance(value, float) and not math.isfinite(value)) or value is pd.NA


def _significant(row, alpha):
    return not _missing(row.get("q_value")) and row["q_value"] <= alpha


def _named(rows, verdict):
    return [row["lineage"] for row in rows if row["verdict"] == verdict]


def _lead(rows, verdict, falling=False):
    """The row that a summary quotes: the smallest q among the verdict, then the largest (or lowest) estimate."""
    candidates = [row for row in rows if row["verdict"] == verdict]

    def order(row):
        q = 2.0 if _missing(row["q_value"]) else row["q_value"]
        size = row["estimate"] if falling else -abs(row["estimate"])
        return (q if verdict == "yes" else 0.0, 9e9 if _missing(size) else size)

    return min(candidates, key=order)


def _tail(statement):
    return statement.removeprefix("cannot be told: ")


def _fold(log2):
    return f"{2**log2:.2g}-fold"


def _change(row, scale):
    """``-3.10 log2 (8.6-fold down; -4.2 to -2.0)``"""
    down = row["log2fc"] < 0
    word = "down" if down else "up"
    if scale == "rel":
        word = "relatively decreased" if down else "relatively increased"
    limits = "" if _missing(row["ci_low"]) else f", 95 % CI {row['ci_low']:.2f} to {row['ci_high']:.2f}"
    return f"{word} {_fold(abs(row['log2fc']))} (log2 {row['log2fc']:.2f}{limits})"


def _estimate(row):
    value = row.get("estimate", row.get("log2fc"))
    limits = "" if _missing(row["ci_low"]) else f", 95 % CI {row['ci_low']:.2f} to {row['ci_high']:.2f}"
    return f"log2 {value:.2f} ({_fold(abs(value))}{limits})"


def _points(row, value="estimate"):
    limits = "" if _missing(row["ci_low"]) else f" [{row['ci_low']:.2f}, {row['ci_high']:.2f}]"
    return f"{row[value]:+.2f}{limits}"


def _odds(row):
    limits = ""
    if not _missing(row["ci_low"]):
        limits = f" [{np.exp(row['ci_low']):.2g}, {np.exp(row['ci_high']):.2g}]"
    return f"{np.exp(row['estimate']):.2g}x{limits}"


def _ci(row):
    limits = "" if _missing(row["ci_low"]) else f" ({row['ci_low']:.2f} to {row['ci_high']:.2f})"
    return f"{row['estimate']:.2f}{limits}"


def _p(row):
    return "no p" if _missing(row["p_value"]) else f"p = {row['p_value']:.2g}"


def _q(row):
    return "no q" if _missing(row["q_value"]) else f"q = {row['q_value']:.2g}"


def _descriptive(row):
    n = f"{int(row['n_condition'])} against {int(row['n_reference'])} donors"
    return f"{n} allow a description, not a test" if row["tier"] == "descriptive" else f"{n} are too few"


def _behind(evidence, primary=False):
    """The donors and the tier that a statement rests on; a lineage named beforehand is a family of its own for q."""
    n = [evidence[f"n_{arm}"] for arm in ("condition", "reference")]
    donors = "" if any(_missing(x) for x in n) else f"{int(n[0])} v {int(n[1])} donors, "
    return f" [{donors}{evidence['tier']}{'; named beforehand' if primary else ''}]"


def _source(file, row, keys):
    return f"{file}: " + ", ".join(f"{key}={row[key]}" for key in keys)
