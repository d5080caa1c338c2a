"""Maps and labels."""

import pandas as pd

from compartments.core.contract import Contract
from compartments.core.files import write_json
from compartments.report.page import Page
from compartments.report.results import Results
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
    assert "Cluster 1 (300 cells, most often called classical monocyte)" in first.text and "Macrophage" in first.text
    assert "markers of 25 cells" in second.text and "Granulocyte" in second.text and "FCGR3B, CXCR2" in second.text
    assert not any("another lineage" in getattr(block, "text", "") for block in others)


def test_models_are_said_and_the_one_that_may_not_fit_first(bare, named):
    """Of a run whose compartments have models of their own, and a sample of a tissue that its model does not know."""
    root, sample = bare.results.root, bare.results.sample_names[0]
    place = root / "samples" / sample
    place.mkdir(parents=True)
    summary = {"sample": sample, "warnings": "pDC: 3 by the model", "model_doubt": "a.pkl may not know this tissue"}
    write_json(summary, place / f"{sample}.labels.json")
    models = pd.DataFrame({"model": ["a.pkl", "b.pkl"], "use": ["names blood", "names CSF"], "sha256": ["1", "2"]})
    (root / "pipeline_info").mkdir()
    models = models.reindex(columns=Contract.of("check_labels").names("pipeline_info/models.tsv"))
    models.to_csv(root / "pipeline_info" / "models.tsv", sep="\t", index=False)
    blocks = annotation.build(Page(Results(root)))
    assert f"{sample}: a.pkl may not know this tissue" in str(blocks[0])
    said = [str(block) for block in blocks if "a model of its own" in str(block)]
    assert len(said) == 1 and "blood: a.pkl; CSF: b.pkl" in said[0]
    assert "models" in named(blocks)
