"""Models by name, from an address on this machine: staged, checked, held to their first use; one per compartment."""

import csv
import hashlib
import subprocess
import sys
from dataclasses import replace

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from tests.support.models import GENES, PROFILES, make_model, simulate, write_model
from tests.support.runs import nextflow

pytestmark = pytest.mark.pipeline
PLACE = "COVID19_PBMC_Wilk/v1/Adult_COVID19_PBMC.pkl"  # of assets/celltypist_models.tsv, which has no digest of it


@pytest.fixture
def address(tmp_path):
    """A server of models on a loopback port."""
    folder = tmp_path / "site" / PLACE
    folder.parent.mkdir(parents=True)
    write_model(make_model(), folder)
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    server = subprocess.Popen(
        command, cwd=tmp_path / "site", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        port = int(server.stdout.readline().split("port ")[1].split()[0])
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def test_a_model_that_is_named_is_staged_and_held_to_its_first_use(project, tmp_path, address):
    arms = {"d1": "ms", "d2": "control"}
    rows = [f"{d}_{c},{d},{c},{arm},{d}_{c}.h5ad" for d, arm in arms.items() for c in ("CSF", "blood")]
    (tmp_path / "sheet.csv").write_text("sample,donor,compartment,condition,filtered\n" + "\n".join(rows) + "\n")
    for seed, row in enumerate(rows):
        counts = simulate(list(PROFILES) * 5, seed)
        obs = pd.DataFrame(index=[f"{seed}-{i}" for i in range(counts.shape[0])])
        ad.AnnData(counts.astype(np.float32), obs, pd.DataFrame(index=GENES)).write_h5ad(tmp_path / row.split(",")[-1])
    (tmp_path / "models").mkdir()
    own = tmp_path / "own.pkl"
    write_model(make_model(), own)
    given = ("--input", "sheet.csv", "--validate_only", "--outdir", "out", "--models", "models", "-profile", "local")
    given += ("--celltypist_model", "blood=Adult_COVID19_PBMC,CSF=own.pkl", "--models_address", address)
    # and labelled cells beside them
    names = list(PROFILES) * 12
    obs = pd.DataFrame({"cell type": names}, index=[f"c{i}" for i in range(len(names))])
    labelled = ad.AnnData(simulate(names, 99).astype(np.float32), obs, pd.DataFrame(index=GENES))
    labelled.write_h5ad(tmp_path / "an atlas.h5ad")
    given += ("--label_reference", "an atlas.h5ad", "--label_reference_column", "cell type")
    done = nextflow(project, tmp_path, *given)
    assert done.code == 0, done.text
    with (tmp_path / "out" / "pipeline_info" / "models.tsv").open() as file:
        blood, csf, reference = csv.DictReader(file, delimiter="\t")
    digest = hashlib.sha256((tmp_path / "site" / PLACE).read_bytes()).hexdigest()
    assert (blood["use"], blood["sha256"], blood["published"]) == ("names blood", digest, "not known")
    assert (csf["use"], csf["by_name"], csf["model"]) == ("names CSF", "false", "own.pkl")
    assert (reference["use"], reference["by_name"], reference["n_labels"]) == ("compared", "false", "7")
    assert (reference["model"], reference["details"]) == (
        "an atlas.pkl",
        "84 cells of an atlas.h5ad by cell type, seed 1",
    )
    assert "note: an atlas.h5ad: 84 cells of 7 labels are learned from, as counts in X" in done.text
    assert (tmp_path / "models" / "SHA256SUMS").read_text() == f"{digest}  Adult_COVID19_PBMC.pkl\n"
    # another file of that name, and no folder of models that remembers the first: the results do, however often
    before = (tmp_path / "out" / "pipeline_info" / "models.tsv").read_bytes()
    (tmp_path / "models" / "SHA256SUMS").unlink()
    write_model(replace(make_model(), description={"version": "v2"}), tmp_path / "site" / PLACE)
    done = nextflow(project, tmp_path, *given)
    (line,) = [line for line in done.text.splitlines() if line.startswith("ERROR")]
    assert done.code != 0 and "model Adult_COVID19_PBMC.pkl is not the file of its first use" in line
    assert f"{digest[:12]}... in " in line and "out/pipeline_info/models.tsv" in line
    assert (tmp_path / "out" / "pipeline_info" / "models.tsv").read_bytes() == before
