"""Studies of one condition: how the compartments of the same donors differ. It leads their page."""

import pandas as pd

from compartments.core.vocabulary import ALPHA, POOLS
from compartments.findings import designs
from compartments.report import captions, forests, lines
from compartments.report.blocks import Block, Text
from compartments.report.page import Page, flags, tagged
from compartments.report.sections import interactions, migration
from compartments.study.terms import Term

NAME = "compartments"
TITLE = "Compartments of the same donors"
NEEDS = ["composition/effects.tsv"]
STEPS = ["compare_composition"]

SHOWN = ["lineage", "log2fc", "ci_low", "ci_high", "p_value", "q_value", "p_permutation", "permutation_floor", "mde80"]
SHOWN += ["n_condition", "tier", "note"]
SETS = ["gene_set", "lineage", "estimate", "ci_low", "ci_high", "p_value", "q_value", "n_condition", "tier"]
GENES = ["lineage", "gene", "log2fc", "log2fc_shrunken", "se", "p_value", "q_value", "n_condition", "tier", "robust"]


def build(page: Page) -> list[Block]:
    """Composition, expression, gene sets and interactions of each compartment against the reference compartment."""
    blocks: list[Block] = [page.text("composition.apart")]
    for term in page.shown:
        compared = designs.compared(designs.of_term(term))
        blocks.append(Text(compared, "heading"))
        for part in (_composition, _expression, _sets, _interactions):
            blocks += part(page, term)
    drawn = lines.of_abundances(page)
    return [*blocks, page.text("compartments.lines", "heading"), *drawn] if drawn else blocks


def _said(page: Page, key: str, rows: pd.DataFrame, names: pd.Series, value: str, term: Term, **values: str) -> Text:
    """How many of the rows differ, which are higher in which compartment, or that none is shown to differ."""
    found = rows["q_value"] <= ALPHA
    sides = {term.compartment: rows[value] > 0, page.base: rows[value] < 0}
    given = page.phrases(term) | {"n": len(rows), "found": int(found.sum())} | values
    given["donors"] = captions.estimates(rows, designs.of_term(term), forests.both(term))
    there = {side: ", ".join(dict.fromkeys(names[found & up])) for side, up in sides.items()}
    given["higher"] = "; ".join(f"higher in {side}: {which}" for side, which in there.items() if which)
    tested = rows["p_value"].notna().any()
    return page.text(f"compartments.{key if found.any() else 'none' if tested else 'untested'}", **given)


def _composition(page: Page, term: Term) -> list[Block]:
    effects = page.needed("composition/effects.tsv")
    rows = forests.rows_of(effects[effects["level"] == "lineage"], term)
    if rows.empty:
        return []
    named = rows[~rows["lineage"].isin(POOLS)]
    said = _said(page, "composition", named, named["lineage"], "log2fc", term, what="lineages")
    tag = tagged(term.contrast, term.compartment)
    table = page.listing(
        "compartments.lineages", rows[SHOWN], "composition/effects.tsv", name=f"lineages_{tag}", folded=True,
        **page.phrases(term),
    )  # fmt: skip
    return [said, *forests.between(page, term, f"apart_{tag}"), table]


def _expression(page: Page, term: Term) -> list[Block]:
    table = page.table(f"expression/{term.contrast.contrast}.parquet")
    if table is None:
        return []
    rows = forests.rows_of(table, term).astype({"lineage": str})
    rows = rows[rows["p_value"].notna()]
    if rows.empty:
        return []
    counts = rows[rows["q_value"] <= ALPHA].groupby("lineage").size().sort_values(ascending=False)
    which = ", ".join(f"{lineage} {n:,}" for lineage, n in counts.items())
    said = page.text(
        "compartments.expression",
        **page.phrases(term) | {"n": f"{len(rows):,}", "found": f"{counts.sum():,}", "which": which or "none"},
        lineages=rows["lineage"].nunique(),
        donors=captions.estimates(rows, designs.of_term(term), forests.both(term)),
    )
    top, cut = captions.first_rows(rows, "p_value", limit=25)
    name, file = f"first_{tagged(term.contrast, term.compartment)}", f"expression/{term.contrast.contrast}.tsv.gz"
    shown = page.listing("compartments.genes", top[GENES], file, name=name, cut=cut, folded=True, **page.phrases(term))
    return [said, shown]


def _sets(page: Page, term: Term) -> list[Block]:
    effects = page.table("migration/effects.tsv")
    if effects is None:
        return []
    rows = forests.rows_of(effects, term)
    rows = rows[flags(rows["primary"])]
    if rows.empty:
        return []
    names = rows["gene_set"] + rows["lineage"].map(lambda lineage: "" if lineage == "all" else f" in {lineage}")
    name = f"sets_apart_{tagged(term.contrast, term.compartment)}"
    table = page.listing(
        "compartments.set_table", rows[SETS], "migration/effects.tsv", name=name, folded=True, **page.phrases(term)
    )
    said = _said(page, "sets", rows, names, "estimate", term, what="primary gene sets in lineages")
    return [said, *migration.first_set(page, term, rows), table]


def _interactions(page: Page, term: Term) -> list[Block]:
    effects = page.table("interactions/centrality_effects.tsv")
    rows = pd.DataFrame() if effects is None else forests.rows_of(effects, term)
    if rows.empty:
        return []
    of_network = rows[rows["network"] == interactions.headline(rows)]
    network = str(of_network["network"].iloc[0])
    said = _said(
        page, "central", of_network, of_network["lineage"], "estimate", term, network=network,
        what=f"lineages in the network of {network} pairs",
    )  # fmt: skip
    return [said, *interactions.central(page, term, rows, page.table("interactions/centrality.tsv"))]
