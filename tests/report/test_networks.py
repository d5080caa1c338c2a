"""Networks of both arms and their difference."""

import shutil

import numpy as np
import pandas as pd
import pytest

from compartments.core.files import read_tsv
from compartments.report import networks


def test_networks_show_both_arms_and_their_difference(whole):
    """Three views with one menu; each shows its own traces, and the shares of the download add up."""
    folder, page, _ = whole
    contrast = "treated_vs_untreated"
    edges = read_tsv(folder / "interactions" / "network.tsv")
    for compartment in ("CSF", "blood"):
        for kind in ("network", "strength"):
            figure = page.figures[f"{kind}_{contrast}_{compartment}"]
            (menu,) = figure["layout"]["updatemenus"]
            texts = [button["label"] for button in menu["buttons"]]
            assert texts == ["treated", "untreated", "treated minus untreated"]
            shown = np.array([button["args"][0]["visible"] for button in menu["buttons"]])
            assert shown.shape == (3, len(figure["data"])) and (shown.sum(axis=0) == 1).all()
            assert [trace["visible"] for trace in figure["data"]] == shown[0].tolist()
        rows = edges[(edges["network"] == "migration") & (edges["compartment"] == compartment)]
        rows = rows.assign(share=rows["strength"] / rows.groupby("sample")["strength"].transform("sum"))
        expected = rows[rows["condition"] == "treated"].groupby(["source", "target"])["share"].mean()
        heat = figure["data"][0]
        found = pd.DataFrame(heat["z"], index=heat["y"], columns=heat["x"]).astype(float) / 100
        assert found.sum().sum() == pytest.approx(1, abs=1e-3)
        assert found.loc["pDC", "NK"] == pytest.approx(expected["pDC", "NK"], rel=1e-4)


def test_no_network_without_its_table(whole, call, tmp_path):
    folder = tmp_path / "partial"
    shutil.copytree(whole[0], folder)
    for name in ("network", "top_edges"):
        (folder / "interactions" / f"{name}.tsv").unlink()
    said, page = call(folder)
    assert "WARNING" not in said and not [name for name in page.figures if name.startswith(("network_", "edges_"))]
    assert "shares" in page.figures


def test_networks_are_of_the_donors_of_the_contrast(in_group):
    edges = in_group.study.samples[["sample", "donor", "compartment", "condition"]]
    (blood,) = [term for term in in_group.terms if term.name == "within:blood"]
    arms = networks.arms_of(edges[edges["sample"] != "D4_blood_untreated"], blood)
    assert arms == {"treated": ["D1_blood_treated", "D2_blood_treated"], "untreated": ["D3_blood_untreated"]}
