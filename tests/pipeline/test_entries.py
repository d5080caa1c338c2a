"""What users have in place of a sheet with a file for each sample, through Nextflow."""

import json

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.io import mmwrite

from tests.support.mice import in_mice
from tests.support.models import GENES, PROFILES, make_model, simulate, write_model
from tests.support.runs import nextflow

pytestmark = pytest.mark.pipeline


@pytest.fixture
def study(tmp_path):
    """One h5ad of two donors of each condition, with CSF and blood, and a model that knows its cells."""
    parts = []
    for seed, (donor, arm) in enumerate({"d1": "ms", "d2": "control", "d3": "ms", "d4": "control"}.items()):
        for compartment in ("CSF", "blood"):
            counts = simulate(list(PROFILES) * 5, 2 * seed + (compartment == "CSF"))
            said = {"library": f"{donor} {compartment}", "donor": donor, "compartment": compartment, "arm": arm}
            obs = pd.DataFrame(said, index=[f"{donor}{compartment}-{i}" for i in range(counts.shape[0])])
            parts.append(ad.AnnData(counts.astype(np.float32), obs, pd.DataFrame(index=GENES)))
    ad.concat(parts).write_h5ad(tmp_path / "all.h5ad")
    write_model(make_model(), tmp_path / "own.pkl")
    return {
        "study_file": "all.h5ad", "sample_key": "library", "obs_columns": "condition=arm",
        "celltypist_model": "own.pkl", "outdir": "out", "validate_only": True,
    }  # fmt: skip


def validate(project, folder, given):
    (folder / "given.json").write_text(json.dumps(given))
    return nextflow(project, folder, "-params-file", "given.json", "-profile", "local")


@pytest.mark.long
def test_one_file_of_a_whole_study_is_split_by_its_column(project, tmp_path, study):
    done = validate(project, tmp_path, study)
    assert done.code == 0 and "sample 'd1 CSF' is called 'd1_CSF'" in done.text, done.text
    found = pd.read_csv(tmp_path / "out" / "samples.tsv", sep="\t")
    assert list(found["sample"]) == [f"d{n}_{c}" for n in range(1, 5) for c in ("CSF", "blood")]
    assert list(found["condition"]) == [arm for arm in ("ms", "control") * 2 for _ in range(2)]
    wrong = validate(project, tmp_path, study | {"sample_key": "librry"})
    assert wrong.code != 0 and "obs has no column 'librry' (--sample_key); is it 'library'?" in wrong.text, wrong.text
    alone = validate(project, tmp_path, {key: value for key, value in study.items() if key != "sample_key"})
    assert alone.code != 0 and "--study_file needs one of --sample_key" in alone.text


@pytest.mark.long
def test_a_pool_is_split_by_the_counts_of_its_hashtags(project, tmp_path, study):
    whole = ad.read_h5ad(tmp_path / "all.h5ad")
    samples = sorted(set(whole.obs["library"]))
    own = np.array([whole.obs["library"] == name for name in samples]).T
    tags = np.random.default_rng(1).poisson(np.where(own, 200, 5)).astype(np.float32)
    names = [f"HTO{n}" for n in range(1, 9)]
    pool = ad.concat([whole, ad.AnnData(tags, whole.obs, pd.DataFrame(index=names))], axis=1, merge="same")
    pool.write_h5ad(tmp_path / "pool.h5ad")
    rows = [f"{tag}\t{name.replace(' ', '_')}" for tag, name in zip(names, samples, strict=True)]
    (tmp_path / "tags.tsv").write_text("\n".join(["tag\tsample", *rows]) + "\n")
    given = study | {"study_file": "pool.h5ad", "hashtags": "tags.tsv"}
    del given["sample_key"]
    done = validate(project, tmp_path, given)
    assert done.code == 0, done.text
    found = pd.read_csv(tmp_path / "out" / "samples.tsv", sep="\t")
    assert list(found["sample"]) == [name.replace(" ", "_") for name in samples]
    (tmp_path / "tags.tsv").write_text("\n".join(["tag\tsample", *rows[1:]]) + "\n")
    wrong = validate(project, tmp_path, given | {"outdir": "wrong"})
    assert wrong.code != 0 and "tags.tsv: 'HTO1' is the highest tag of 1" in wrong.text, wrong.text
    assert "is not in the table" in wrong.text and not (tmp_path / "wrong" / "samples.tsv").exists()


