"""Question 4, second part: migration ligand-receptor pairs stronger in one compartment.

Yes needs the rise within the compartment and the difference between compartments, both with ``q <= alpha``.
"""

from collections.abc import Iterator

import pandas as pd

from compartments.findings import basis, headlines, words
from compartments.findings.evidence import (
    CANNOT_TELL,
    NO,
    SCORE_MARGIN,
    YES,
    Limits,
    Triple,
    Verdict,
    claimable,
    evidence,
    significant,
    triples,
)
from compartments.findings.rows import Comparison, Finding, Tables, lead, overall, summary

FILE = "interactions/groups.tsv"
KEYS = ["group", "source", "target", "contrast", "term", "compartment"]
ASPECT = "signalling"
MIGRATION_GROUPS = {"migration", "chemokine", "adhesion"}  # of assets/interaction_groups.tsv; users may add others


def judge(each: Triple, limits: Limits) -> Verdict:
    """Stronger on one side, on neither, or not to be told."""
    if not claimable(each.tier):
        return Verdict(CANNOT_TELL, "too_few")
    up = each.own if each.difference["estimate"] > 0 else each.base
    rises = each.difference["estimate"] != 0 and up["estimate"] > 0
    if rises and significant(up, limits) and significant(each.difference, limits):
        return Verdict(YES, "stronger", up["compartment"])
    if each.rises_less(SCORE_MARGIN):
        return Verdict(NO, "neither")
    return Verdict(CANNOT_TELL, "open")


def of_migration(rows: pd.DataFrame) -> pd.DataFrame:
    """Groups of migration pairs; all where there are none such."""
    migration = rows["group"].isin(MIGRATION_GROUPS)
    return rows[migration] if migration.any() else rows


def groups_of(table: pd.DataFrame, comparison: Comparison) -> Iterator[Triple]:
    """Groups of pairs between all lineages, from or to one."""
    rows = of_migration(table[table["contrast"] == comparison.contrast])
    rows = rows[(rows["source"] == "all") | (rows["target"] == "all")]
    return triples(rows, comparison.compartment, comparison.base, ["group", "source", "target"])


def signalling(comparison: Comparison, tables: Tables) -> list[Finding]:
    """Rows of ``findings.tsv`` for the second part of question 4 (``aspect`` = ``signalling``).

    After the summary the groups between all lineages, then those from or to one lineage that are answered with yes.
    """
    c, answers = comparison, []
    if tables.groups is None:
        verdict = tables.absent("interactions")
        return [c.answer(4, verdict, words.unanswered("signalling", verdict, c), aspect=ASPECT, source=FILE).finding]
    for each in groups_of(tables.groups, c):
        verdict, row, numbers = judge(each, c.limits), each.difference, evidence(each.difference, **each.least)
        numbers |= basis.signalling(each, numbers, c)
        pooled = (row["source"], row["target"]) == ("all", "all")
        answers.append(
            c.answer(
                4,
                verdict,
                words.signalling(verdict, each, numbers, c),
                numbers,
                lineage="all" if pooled else f"{row['source']} -> {row['target']}",
                unit=words.SCORE_DIFFERENCE,
                source=words.source(FILE, row, KEYS),
                aspect=ASPECT,
            )._replace(rows=each)
        )
    if not answers:
        verdict = c.untested()
        return [c.answer(4, verdict, words.unanswered("signalling", verdict, c), aspect=ASPECT, source=FILE).finding]
    between_all = [each for each in answers if each.finding.lineage == "all"] or answers
    leading = lead(between_all, overall(between_all), sign=1)
    others = [each for each in answers if each.verdict.answer == YES and each not in between_all]
    said = headlines.signalling(between_all, c)
    told = summary(leading, leading.verdict, leading.finding.statement, said, between_all)
    return [told, *(each.finding for each in (*between_all, *others))]
