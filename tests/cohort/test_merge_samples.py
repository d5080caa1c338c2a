"""The step that merges samples: mistakes and samples left out."""

import anndata
import h5py
import numpy as np

from compartments.core.files import read_tsv
from tests.support.samples import arguments_of, make_study_of, write_sample


def test_user_mistakes(written, execute):
    folder, _, _ = written
    with h5py.File(folder / "D1_CSF.filtered.h5ad", "r+") as file:
        del file["uns/ambient_method"]
        file["uns"].create_dataset("ambient_method", data="cellbender").attrs.update(
            {"encoding-type": "string", "encoding-version": "0.2.0"}
        )
    done = execute("merge_samples", *arguments_of(folder))
    assert done.returncode == 2 and "cellbender: D1_CSF" in done.stderr and not (folder / "merged.h5ad").exists()
    assert execute("merge_samples", *arguments_of(folder), "--allow_mixed_ambient").returncode == 0
    of_rows = anndata.read_h5ad(folder / "cohort" / "pseudobulk.h5ad").obs.groupby("sample", observed=True)
    methods = of_rows["ambient_method"].agg("unique").map(list)
    assert methods.pop("D1_CSF") == ["cellbender"] and all(method == ["none"] for method in methods)
    for path in folder.glob("D[13]_*"):
        path.unlink()
    done = execute("merge_samples", *arguments_of(folder))
    assert done.returncode == 2 and "nothing to compare" in done.stderr and done.stderr.count("\n") == 1
    (folder / "D0_CSF.filtered.h5ad").rename(folder / "D9_CSF.filtered.h5ad")
    done = execute("merge_samples", *arguments_of(folder))
    assert done.returncode == 2 and "D9_CSF" in done.stderr and "Traceback" not in done.stderr


def test_a_sample_that_could_not_be_cleaned_is_left_out(tmp_path, execute):
    study = make_study_of()
    study.save(tmp_path / "study.json")
    for donor in range(4):
        for compartment in ("CSF", "blood"):
            method = "none" if (donor, compartment) == (3, "CSF") else "soupem"
            write_sample(tmp_path, f"D{donor}_{compartment}", np.random.default_rng(donor), donor=donor, method=method)
    done = execute("merge_samples", *arguments_of(tmp_path))
    assert done.returncode == 0, done.stderr
    skipped = read_tsv(tmp_path / "skipped.tsv")
    assert list(skipped["sample"].fillna("")) == ["D3_CSF", "", ""] and "ambient RNA" in skipped["reason"][0]
    assert skipped["reason"][1].startswith("within:CSF: 1 treated and 2 untreated donors are left of 2 and 2")
    assert "D3_CSF" not in set(read_tsv(tmp_path / "composition/counts.tsv")["sample"])
