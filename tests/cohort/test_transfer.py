"""Labels that mean the same in two compartments, and some that do not."""

import numpy as np
from scipy import sparse

from compartments.cohort import transfer
from compartments.core.matrix import log_normalise


def two_compartments(moved=None):
    """Expression, lineage and compartment of made-up cells; ``moved``: a lineage that is another one in CSF."""
    rng = np.random.default_rng(1)
    profiles = dict(zip("ABCD", rng.gamma(0.5, 2, (4, 80)), strict=True))
    lineage = np.tile(list("ABCD"), 60)
    compartment = np.repeat(["blood", "CSF"], 120)
    real = np.where((lineage == moved) & (compartment == "CSF"), "A", lineage)
    rate = np.array([profiles[name] for name in real]) * np.where(compartment == "CSF", 1.5, 1)[:, None]
    counts = sparse.csr_matrix(rng.poisson(rate).astype(np.int32))
    return log_normalise(counts), lineage, compartment


def test_labels_transfer_between_compartments():
    table = transfer.transfer_table(*two_compartments(), ["blood", "CSF"])
    assert list(table["lineage"]) == list("ABCD") * 2 and (table["f1"] > 0.95).all() and (table["remark"] == "").all()
    assert (table["centroid_correlation"] > 0.8).all()
    # cells called D in CSF that are A there: both directions say so, and where they go
    expression, lineage, compartment = two_compartments("D")
    table = transfer.transfer_table(expression, lineage, compartment, ["blood", "CSF"])
    rows = table.set_index(["to_compartment", "lineage"])
    assert rows.loc[("CSF", "D"), "f1"] < 0.1 and rows.loc[("CSF", "D"), "predicted_instead"].startswith("A ")
    assert "labels of D differ between blood and CSF" in rows.loc[("CSF", "D"), "remark"]
    assert rows.loc[("CSF", "D"), "centroid_correlation"] < 0.5 < rows.loc[("CSF", "B"), "centroid_correlation"]
    assert rows.loc[("CSF", "B"), "f1"] > 0.95
    few = transfer.transfer_table(expression[:60], lineage[:60], compartment[:60], ["blood", "CSF"])
    assert few.empty and list(few) == transfer.COLUMNS
