"""Maps."""

import numpy as np
import pandas as pd

from compartments.report.figures.maps import embedding
from compartments.report.figures.style import Words


def test_embedding_counts_every_cell():
    rng = np.random.default_rng(1)
    cells = pd.DataFrame(rng.normal(size=(5000, 2)), columns=["umap_1", "umap_2"])
    cells["lineage"] = rng.choice(["a", "b"], 5000)
    figure = embedding("x", cells, "lineage", {"a": "#000", "b": "#fff"}, Words("", "", ""))
    assert figure.data["n_cells"].sum() == 5000
    assert sum(len(t["x"]) for t in figure.traces) == len(figure.data)
    assert (figure.data["share"] >= 0.5).all()
