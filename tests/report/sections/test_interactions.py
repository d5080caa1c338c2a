"""Interactions."""

import pandas as pd


def test_places_of_pairs_are_those_in_the_whole_sample(whole):
    """One symbol per sample; the place is that among all pairs of the sample, not among those shown."""
    folder, page, _ = whole
    liana = pd.read_parquet(folder / "interactions" / "liana.parquet").query("compartment == 'CSF'")
    liana["place"] = liana.groupby("sample")["magnitude_rank"].rank(method="min")
    shown = pd.DataFrame(page.figures["liana_CSF"]["csv"])
    ends = ["source", "target"]
    liana[ends] = liana[ends].astype(str).replace({"gdT": "gamma-delta T"})
    keys = ["sample", "source", "target", "ligand_complex", "receptor_complex"]
    both = shown.merge(liana, on=keys, suffixes=("", "_all"))
    assert len(both) == len(shown) > 5 and (both["place"] == both["place_all"]).all()
    assert (shown["label"].value_counts() >= 3).all()
