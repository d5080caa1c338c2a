"""Maps and labels."""

import pandas as pd

from compartments.report.sections import annotation
from tests.support.tables import write


def test_map_by_every_annotation(whole):
    _, page, _ = whole
    assert {f"umap_{by}" for by in ("lineage", "compartment", "condition", "donor", "leiden")} <= set(page.figures)
    assert {t["name"] for t in page.figures["umap_donor"]["data"]} == set(page.figures["umap_donor"]["csv"]["donor"])


def test_conflicts_of_clusters_are_told_first(bare):
    """With cells, genes and the likely name; the largest first, and nothing where markers agree."""
    described = {"cluster": ["0", "1", "2"], "n_cells": [40, 300, 900], "lineage": ["CD4_T", "cMono", "B"]}
    described |= {"n_contradicted": [25, 210, 0], "likely_lineage": ["Granulocyte", "Macrophage", ""]}
    described |= {"markers": ["FCGR3B, CXCR2", "C1QA", "MS4A1"], "lineages": "", "compartments": "", "remark": ""}
    numbers = ["n_donors", "largest_donor_share", "unassigned_share", "marker_agreement", "doublet_score"]
    table = pd.DataFrame(described).assign(**dict.fromkeys([*numbers, "doublet_share", "contamination"], 0.0))
    write(table, bare.results.root, "cohort/clusters.tsv")
    first, second, *others = annotation.build(bare)
    assert first.level == second.level == "warning"
    assert "Cluster 1 (300 cells, most often called cMono)" in first.text and "Macrophage" in first.text
    assert "markers of 25 cells" in second.text and "Granulocyte" in second.text and "FCGR3B, CXCR2" in second.text
    assert not any("another lineage" in getattr(block, "text", "") for block in others)
