"""Every profile, as Nextflow resolves it; the container, the scheduler and the labels of each."""

import json
import re
import subprocess

import pytest

from tests.support.runs import ROOT, variables

ENGINES = ["docker", "podman", "apptainer", "singularity", "charliecloud"]
EXECUTORS = {
    "slurm": "slurm",
    "lsf": "lsf",
    "sge": "sge",
    "pbspro": "pbspro",
    "awsbatch": "awsbatch",
    "googlebatch": "google-batch",
    "azurebatch": "azurebatch",
    "k8s": "k8s",
}
ARRAYS = {"slurm", "lsf", "sge", "pbspro", "awsbatch", "googlebatch"}


def resolved(*profiles):
    """Settings of combined profiles as flat ``name = value`` lines."""
    words = [str(ROOT / "tools" / "nextflow"), "config", str(ROOT), "-flat", "-profile", ",".join(profiles)]
    done = subprocess.run(words, capture_output=True, text=True, env=variables())
    assert done.returncode == 0, done.stdout + done.stderr
    pairs = (line.split(" = ", 1) for line in done.stdout.splitlines() if " = " in line)
    return {name.strip(): value.strip().strip("'") for name, value in pairs}


@pytest.mark.parametrize("engine", ENGINES)
def test_container_engines_share_the_names_of_the_images(engine):
    found = resolved(engine, "slurm")
    assert found[f"{engine}.enabled"] == "true"
    assert found["process.container"] == "ghcr.io/sc-compartments/core:0.1.0"
    named = [re.match(r"process\.'?withLabel:(\w+)'?\.container$", name) for name in found]
    labels = {match[1]: found[match[0]] for match in named if match}
    assert labels == {one: f"ghcr.io/sc-compartments/{one}:0.1.0" for one in ("cellbender", "counts")}


@pytest.mark.parametrize("name", EXECUTORS)
def test_executors(name):
    found = resolved(name, *(["array"] if name in ARRAYS else []))
    assert found["process.executor"] == EXECUTORS[name]
    arrays = [value for key, value in found.items() if key.endswith(".array")]
    assert arrays == (["100"] if name in ARRAYS else [])
    # an own profile never moves the results
    assert found["params.outdir"] == "results"


@pytest.mark.parametrize("profiles", [("slurm", "apptainer", "gpu"), ("local",)])
def test_a_profile_that_adds_to_cellbender_keeps_its_image_and_resources(profiles):
    """A second block of one selector in a profile would replace the first."""
    found = resolved(*profiles)
    own = {name.split(".")[-1] for name in found if "withLabel:cellbender" in name}
    assert {"container", "cpus", "memory", "time"} <= own
    accelerated = [name for name in found if name.endswith(".accelerator")]
    assert accelerated == (["process.'withName:RUN_CELLBENDER'.accelerator"] if "gpu" in profiles else [])


def test_arrays_ask_for_what_no_input_is_needed_for():
    """The engine asks for an array before it knows the inputs of any task: a request that needs them ends it unsaid."""
    modules = "".join(path.read_text() for path in (ROOT / "modules").glob("*.nf"))
    parts = {part.split()[0]: part.split("input:")[0] for part in re.split(r"(?m)^process ", modules)[1:]}
    follows = {name: head for name, head in parts.items() if "memoryFor(" in head}
    of_sample = {name for name, head in follows.items() if re.search(r"tag .*meta\.sample", head)}
    assert {name for name, head in parts.items() if "label 'array'" in head} == of_sample and len(of_sample) > 5
    found = resolved("slurm", "array")
    asked = {name.split(".")[-1] for name in found if "withLabel:array" in name}
    assert asked == {"array", "memory", "time"}, "in place of requests that follow the inputs"


def test_every_profile_has_a_worked_example():
    page = (ROOT / "docs" / "use" / "running.md").read_text()
    for name in [*EXECUTORS, "gpu", "array", "podman", "apptainer"]:
        assert re.search(rf"-profile \S*\b{name}\b", page), f"docs/use/running.md has no command with -profile {name}"


def test_schema_holds_no_place_for_a_secret():
    """Parameters are published in params.json and the crate: credentials belong in Nextflow's secrets."""
    schema = json.loads((ROOT / "nextflow_schema.json").read_text())
    names = [name for group in schema["$defs"].values() for name in group["properties"]]
    assert not [name for name in names if re.search(r"passw|secret|token|credential|api_?key", name)]
