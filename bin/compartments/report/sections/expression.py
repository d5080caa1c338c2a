"""Genes that change, per lineage."""

import pandas as pd

from compartments.core.vocabulary import ALPHA
from compartments.findings import designs
from compartments.report import captions, donors, forests
from compartments.report.blocks import Block, Text
from compartments.report.figures.bars import bars
from compartments.report.figures.dots import VOLCANO_GENES, thinned, volcano
from compartments.report.figures.forest import forest
from compartments.report.figures.matrix import heatmap
from compartments.report.figures.style import Figure
from compartments.report.page import Page, series_of, tagged
from compartments.study.study import COMPARTMENTS, Contrast
from compartments.study.terms import Term

NAME = "expression"
TITLE = "Expression"
NEEDS: list[str] = []
STEPS = ["compare_expression"]

GENES_SHOWN = 25  # with their donors
ERRORS = 1.96  # standard errors on each side of an estimate: 95 %
SHOWN = ["lineage", "gene", "term", "compartment", "log2fc", "log2fc_shrunken", "se", "engine", "p_value", "q_value"]
SHOWN += ["q_global", "n_condition", "n_reference", "tier", "robust", "call"]
ESTIMATES = ["label", "series", "lineage", "gene", "log2fc", "ci_low", "ci_high", "p_value", "q_value", "tier"]
ESTIMATES += ["n_condition", "n_reference", "engine", "one_arm"]


def build(page: Page) -> list[Block]:
    """Cautions; for every contrast the number of genes, the interaction, and the first genes; then the target gene."""
    warnings = page.results.json("expression/expression.json").get("warnings", [])
    blocks: list[Block] = [Text(warning, "warning") for warning in warnings]
    for contrast in page.results.comparisons():
        table = page.table(f"expression/{contrast.contrast}.parquet")
        file = f"expression/{contrast.contrast}.tsv.gz"
        table = page.table(file) if table is None else table
        if table is None:
            continue
        table = table.astype(dict.fromkeys(("lineage", "term", "engine"), str))
        tested = table[table["p_value"].notna()]
        blocks.append(_found(page, table, tested, contrast))
        for term in page.shown:
            rows = forests.rows_of(tested, term) if term.contrast == contrast else tested[:0]
            if len(rows):
                blocks += [_volcano(page, term, rows), *first_genes(page, term, rows)]
        top, cut = captions.first_rows(tested, "p_value")
        name = f"genes_{contrast.contrast}"
        blocks.append(
            page.listing("expression.genes", top[SHOWN], file, name=name, cut=cut, arms=designs.compared(contrast))
        )
    return blocks + _target(page)


def _found(page: Page, table: pd.DataFrame, tested: pd.DataFrame, contrast: Contrast) -> Figure:
    """Number of genes per lineage and term."""
    change = table["term"].where(table["term"] != "interaction", "difference in " + table["compartment"].astype(str))
    change = change.mask(change == COMPARTMENTS, designs.compared(contrast)).str.replace("within:", "in ")
    wide = (table["q_value"] <= ALPHA).groupby([table["lineage"], change]).sum().unstack(fill_value=0)
    behind = captions.per_arm(tested["n_condition"], tested["n_reference"], contrast)
    behind += captions.engines(page.codes.told(tested), tested["lineage"] + " (" + change[tested.index] + ")")
    words = page.words("expression.found", behind, arms=designs.compared(contrast))
    series = {c: c for c in wide.columns}
    return bars(f"genes_found_{contrast.contrast}", wide.reset_index(), "lineage", series, words, y="genes")


def _volcano(page: Page, term: Term, rows: pd.DataFrame) -> Figure:
    shown, contrast = thinned(rows), designs.of_term(term)
    behind = captions.estimates(rows, contrast, forests.both(term)) + captions.engines(
        page.codes.told(rows), rows["lineage"]
    )
    given = {"shown": len(shown), "every": len(rows), "limit": VOLCANO_GENES}
    words = page.words("expression.volcano", behind, term, **given)
    x = forests.axis_of(page, "expression.volcano", term)
    return volcano(f"volcano_{tagged(contrast, term.compartment)}", shown, words, x=x)


def first_genes(page: Page, term: Term, rows: pd.DataFrame) -> list[Figure]:
    """Genes with the smallest p, with every donor."""
    rows = rows.nsmallest(GENES_SHOWN, "p_value")
    values, fewest = page.results.log2_cpm(rows), page.parameters.get("min_cells_pb")
    if values is None or fewest is None:
        return []
    series = series_of(term, page.base)
    circles = donors.of_term(values[values["n_cells"] >= float(fewest)], ["lineage", "gene"], "log2_cpm", term)
    rows, circles = (
        table.assign(label=table["lineage"] + ": " + table["gene"], series=series) for table in (rows, circles)
    )
    rows = rows.assign(ci_low=rows["log2fc"] - ERRORS * rows["se"], ci_high=rows["log2fc"] + ERRORS * rows["se"])
    rows = rows.assign(one_arm=term.one_arm)
    behind = captions.estimates(rows, designs.of_term(term), forests.both(term), circles)
    behind += captions.engines(page.codes.told(rows), rows["lineage"])
    words = page.words("expression.first", behind, term, n=len(rows), errors=ERRORS)
    name, labels = f"genes_{tagged(term.contrast, term.compartment)}", list(rows["label"])
    axis, of = forests.axis_of(page, "expression.volcano", term), {series: term.compartment}
    return [forest(name, rows[ESTIMATES], circles, labels, of, page.colours, words, x=axis)]


def _target(page: Page) -> list[Block]:
    """Expression of the target gene per lineage, and its relation to depletion."""
    table, relation = page.table("expression/target_gene.tsv"), page.table("expression/target_relation.tsv")
    if table is None:
        return []
    gene = table["gene"].iloc[0]
    groups = table["compartment"] + ", " + table["condition"]
    wide = table.assign(group=groups).pivot_table(index="lineage", columns="group", values="mean_log2_cpm", sort=False)
    known = captions.drawn(table, ["mean_log2_cpm"])
    samples = known.groupby(["compartment", "condition"], sort=False)["n_samples"]
    behind = ", ".join(f"{' '.join(map(str, group))} {captions.span(counts)}" for group, counts in samples)
    words = page.words("expression.target", behind, gene=gene)
    file = "expression/target_gene.tsv"
    blocks: list[Block] = [
        heatmap("target_gene", wide, words, label="log2 CPM", data=table, symmetric=False),
        page.listing("expression.target_table", table, file, folded=True, gene=gene),
    ]
    if relation is not None:
        blocks.append(page.listing("expression.target_relation", relation, "expression/target_relation.tsv", gene=gene))
    return blocks
