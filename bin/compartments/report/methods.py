"""The section on methods: what was done in this run, from its parameters and summaries."""

import html
import math
import re
from typing import Any

import pandas as pd

from compartments.findings import designs
from compartments.report import provenance
from compartments.report.citations import Citations
from compartments.report.page import Page, flags
from compartments.report.results import Results
from compartments.study.plan import WORDS

TOGETHER = {
    "composition/effects.tsv": "composition",
    "migration/effects.tsv": "migration scores",
    "interactions/effects.tsv": "pairs of ligand and receptor",
    "interactions/groups.tsv": "groups of pairs",
    "interactions/centrality_effects.tsv": "shares of the lineages in the interactions",
}


def values_of(page: Page, citations: Citations, defaults: dict[str, Any]) -> dict[str, Any]:
    """What ``methods.html.j2`` asks for; ``defaults`` are those of the pipeline's parameters."""
    results = page.results
    given, versions = defaults | _set(page.parameters), dict(provenance.software(results.root))
    return {
        "study": results.study,
        "cohorts": results.cohorts,
        "together": _together(results),
        "coupled": results.usable("coupling/coupling.tsv") is not None,
        "analysed": results.analysed,
        "compared": [f"{designs.compared(each)} ({WORDS[each.kind]})" for each in results.comparisons()],
        "kinds": {each.kind for each in results.comparisons()},
        "simulated": results.simulated,
        "skipped": page.skipped,
        **{name: page.parameters.get(name) for name in ("hashtags", "pathways", "regulators")},
        "preset": page.parameters.get("simulate"),
        "p": lambda name: str(given.get(name, f"({name} is not known)")),
        "v": lambda package: f"{package} {versions[package]}" if package in versions else package,
        "cite": citations.cite,
        "composition": results.json("composition/composition.json"),
        "expression": results.json("expression/expression.json"),
        "ambient": _ambient(results.summaries("ambient")),
        "models": _models(results.summaries("labels")),
        "converted": _converted(results.summaries("labels")),
        "versions": versions,
        "primary_sets": _primary(results.table("migration/effects.tsv")),
    }


def _together(results: Results) -> list[str]:
    """What was taken together over cohorts."""
    return [what for place, what in TOGETHER.items() if results.usable(place) is not None] if results.cohorts else []


def as_text(page: str) -> str:
    """Paragraphs of HTML as plain text to be pasted, an empty line between them."""
    paragraphs = re.split(r"</(?:p|li)>", page)
    texts = (" ".join(html.unescape(re.sub(r"<[^>]*>", "", each)).split()) for each in paragraphs)
    return "\n\n".join(text for text in texts if text)


def _set(params: dict[str, Any]) -> dict[str, Any]:
    """Parameters that have a value."""
    return {name: value for name, value in params.items() if value is not None and value != ""}


def _ambient(table: pd.DataFrame | None) -> list[str]:
    """Methods of ambient RNA removal that were used."""
    return sorted(map(str, table["method"].dropna().unique())) if table is not None and "method" in table else []


def _primary(effects: pd.DataFrame | None) -> list[str]:
    """Primary gene sets that were compared."""
    return [] if effects is None else sorted(effects.loc[flags(effects["primary"]), "gene_set"].unique())


def _models(labels: pd.DataFrame | None) -> list[tuple[str, str, float]]:
    """Annotation models: (name, version, lowest overlap of genes)."""
    if labels is None or "model" not in labels:
        return []
    overlap = labels["model_gene_overlap"] if "model_gene_overlap" in labels else pd.Series(math.nan, labels.index)
    version = labels["model_version"] if "model_version" in labels else pd.Series("", labels.index)
    rows = pd.DataFrame({"model": labels["model"], "version": version.fillna(""), "overlap": overlap})
    return list(rows.groupby(["model", "version"])["overlap"].min().reset_index().itertuples(index=False, name=None))


def _converted(labels: pd.DataFrame | None) -> list[tuple[str, float]]:
    """Models of another species than the cells': (name, share of its genes that have a counterpart)."""
    if labels is None or "model_genes_kept" not in labels:
        return []
    rows = labels[labels["model_genes_kept"] < 1]
    return list(rows.groupby("model")["model_genes_kept"].min().reset_index().itertuples(index=False, name=None))
