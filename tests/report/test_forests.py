"""Forests."""

import numpy as np

from compartments.core.files import read_tsv
from compartments.findings import names
from compartments.report import forests


def test_csv_data_match_the_tables(whole):
    folder, page, _ = whole
    csv = page.figures["q2_treated_vs_untreated_CSF"]["csv"]
    effects = read_tsv(folder / "composition" / "effects.tsv")
    rows = effects.query("level == 'lineage' and term == 'interaction'")
    rows = rows.set_index(rows["lineage"].map(names.lineage))
    assert np.allclose(csv["log2fc"], rows.loc[csv["lineage"], "log2fc"], rtol=1e-5)


def test_change_is_named_after_the_scale():
    assert forests.change_on("abs") == "log2 fold change"
    assert forests.change_on("rel").endswith("what is taken as unchanged")
