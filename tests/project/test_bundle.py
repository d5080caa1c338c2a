"""A bundle without images: what is in it, and what it says of itself."""

import os
import subprocess

from tests.support.models import make_model, write_model
from tests.support.runs import ROOT


def bundled(folder, models):
    """``tools/bundle.sh`` without images; how it ended."""
    words = os.environ | {"IMAGES": "", "MODELS": " ".join(map(str, models))}
    command = ["tools/bundle.sh", str(folder / "bundle")]
    return subprocess.run(command, cwd=ROOT, env=words, capture_output=True, text=True)


def test_a_bundle_holds_pipeline_and_models_and_names_the_first(tmp_path):
    models = [tmp_path / "Own_Blood.pkl", tmp_path / "Own_CSF.pkl"]
    for path in models:
        write_model(make_model(), path)
    done = bundled(tmp_path, models)
    assert done.returncode == 0, done.stderr
    bundle = tmp_path / "bundle"
    summed = subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=bundle, capture_output=True, text=True)
    assert summed.returncode == 0, summed.stdout
    assert [(bundle / "models" / path.name).read_bytes() for path in models] == [path.read_bytes() for path in models]
    assert (bundle / "pipeline" / "main.nf").is_file() and (bundle / "pipeline" / ".revision").read_text().strip()
    assert "--celltypist_model Own_Blood --outdir" in (bundle / "README.txt").read_text()
    again = bundled(tmp_path, models)
    assert again.returncode == 2 and again.stderr == f"ERROR: {bundle} exists; name a new folder\n"


def test_a_bundle_of_a_model_that_is_not_there_is_refused(tmp_path):
    done = bundled(tmp_path, ["none.pkl"])
    assert done.returncode == 2 and done.stderr == "ERROR: there is no model none.pkl\n"
    assert not list(tmp_path.iterdir())
