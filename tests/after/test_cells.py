"""Files of a sample made again from the cohort's file, and labels set anew."""

import anndata as ad
import numpy as np
import pytest

from compartments.after.before import Before
from compartments.after.cells import Cohort, relabelled
from compartments.cohort.sample import load_annotated, read_annotated
from compartments.cohort.sums import sums_of
from compartments.core.errors import UserError
from compartments.core.files import read_tsv, write_json
from compartments.labels.lineages import read_lineage_map
from tests.support.published import write_cohort
from tests.support.samples import make_study_of, write_sample

SAMPLES = ["D0_CSF", "D0_blood", "D1_CSF", "D1_blood"]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Four samples as their steps left them, and what a run publishes of them; files list different genes."""
    folder, rng = tmp_path_factory.mktemp("published"), np.random.default_rng(3)
    study = make_study_of(2)
    for number, sample in enumerate(SAMPLES):
        few = {f"G{i}" for i in range(140)} | {"XIST", "RPS4Y1"}
        data = write_sample(folder, sample, rng, donor=number // 2, genes=few if number == 1 else None)
        data.uns["chemistry"] = "3p v3"
        data.write_h5ad(folder / f"{sample}.filtered.h5ad")
    write_cohort(folder, study)
    for sample in SAMPLES:
        own = folder / "samples" / sample
        own.mkdir(parents=True)
        for kind in ("sums.h5ad", "doublets.tsv.gz", "labels.tsv.gz"):
            (folder / f"{sample}.{kind}").rename(own / f"{sample}.{kind}")
        write_json({"sample": sample, "warnings": "", "n_overrides": 0}, own / f"{sample}.labels.json")
    return Before(folder, {}, study)


def in_files(published, sample):
    base = published.root / f"samples/{sample}/{sample}"
    return f"{base}.doublets.tsv.gz", f"{base}.labels.tsv.gz"


@pytest.mark.parametrize("sample", SAMPLES)
def test_all_that_steps_read_of_a_sample_is_as_it_was(published, tmp_path, sample):
    path = published.root / f"{sample}.filtered.h5ad"
    again = tmp_path / path.name
    Cohort(published).filtered(sample).write_h5ad(again)
    old, new = (load_annotated(one, *in_files(published, sample)) for one in (path, again))
    assert old.sample == new.sample and old.genes.equals(new.genes) and list(old.lineages) == list(new.lineages)
    old.corrected.eliminate_zeros()
    for name in ("data", "indices", "indptr"):
        assert np.array_equal(getattr(old.corrected, name), getattr(new.corrected, name))
    sums = [sums_of(read_annotated(one, *in_files(published, sample))) for one in (path, again)]
    for number, one in enumerate(sums):
        one.write_h5ad(tmp_path / f"{number}.h5ad")
    assert (tmp_path / "0.h5ad").read_bytes() == (tmp_path / "1.h5ad").read_bytes()
    assert sums[0].uns["doublets"]["n_doublets"].sum() == 3


def test_doublets_are_tallied_by_the_genes_that_no_cell_should_express(published, tmp_path):
    sample, genes = "D0_CSF", ["CD3E", "MS4A1"]
    path = published.root / f"{sample}.filtered.h5ad"
    data = ad.read_h5ad(path)
    data.var_names = [*genes, *data.var_names[2:]]
    for layer in data.layers:
        matrix = data.layers[layer].tolil()
        matrix[:3, :2] = 5
        data.layers[layer] = matrix.tocsr()
    data.write_h5ad(tmp_path / path.name)
    found = sums_of(read_annotated(tmp_path / path.name, *in_files(published, sample)))
    assert found.uns["doublets"]["n_doublets_two_lineages"].sum() == 3
    assert found.uns["doublet_counts"].to_numpy().tolist() == [[5, 5]] * 3


def lineage_map(root):
    return read_lineage_map(root / "assets/celltypist_immune_all_low_lineage.tsv")


def test_labels_of_all_cells(published, root, tmp_path):
    cells = published.cells()
    cells.loc[(cells["sample"] == "D1_CSF") & (cells["lineage"] == "B"), "lineage"] = "pDC"
    cells.to_csv(tmp_path / "new.tsv", sep="\t", index=False)
    given = (published, tmp_path / "new.tsv")
    found = relabelled(*given, True, tmp_path / "umap.tsv.gz", lineage_map(root))
    assert set(found) == set(SAMPLES)  # whose labels are the user's now, as confidence says
    labels, summary = found["D1_CSF"]
    old = read_tsv(in_files(published, "D1_CSF")[1])
    moved = labels["lineage"] != old["lineage"]
    assert set(old.loc[moved, "lineage"]) == {"B"} and set(labels.loc[moved, "lineage"]) == {"pDC"}
    assert summary["n_overrides"] == (labels["confidence"] == "override").sum() == (cells["sample"] == "D1_CSF").sum()


def test_a_label_keeps_the_meaning_of_the_run(published, root, tmp_path):
    cells = published.cells().iloc[:3].assign(lineage="DC")
    cells.to_csv(tmp_path / "new.tsv", sep="\t", index=False)
    given = (published, tmp_path / "new.tsv", False, tmp_path / "umap.tsv.gz", lineage_map(root))
    sample = cells["sample"].iloc[0]
    assert (relabelled(*given)[sample][0]["lineage"] == "cDC").sum() == 3
    place = published.root / "pipeline_info/label_meanings.tsv"
    place.parent.mkdir(exist_ok=True)
    place.write_text("label\tlineage\nDC\tcDC2\n")
    labels = relabelled(*given)[sample][0]["lineage"]
    place.unlink()
    assert (labels == "cDC2").sum() == 3 and not (labels == "cDC").any()


def test_labels_of_some_cells_are_no_labels_of_all(published, root, tmp_path):
    cells = published.cells()
    cells.iloc[: len(cells) // 2].to_csv(tmp_path / "half.tsv", sep="\t", index=False)
    given = (published, tmp_path / "half.tsv")
    with pytest.raises(UserError, match=r"half.tsv: 114 of 228 cells have no lineage .*D1_CSF.*--label_overrides"):
        relabelled(*given, True, tmp_path / "umap.tsv.gz", lineage_map(root))
    found = relabelled(*given, False, tmp_path / "umap.tsv.gz", lineage_map(root))
    by_user = {name: int((labels["confidence"] == "override").sum()) for name, (labels, _) in found.items()}
    assert by_user == {"D0_CSF": 57, "D0_blood": 57, "D1_CSF": 0, "D1_blood": 0}
