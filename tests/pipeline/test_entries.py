"""What users have in place of a sheet with a file for each sample, through Nextflow."""

import json

import anndata as ad
import numpy as np
import pandas as pd
import pytest

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
