"""Subclusters on the page."""

import numpy as np
import pandas as pd
import pytest

from compartments.compare import zoom
from compartments.core.contract import Contract
from compartments.core.left_out import LeftOut
from compartments.report import zoomed
from tests.support.tables import write


@pytest.fixture
def looked(bare):
    """The page of a run that looked into CD4_T: two subclusters, of which one is rarer in treated CSF."""
    study, rng = bare.study, np.random.default_rng(0)
    samples = study.samples
    up = samples["condition"].eq("treated") & samples["compartment"].eq("CSF")
    table = pd.DataFrame({"sample": samples["sample"], "CD4_T_1": rng.poisson(200 + 300 * up), "CD4_T_2": 150})
    counts = table.melt("sample", var_name="subcluster", value_name="n_cells")
    effects, donors = zoom.compare_shares(counts, study, "CD4_T", 1, LeftOut("zoom_lineages"))
    contract = Contract.of("zoom_lineages")
    for name, rows in (("effects", effects), ("donors", donors)):
        write(rows[contract.names(f"zoom/{name}.tsv")], bare.results.root, f"zoom/{name}.tsv")
    return bare, effects


def test_a_figure_of_every_compartment_and_between_with_donors(looked):
    page, effects = looked
    blocks = {block.name: block for block in zoomed.blocks(page)}
    contrast = effects["contrast"].iloc[0]
    for place, term in (("CSF", "within:CSF"), ("blood", "within:blood"), ("between_CSF", "interaction")):
        figure = blocks[f"zoom_CD4_T_{contrast}_{place}"]
        rows = effects[effects["term"] == term]
        assert sorted(figure.data["log2fc"]) == pytest.approx(sorted(rows["log2fc"])) and len(rows) == 2
        assert "CD4_T" in figure.words.title and "donors" in figure.words.caption
        assert any("donors" in trace["name"] for trace in figure.traces)
    assert len(blocks["zoom_table"].frame) == len(effects) == 6


def test_nothing_where_nothing_was_looked_into(bare):
    assert zoomed.blocks(bare) == []
