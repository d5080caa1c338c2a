"""Circles of single donors lie where the estimates that rest on them say."""

import anndata
import numpy as np
import pandas as pd
import pytest

from compartments.core.files import read_tsv
from compartments.report.results import Results
from tests.support import results as synthetic_results


def test_donor_dots_on_estimates(whole):
    """Every donor of both arms is a dot in the forest of question 1, and the treated ones average to the estimate."""
    folder, page, _ = whole
    study = Results(folder).study
    figure = page.figures["q1_treated_vs_untreated_CSF"]
    dots = {t["name"]: t for t in figure["data"] if t["name"].startswith("donors")}
    n = study.samples["condition"].value_counts()
    for condition in n.index:
        assert len(dots[f"donors, {condition}"]["x"]) == n[condition] * len(synthetic_results.LINEAGES)
    effects = read_tsv(folder / "composition" / "effects.tsv")
    wanted = effects.query("level == 'lineage' and term == 'within:CSF' and lineage == 'pDC'")["log2fc"].iloc[0]
    treated = dots["donors, treated"]
    shown = [x for x, text, y in zip(treated["x"], treated["text"], treated["y"], strict=True) if "CSF" in text]
    order = list(effects.query("level == 'lineage' and term == 'within:CSF'")["lineage"])
    donors = read_tsv(folder / "composition" / "donors.tsv")
    assert len(shown) == 2 * len(order)
    rows = donors.query("level == 'lineage' and term == 'within:CSF' and lineage == 'pDC'")
    means = rows.groupby("condition")["log2_value"].mean()
    assert means["treated"] - means["untreated"] == pytest.approx(wanted)
    expected = rows.loc[rows["condition"] == "treated", "log2_value"] - means["untreated"]
    assert all(np.isclose(shown, value, atol=1e-4).any() for value in expected)


def test_donors_of_the_top_pairs(whole):
    """Donor dots are differences between compartments; the reference donors average to 0."""
    folder, page, _ = whole
    figure = page.figures["edges_treated_vs_untreated_CSF"]
    dots = {trace["name"]: trace for trace in figure["data"]}
    scores = read_tsv(folder / "interactions" / "top_edges.tsv")
    assert (
        len(dots["donors, treated"]["x"])
        == 2 * scores[["source", "target", "ligand", "receptor"]].drop_duplicates().shape[0]
    )
    assert np.mean(dots["donors, untreated"]["x"]) == pytest.approx(0, abs=1e-6)


def test_first_genes_have_their_donors(whole):
    """Circles are the donors' own differences of log2 counts per million, recomputed from the pseudobulks."""
    folder, page, _ = whole
    figure = page.figures["genes_treated_vs_untreated_CSF"]
    dots = {trace["name"]: trace for trace in figure["data"]}
    genes = pd.DataFrame({c: figure["csv"][c] for c in ("lineage", "gene")})
    assert len(genes) == 25 and figure["csv"]["p_value"] == sorted(figure["csv"]["p_value"])
    assert len(dots["donors, treated"]["x"]) == 2 * len(genes)
    data = anndata.read_h5ad(folder / "cohort" / "pseudobulk.h5ad")
    lineage, gene = genes.iloc[0]
    difference = {}
    for donor, condition in data.obs[["donor", "condition"]].drop_duplicates().itertuples(index=False):
        cpm = {}
        for place in ("CSF", "blood"):
            own = data[f"{donor}_{place}:{lineage}"]
            counts = own.layers["corrected"].toarray().ravel()
            cpm[place] = np.log2((counts[data.var_names == gene][0] + 0.5) / (counts.sum() + 1) * 1e6)
        difference[donor, condition] = cpm["CSF"] - cpm["blood"]
    mean = np.mean([v for (_, condition), v in difference.items() if condition == "untreated"])
    for (_, condition), value in difference.items():
        assert np.isclose(dots[f"donors, {condition}"]["x"], value - mean, atol=1e-4).any()


def test_donors_of_scores_average_to_the_estimates(whole):
    folder, page, _ = whole
    figure = page.figures["set_lineages_treated_vs_untreated_CSF"]
    dots = {trace["name"]: trace for trace in figure["data"]}["donors, treated"]
    for lineage, estimate in zip(figure["csv"]["lineage"], figure["csv"]["estimate"], strict=True):
        place = figure["layout"]["yaxis"]["ticktext"].index(lineage)
        at = figure["layout"]["yaxis"]["tickvals"][place]
        own = [x for x, y in zip(dots["x"], dots["y"], strict=True) if abs(y - at) < 0.5]
        assert len(own) == 2 and np.mean(own) == pytest.approx(estimate, abs=1e-4)
    assert "hubs_treated_vs_untreated_CSF" in page.figures
