"""Genes that change, per lineage."""

import pandas as pd

from compartments.core.vocabulary import ALPHA
from compartments.report import captions, donors, forests
from compartments.report.blocks import Block, Text
from compartments.report.figures.bars import bars
from compartments.report.figures.dots import VOLCANO_GENES, thinned, volcano
from compartments.report.figures.forest import forest
from compartments.report.figures.matrix import heatmap
from compartments.report.figures.style import Figure
from compartments.report.page import Page, arms, tagged
from compartments.study.study import Contrast

NAME = "expression"
TITLE = "Expression"
NEEDS: list[str] = []
STEPS = ["compare_expression"]

GENES_SHOWN = 25  # with their donors
ERRORS = 1.96  # standard errors on each side of an estimate: 95 %
SHOWN = ["lineage", "gene", "term", "compartment", "log2fc", "log2fc_shrunken", "se", "engine", "p_value", "q_value"]
SHOWN += ["q_global", "n_condition", "n_reference", "tier", "robust", "call"]
ESTIMATES = ["label", "series", "lineage", "gene", "log2fc", "ci_low", "ci_high", "p_value", "q_value", "tier"]
ESTIMATES += ["n_condition", "n_reference", "engine"]


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
        between = tested[tested["term"] == "interaction"]
        for compartment, rows in between.groupby("compartment", sort=False, observed=True):
            blocks += [
                _volcano(page, contrast, str(compartment), rows),
                *_first(page, contrast, str(compartment), rows),
            ]
        top, cut = captions.first_rows(tested, "p_value")
        name = f"genes_{contrast.contrast}"
        blocks.append(page.listing("expression.genes", top[SHOWN], file, name=name, cut=cut, arms=arms(contrast)))
    return blocks + _target(page)


def _found(page: Page, table: pd.DataFrame, tested: pd.DataFrame, contrast: Contrast) -> Figure:
    """Number of genes per lineage and term."""
    change = table["term"].where(table["term"] != "interaction", "difference in " + table["compartment"].astype(str))
    change = change.str.replace("within:", "in ")
    wide = (table["q_value"] <= ALPHA).groupby([table["lineage"], change]).sum().unstack(fill_value=0)
    behind = captions.per_arm(tested["n_condition"], tested["n_reference"], contrast)
    behind += captions.engines(tested, tested["lineage"] + " (" + change[tested.index] + ")")
    words = page.words("expression.found", behind, arms=arms(contrast))
    series = {c: c for c in wide.columns}
    return bars(f"genes_found_{contrast.contrast}", wide.reset_index(), "lineage", series, words, y="genes")


def _volcano(page: Page, contrast: Contrast, compartment: str, rows: pd.DataFrame) -> Figure:
    shown = thinned(rows)
    words = page.words(
        "expression.volcano",
        captions.estimates(rows, contrast, forests.BOTH) + captions.engines(rows, rows["lineage"]),
        compartment=compartment,
        base=page.base,
        arms=arms(contrast),
        shown=len(shown),
        every=len(rows),
        limit=VOLCANO_GENES,
    )
    return volcano(f"volcano_{tagged(contrast, compartment)}", shown, words)


def _first(page: Page, contrast: Contrast, compartment: str, rows: pd.DataFrame) -> list[Figure]:
    """Genes with the smallest p of the interaction, with every donor."""
    rows = rows.nsmallest(GENES_SHOWN, "p_value")
    values, fewest = page.results.log2_cpm(rows), page.parameters.get("min_cells_pb")
    if values is None or fewest is None:
        return []
    keys, pair = ["lineage", "gene"], (compartment, page.base)
    circles = donors.differences(values[values["n_cells"] >= float(fewest)], keys, "log2_cpm", contrast, pair)
    rows, circles, series = donors.labelled(rows, circles, lambda x: x["lineage"] + ": " + x["gene"], pair)
    rows = rows.assign(ci_low=rows["log2fc"] - ERRORS * rows["se"], ci_high=rows["log2fc"] + ERRORS * rows["se"])
    words = page.words(
        "expression.first",
        captions.estimates(rows, contrast, forests.BOTH, circles) + captions.engines(rows, rows["lineage"]),
        compartment=compartment,
        base=page.base,
        arms=arms(contrast),
        n=len(rows),
        errors=ERRORS,
    )
    name, labels = f"genes_{tagged(contrast, compartment)}", list(rows["label"])
    axis, of = "log2 fold change, difference between compartments", {series: compartment}
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
