"""Labels set by hand, from the table that a user writes to the report: the steps of a run one after the other."""

import contextlib
import re
import sys
from functools import partial

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from compartments.core import door
from compartments.core.errors import run
from compartments.core.files import read_json, read_tsv, write_tsv
from tests.support.models import PROFILES, make_model, simulate, write_model
from tests.support.models import write_sample as write_cells
from tests.support.samples import make_study_of

NAMES = list(PROFILES) * 9  # of the cells of every sample
PLASMA = np.array(NAMES) == "Plasma cells"


def call(name, *options):
    """A step in this process, in the working folder."""
    before = sys.argv
    try:
        with contextlib.suppress(SystemExit):
            run(partial(door.call, name, [str(option) for option in options]))
    finally:
        sys.argv = before


def label_and_merge(folder, study, *overrides):
    """Labels of all samples, then the cohort, its clusters and counts per lineage, as a run makes them."""
    for row in study.samples.itertuples():
        options = ("--cells", f"{row.sample}.filtered.h5ad", "--model", "made_up.pkl", "--compartment", row.compartment)
        call("annotate_cells", *options, *overrides)
        labels = f"samples/{row.sample}/{row.sample}.labels.tsv.gz"
        files = ("--filtered", options[1], "--doublets", f"{row.sample}.doublets.tsv.gz", "--labels", labels)
        call("sum_sample", *files)
    call("merge_samples", "--study", "study.json", "--sums", *sorted(folder.glob("samples/*/*.sums.h5ad")))
    given = ("--merged", "merged.h5ad", "--pseudobulk", "cohort/pseudobulk.h5ad", "--integration_key", "none")
    call("embed_cohort", *given, "--filtered", *sorted(folder.glob("*.filtered.h5ad")))


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """Results after a first run, and a second one whose labels are by hand: folder, first labels, cluster of plasma."""
    folder = tmp_path_factory.mktemp("by_hand")
    study = make_study_of()
    study.save(folder / "study.json")
    write_model(make_model(), folder / "made_up.pkl")
    for seed, sample in enumerate(study.samples["sample"]):
        barcodes = write_cells(folder, simulate(NAMES, seed=seed), sample)
        path = folder / f"{sample}.filtered.h5ad"
        cells = ad.read_h5ad(path)
        counts = cells.layers["counts"]
        metrics = {"total_counts": np.asarray(counts.sum(axis=1)).ravel(), "n_genes": np.diff(counts.indptr)}
        cells.obs = cells.obs.assign(**metrics, pct_mt=1.0)
        cells.write_h5ad(path)
        table = pd.DataFrame({"barcode": barcodes, "doublet_score": 0.01, "predicted_doublet": False})
        write_tsv(table, folder / f"{sample}.doublets.tsv.gz")
    with contextlib.chdir(folder):
        label_and_merge(folder, study)
        umap = read_tsv(folder / "cohort/umap.tsv.gz", text=["sample", "barcode", "leiden"])
        umap.to_csv(folder / "clusters.tsv", sep="\t", index=False)
        first = read_tsv(folder / "cohort/cells.tsv.gz")
        of_plasma = umap.merge(first[["sample", "barcode", "lineage"]]).query("lineage == 'Plasma'")
        cluster = of_plasma["leiden"].mode()[0]
        cell = f"D0_CSF\tCELL{NAMES.index('pDC'):04d}-1\t\tcDC1"
        (folder / "o.tsv").write_text(f"sample\tbarcode\tcluster\tlineage\n\t\t{cluster}\tHSPC\n{cell}\n")
        label_and_merge(folder, study, "--label_overrides", "o.tsv", "--label_clusters", "clusters.tsv")
        call("compare_composition", "--study", "study.json", "--counts", "composition/counts.tsv")
        call("make_report", "--results", ".")
    return folder, first, umap[umap["leiden"] == cluster]


def test_the_labels_of_the_user_stand_in_every_table(ended):
    folder, first, named = ended
    assert len(named) > 0.8 * PLASMA.sum() * 8
    cells = read_tsv(folder / "cohort/cells.tsv.gz").merge(named[["sample", "barcode"]], indicator=True, how="left")
    inside = (cells["_merge"] == "both").to_numpy()
    assert set(cells.loc[inside, "lineage"]) == {"HSPC"} and set(cells.loc[inside, "confidence"]) == {"override"}
    assert set(cells.loc[~inside, "lineage"]) <= {*first["lineage"], "cDC1"}
    assert (cells["lineage"] == "cDC1").sum() == 1
    counts = read_tsv(folder / "composition/counts.tsv")
    counted = counts[(counts["level"] == "lineage") & (counts["lineage"] == "HSPC")].set_index("sample")["n_cells"]
    assert counted[counted > 0].to_dict() == named.groupby("sample").size().to_dict()
    assert "HSPC" in set(read_tsv(folder / "composition/effects.tsv")["lineage"])
    assert "HSPC" in set(read_tsv(folder / "cohort/clusters.tsv")["lineage"])
    n_csf = len(named[named["sample"] == "D0_CSF"]) + 1
    assert read_json(folder / "samples/D0_CSF/D0_CSF.labels.json")["n_overrides"] == n_csf


def test_the_report_says_them(ended):
    folder, _, named = ended
    page = (folder / "report.html").read_text()
    assert "stem or progenitor" in page and "override" in page
    # the markers of these cells are still those of plasma cells, which the page says first
    told = re.search(
        r"Cluster \d+ \((\d+) cells, most often called stem or progenitor\): the markers of (\d+) cells", page
    )
    assert told and int(told[1]) >= int(told[2]) > 0.5 * len(named)
    assert "most often Plasma" in page