def in_formats(folder):
    """The study's samples as files of every format, and their sheet as a workbook."""
    whole = ad.read_h5ad(folder / "all.h5ad")
    rows = []
    for number, name in enumerate(sorted(set(whole.obs["library"]))):
        sample, file = whole[whole.obs["library"] == name].copy(), name.replace(" ", "_")
        if number % 4 == 0:
            sample.write_zarr(folder / f"{file}.zarr")
        elif number % 4 == 1:
            with h5py.File(folder / f"{file}.loom", "w") as loom:
                loom["matrix"] = sample.X.T.toarray()
                loom["row_attrs/Gene"], loom["col_attrs/CellID"] = list(sample.var_names), list(sample.obs_names)
        elif number % 4 == 2:
            sample.write_h5ad(folder / "rna.h5ad")
            with h5py.File(folder / "rna.h5ad") as rna, h5py.File(folder / f"{file}.h5mu", "w") as several:
                rna.copy("/", several.create_group("mod"), "rna")
                for part in ("obs", "var"):
                    rna.copy(part, several)
        else:
            (folder / "geo").mkdir(exist_ok=True)
            mmwrite(folder / "geo" / f"{file}_matrix.mtx", sample.X.T.astype(int))
            for part, names in (("barcodes", sample.obs_names), ("genes", sample.var_names)):
                lines = names if part == "barcodes" else [f"{one}\t{one}" for one in names]
                (folder / "geo" / f"{file}_{part}.tsv").write_text("\n".join(lines) + "\n")
        kind = (".zarr", ".loom", ".h5mu", "_matrix.mtx")[number % 4]
        said = sample.obs.iloc[0][["donor", "compartment", "arm"]]
        rows.append([file, *said, f"{'geo/' if kind == '_matrix.mtx' else ''}{file}{kind}"])
    header = ["sample", "donor", "compartment", "condition", "filtered"]
    pd.DataFrame(rows, columns=header).to_excel(folder / "sheet.xlsx", index=False)
    return {"input": "sheet.xlsx"}


def as_mice(folder):
    """The same study with mouse genes; the human model names its cells."""
    whole = ad.read_h5ad(folder / "all.h5ad")
    kept, names = in_mice(whole.var_names)
    whole = whole[:, kept].copy()
    whole.var_names = names
    whole.write_h5ad(folder / "all.h5ad")
    return {"study_file": "all.h5ad", "sample_key": "library", "obs_columns": "condition=arm", "species": "mouse"}


def labelled(folder):
    """Samples by a table, labels by a column."""
    whole = ad.read_h5ad(folder / "all.h5ad")
    whole.obs["kind"] = "Treg"
    whole.write_h5ad(folder / "all.h5ad")
    table = whole.obs["library"].rename("sample").rename_axis("barcode").reset_index()
    table.to_csv(folder / "table.tsv", sep="\t", index=False)
    return {"study_file": "all.h5ad", "sample_table": "table.tsv", "obs_columns": "condition=arm", "labels_key": "kind"}


def in_pools(folder):
    """A file for each half of the samples, each with its own tags."""
    whole = ad.read_h5ad(folder / "all.h5ad")
    rows, names = [], [f"HTO{n}" for n in range(1, 5)]
    for pool, part in (("A", ["d1", "d2"]), ("B", ["d3", "d4"])):
        own = whole[whole.obs["donor"].isin(part)].copy()
        samples = sorted(set(own.obs["library"]))
        stained = np.array([own.obs["library"] == name for name in samples]).T
        tags = np.random.default_rng(1).poisson(np.where(stained, 200, 5)).astype(np.float32)
        counts = ad.AnnData(tags, own.obs, pd.DataFrame(index=names))
        ad.concat([own, counts], axis=1, merge="same").write_h5ad(folder / f"{pool}.h5ad")
        rows += [f"{pool}\t{tag}\t{name.replace(' ', '_')}" for tag, name in zip(names, samples, strict=True)]
    (folder / "tags.tsv").write_text("\n".join(["pool\ttag\tsample", *rows]) + "\n")
    (folder / "pools.csv").write_text("pool,file\nA,A.h5ad\nB,B.h5ad\n")
    return {"study_file": "pools.csv", "hashtags": "tags.tsv", "obs_columns": "condition=arm"}


@pytest.mark.long
@pytest.mark.parametrize("entry", [in_formats, as_mice, labelled, in_pools])
def test_an_entry_by_a_file_of_parameters(project, tmp_path, study, entry):
    given = entry(tmp_path) | {"celltypist_model": "own.pkl", "outdir": "out", "validate_only": True}
    done = validate(project, tmp_path, given)
    assert done.code == 0, done.text
    found = pd.read_csv(tmp_path / "out" / "samples.tsv", sep="\t")
    assert sorted(found["sample"]) == [f"d{n}_{c}" for n in range(1, 5) for c in ("CSF", "blood")]
    assert (entry is as_mice) == ("mouse genes: markers, gene sets" in done.text)


@pytest.mark.long
def test_one_file_of_a_whole_study_to_the_report(project, tmp_path, study):
    """Cells of several donors in one h5ad, without empty droplets, to the answers."""
    done = validate(project, tmp_path, study | {"validate_only": False, "min_counts": 1, "min_genes": 1})
    assert done.code == 0, done.text[-4000:]
    assert set(pd.read_csv(tmp_path / "out" / "findings.tsv", sep="\t")["question"]) == {1, 2, 3, 4, 5}
    assert len((tmp_path / "out" / "report.html").read_text()) > 100_000
