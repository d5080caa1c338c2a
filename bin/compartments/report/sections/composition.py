"""Changes of abundance within compartments and between them."""

import pandas as pd

from compartments.report import forests, lines, zoomed
from compartments.report.blocks import Block, Text
from compartments.report.page import Page, flags

NAME = "composition"
TITLE = "Composition"
NEEDS = ["composition/effects.tsv"]
STEPS = ["compare_composition"]

EFFECTS = "composition/effects.tsv"
SHOWN = ["level", "lineage", "contrast", "term", "compartment", "log2fc", "ci_low", "ci_high", "p_value", "q_value"]
SHOWN += ["p_plain", "p_permutation", "permutation_floor", "mde80", "n_condition", "n_reference", "tier", "call"]
SHOWN += ["call_q", "suggested", "note"]


def build(page: Page) -> list[Block]:
    """On which scale, the forests of broad lineages, and all tables."""
    effects = page.needed(EFFECTS)
    warnings = page.results.json("composition/composition.json").get("warnings", [])
    relative = len(effects) and effects["scale"].iloc[0] == "rel"
    scale = page.text("composition.relative", "warning") if relative else page.text("composition.absolute")
    if page.of_one_condition:
        scale = page.text("composition.apart")
    blocks: list[Block] = [scale, *(Text(warning, "warning") for warning in warnings)]
    references = page.table("composition/references.tsv")
    if references is not None and len(references) and any(term.name == "interaction" for term in page.terms):
        blocks.append(under_other_references(page, references))
    blocks.append(page.text("composition.leading" if page.of_one_condition else "composition.elsewhere"))
    several = [term for term in page.terms if not term.across]
    for contrast in page.results.comparisons():
        terms = [term for term in several if term.contrast == contrast]
        name = f"lineage_{contrast.contrast}"
        if (effects["level"] == "lineage").any() and len(page.study.compartments) > 2:  # else that of question 1
            blocks += forests.within(page, terms, f"within_{name}")
        level, name = "lineage_broad", f"lineage_broad_{contrast.contrast}"
        blocks += forests.within(page, terms, f"within_{name}", level)
        for term in page.terms:
            if term.contrast == contrast and term.across:
                blocks += forests.between(page, term, f"between_{name}_{term.compartment}", level)
    if not page.of_one_condition:  # there they lead the page
        blocks += [*lines.of_abundances(page), *lines.of_changes(page)]
    key = "composition.together" if page.results.cohorts else "composition.composition_table"
    blocks.append(page.listing(key, effects[SHOWN], EFFECTS, name="composition_table"))
    single = page.table("composition/single_case.tsv")
    if single is not None:
        blocks.append(page.listing("composition.single_case", single, "composition/single_case.tsv", folded=True))
    calls = page.table("composition/calls.tsv")
    if calls is not None:
        held = calls[flags(calls["holds"])]
        blocks.append(page.listing("composition.calls_table", held, "composition/calls.tsv", folded=True))
    return [*blocks, *zoomed.blocks(page)]


def under_other_references(page: Page, references: pd.DataFrame) -> Text:
    """How many words on lineages hang on what was taken as unchanged."""
    rows = references[(references["term"] == "interaction") & references["call"].notna()]
    keys = ["level", "lineage", "contrast", "compartment"]
    words = rows.pivot(index=keys, columns="relative_reference", values="call")
    chosen = rows.loc[flags(rows["chosen"]), "relative_reference"]
    if chosen.empty:
        return page.text("composition.no_words")
    mine = chosen.iloc[0]
    changed = [f"{(words[kind] != words[mine]).sum()} under {kind}" for kind in words if kind != mine]
    return page.text("composition.references", chosen=mine, n=len(words), changed=", ".join(changed))
