"""Counts of cells and genes over the cohort."""

import anndata
import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy import sparse

from compartments.cohort import tallies
from compartments.core.files import read_tsv, write_tsv
from compartments.report.blocks import Text
from compartments.report.page import Page
from compartments.report.results import Results
from compartments.report.sections import annotation
from tests.support.samples import arguments_of, make_study_of, merge_all, write_sample


def test_marker_level():
    obs = pd.DataFrame(
        {
            "lineage": ["pDC", "pDC", "B", "unassigned", "pDC", "B"],
            "marker_pdc": [True, False, True, True, False, False],
            "confidence": ["high", "high", "high", "low", "override", "high"],
        }
    )
    assert list(tallies.marker_lineage_level(obs)) == ["pDC", "unassigned", "pDC", "pDC", "pDC", "B"]


def test_doublets_are_reported_by_lineage(tmp_path, execute):
    """Six of eight doublets were called pDC, two of them express CD3E and LILRA4: table, warning, and no cell lost."""
    study = make_study_of()
    study.save(tmp_path / "study.json")
    rng = np.random.default_rng(2)
    for row in study.samples.itertuples():
        write_sample(tmp_path, row.sample, rng, donor=int(row.donor[1:]), doublets=0)
    path = tmp_path / "D0_CSF.filtered.h5ad"
    data = ad.read_h5ad(path)
    genes = data.var_names.to_numpy(object)
    genes[:2] = ["CD3E", "LILRA4"]
    dense = data.layers["counts"].toarray()
    dense[:, :2] = 0
    dense[[0, 1, 30], :2] = 1
    dense[2, 0] = 5
    layers = dict.fromkeys(("counts", "corrected"), sparse.csr_matrix(dense))
    changed = ad.AnnData(obs=data.obs, var=data.var.set_axis(genes), layers=layers, uns=dict(data.uns))
    changed.write_h5ad(path)
    labels = read_tsv(tmp_path / "D0_CSF.labels.tsv.gz")
    labels["lineage"] = labels["lineage_broad"] = ["pDC"] * 20 + ["B"] * 40
    write_tsv(labels, tmp_path / "D0_CSF.labels.tsv.gz")
    called = read_tsv(tmp_path / "D0_CSF.doublets.tsv.gz")
    called["predicted_doublet"] = np.isin(np.arange(60), [*range(6), 58, 59])
    write_tsv(called, tmp_path / "D0_CSF.doublets.tsv.gz")
    done = execute("merge_samples", *arguments_of(tmp_path))
    assert done.returncode == 0, done.stderr
    table = read_tsv(tmp_path / "cohort/doublets.tsv")
    own = table[table["sample"] == "D0_CSF"].set_index("lineage")
    assert tuple(own.loc["pDC"].drop("sample")) == (20, 6, 0.3, 2, 0)
    assert tuple(own.loc["B"].drop("sample")) == (40, 2, 0.05, 0, 1)
    assert table["n_cells"].sum() - table["n_doublets"].sum() == len(read_tsv(tmp_path / "cohort/cells.tsv.gz"))
    warnings = read_tsv(tmp_path / "cohort/warnings.tsv")
    heavy = warnings[warnings["warning"].str.startswith("doublets took")]
    assert heavy[["sample", "warning"]].to_numpy().tolist() == [
        ["D0_CSF", "doublets took more than 10% of pDC (6 of 20, 2 of them with markers of two lineages)"]
    ]


def test_models_side_by_side(written):
    folder, study, _ = written
    _, merged, _, _ = merge_all(folder, study)
    table = tallies.compare_models(merged.obs)
    broad = table[table["level"] == "lineage_broad"].set_index(["compartment", "name", "other_name"])
    obs = merged.obs.astype({"compartment": str})
    own = obs[(obs["compartment"] == "CSF") & (obs["lineage"] == "pDC")]
    assert broad.loc[("CSF", "pDC", "T"), "n_cells"] == len(own) and broad.loc[("CSF", "pDC", "T"), "share"] == 1
    assert not broad.loc[("CSF", "pDC", "T"), "agrees"] and broad.loc[("blood", "B", "B"), "agrees"]
    assert table.groupby("level")["n_cells"].sum().tolist() == [merged.n_obs] * 3 and set(table["model"]) == {"Other"}
    assert tallies.compare_models(merged.obs[[name for name in merged.obs if not name.endswith(":Other")]]).empty
    # and the report crosses them, adding up compartments
    (folder / "cohort").mkdir()
    write_tsv(table, folder / "cohort" / "models.tsv")
    blocks = annotation.build(Page(Results(folder)))
    cross = next(block.frame for block in blocks if getattr(block, "name", "") == "model_Other")
    cross = cross.set_index("broad lineage that stands").drop(columns="share that agrees")
    assert cross.loc["pDC", "T"] == (merged.obs["lineage"] == "pDC").sum() and cross.to_numpy().sum() == merged.n_obs
    fine = next(block.frame for block in blocks if getattr(block, "name", "") == "agreement_Other")
    fine = fine.set_index("lineage")
    assert fine.loc["B", "share that agrees"] == 1 and fine.loc["pDC", "share that agrees"] == 0
    assert fine.loc["pDC", "others"] == f"CD4_T ({(obs['lineage'] == 'pDC').sum()})"
    shares = [block.text for block in blocks if isinstance(block, Text)]
    same, broad = (
        f"{(merged.obs[level].astype(str) == merged.obs[f'{level}:Other'].astype(str)).mean():.1%}"
        for level in ("lineage", "lineage_broad")
    )
    said = f"Other names the same lineage for {same} of the cells, the same broad lineage for {broad}."
    assert shares == [f"{said} It decides nothing."]


def test_shares_per_gene_and_lineage_are_those_of_the_pseudobulks():
    counts = np.array([[100, 14, 20, 50], [100, 0, 20, 50], [10, 40, 0, 50]])
    removed = np.array([[40, 7, 0, 1], [10, 0, 0, 1], [10, 4, 0, 50]])
    obs = pd.DataFrame({"sample": list("abc"), "condition": "x", "compartment": ["P", "P", "Q"], "lineage": "T"})
    bulk = anndata.AnnData(
        obs=obs.set_index(pd.Index(list("abc"))),
        var=pd.DataFrame(index=["G1", "G2", "G3", "G4"]),
        layers={"counts": sp.csr_matrix(counts), "ambient": sp.csr_matrix(removed.astype(np.float32))},
    )
    table = tallies.ambient_shares(bulk)
    assert list(table) == ["condition", "compartment", "lineage", "gene", "counts", "ambient_counts", "share"]
    found = {(row.compartment, row.gene): row.share for row in table.itertuples()}
    # G2 has 14 counts in P, G1 10 in Q: too few to say; no count of G3 was ambient
    assert found == {("P", "G1"): 0.25, ("P", "G4"): 0.02, ("Q", "G4"): 1.0, ("Q", "G2"): 0.1}
    assert list(table["gene"]) == ["G1", "G4", "G4", "G2"]
