"""Maps and labels."""


def test_map_by_every_annotation(whole):
    _, page, _ = whole
    assert {f"umap_{by}" for by in ("lineage", "compartment", "condition", "donor", "leiden")} <= set(page.figures)
    assert {t["name"] for t in page.figures["umap_donor"]["data"]} == set(page.figures["umap_donor"]["csv"]["donor"])
