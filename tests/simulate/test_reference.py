"""Labelled cells that a classifier is trained on."""

import pandas as pd

from compartments.labels.reference import read_reference
from compartments.labels.training import train_model
from compartments.simulate import reference, settings, sources


def test_model_is_deterministic_and_knows_its_lineages(root, tmp_path):
    import anndata

    source = sources.ProfileSource(root / "assets" / "profiles.tsv.gz", 600)
    plain = settings.Settings(seed=4)
    reference.draw_reference(plain, source, 4, 12).write_h5ad(tmp_path / "reference.h5ad")
    learned = read_reference(tmp_path / "reference.h5ad", "lineage")
    for name in ("one.pkl", "two.pkl"):
        model = train_model(learned.values, learned.labels, learned.genes, seed=0, top_genes=50)
        model.write(str(tmp_path / name))
    assert (tmp_path / "one.pkl").read_bytes() == (tmp_path / "two.pkl").read_bytes()
    assert set(model.cell_types) == set(source.lineages)

    reference.draw_reference(settings.Settings(seed=5), source, 1, 20).write_h5ad(tmp_path / "unseen.h5ad")
    unseen = read_reference(tmp_path / "unseen.h5ad", "lineage")
    import celltypist

    adata = anndata.AnnData(unseen.values, var=pd.DataFrame(index=unseen.genes))
    result = celltypist.annotate(adata, model=model)
    assert (result.predicted_labels["predicted_labels"].to_numpy(str) == unseen.labels).mean() > 0.95
    assert (result.probability_matrix.max(axis=1) > 0.5).mean() > 0.8
