"""The pipeline in containers, on Slurm and without a network; in the long form the tables are those of this machine."""

import hashlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest

from tests.executors.machine import CONTAINERS, HERE, TAG, build, call, need, podman
from tests.support.runs import (
    DAMAGED,
    RESULTS,
    ROOT,
    arguments_of,
    command,
    differing,
    nextflow,
    step,
    tables,
    trace,
    tracked,
    variables,
)

pytestmark = pytest.mark.executors

MODULES = {
    "core": ["scanpy", "liana", "celltypist", "pydeseq2", "umap", "weasyprint"],
    "cellbender": ["cellbender", "torch"],
    "counts": ["h5py", "scipy.sparse"]
    + [word for name in ("STAR", "salmon", "gffread", "alevin-fry", "fastp") for word in ("--program", name)],
}
# CellBender's holds CUDA: 6 GB, so only where it is asked for
IMAGES = os.environ.get("COMPARTMENTS_TEST_IMAGES", "core").split()
# that real tasks leave the same tables takes minutes
TASKS = ["stub", pytest.param("real", marks=pytest.mark.long)]
QUICK = "executor { pollInterval = '2 sec'; queueStatInterval = '3 sec'; exitReadTimeout = '15 sec' }\n"


# -- what a run on this machine leaves ------------------------------------------------------------------------------


@pytest.mark.long
def test_a_file_damaged_behind_what_the_start_reads_costs_one_sample(local_run):
    rows = [line.split("\t") for line in (local_run / "skipped.tsv").read_text().splitlines()[1:]]
    (row,) = [row for row in rows if row[1] == DAMAGED]
    assert row[0] == "read_counts" and "damaged" in row[4]
    assert DAMAGED in (local_run / "report.html").read_text()
    assert not list((local_run / "samples").glob(f"{DAMAGED}/*.h5ad"))
    assert len(set(trace(local_run).query("process == 'FILTER_CELLS'")["tag"])) == 6


@pytest.mark.long
def test_the_crate_records_inputs_parameters_code_and_results(cohort, local_run):
    graph = json.loads((local_run / "ro-crate-metadata.json").read_text())["@graph"]
    entities = {one["@id"]: one for one in graph}
    assert len(entities) == len(graph)
    assert entities["ro-crate-metadata.json"]["conformsTo"]["@id"] == "https://w3id.org/ro/crate/1.1"
    run, pipeline = entities["#run"], entities["#pipeline"]
    assert run["actionStatus"]["@id"].endswith("/CompletedActionStatus")
    assert len(pipeline["identifier"].split()[0]) in (7, 40)
    assert entities["#param/seed"]["value"] == "1" and entities["#nextflow"]["version"]
    for row in pd.read_csv(cohort / "sheet.csv").query("donor != 'D04'").itertuples():
        (given,) = [one for one in graph if one.get("about") == row.sample]
        assert given["sha256"] == hashlib.sha256(Path(row.filtered).read_bytes()).hexdigest()
    assert entities["#file/celltypist_model/model.pkl"]["sha256"]
    lock = (ROOT / "containers" / "core" / "requirements.lock").read_bytes()
    assert entities["#containers/core/requirements.lock"]["sha256"] == hashlib.sha256(lock).hexdigest()
    results = {one["@id"] for one in entities["./"]["hasPart"]}
    for name, content in tables(local_run).items():
        assert name in results and entities[name]["sha256"] == hashlib.sha256(content).hexdigest(), name
    referred = [
        part["@id"]
        for one in (run, pipeline)
        for key in ("object", "softwareRequirements")
        for part in one.get(key, [])
    ]
    assert set(referred) <= set(entities)


# -- images ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def core():
    """The image of all steps but CellBender; built if need be."""
    return build("core")


@pytest.mark.long
@pytest.mark.parametrize("name", ["core", "cellbender", "counts"])
def test_image(name):
    if name not in IMAGES:
        pytest.skip(f"image {name} not built: it is large; name it in COMPARTMENTS_TEST_IMAGES")
    image = build(name)
    done = podman("run", "--rm", image, "python3", "/opt/image/smoke.py", *MODULES[name])
    assert done.returncode == 0, done.stderr
    facts = json.loads(podman("image", "inspect", image).stdout)[0]
    labels = facts["Config"]["Labels"]
    assert facts["Config"]["User"] == "runner"
    assert labels["org.opencontainers.image.version"] == TAG
    assert labels["org.opencontainers.image.base.name"] and labels["org.opencontainers.image.revision"] != "unknown"
    assert facts["Size"] < (1.5e9 if name == "core" else 8e9)
    lock = podman("run", "--rm", image, "cat", "/opt/image/requirements.lock").stdout
    assert lock == (ROOT / "containers" / name / "requirements.lock").read_text()
    bill = json.loads(podman("run", "--rm", image, "cat", "/opt/image/sbom.cdx.json").stdout)
    assert bill["bomFormat"] == "CycloneDX" and {"procps", "h5py"} <= {part["name"] for part in bill["components"]}
    assert ("alevin-fry" in {part["name"] for part in bill["components"]}) == (name == "counts")


# -- offline, in containers -----------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_bundle_runs_in_containers_without_a_network(core, cohort, local_run, tmp_path):
    bundle = tmp_path / "bundle"
    made = call(
        *("tools/bundle.sh", bundle),
        cwd=ROOT,
        env=os.environ | CONTAINERS | {"IMAGES": "core", "MODELS": str(cohort / "model.pkl"), "ENGINE": "podman"},
    )
    assert made.returncode == 0, made.stderr
    assert call("sha256sum", "--quiet", "-c", "SHA256SUMS", cwd=bundle).returncode == 0
    manifest = json.loads(call("tar", "-xOf", bundle / "images" / "core.tar", "manifest.json").stdout)
    assert manifest[0]["RepoTags"] == [core]
    assert call("unshare", "--net", "ip", "route").stdout == "", "the network namespace has a route"
    arguments = arguments_of(cohort)
    arguments[arguments.index(cohort / "model.pkl")] = "model"  # by name, of the bundle's folder
    done = nextflow(
        bundle / "pipeline",
        tmp_path,
        *("-profile", "podman", "--outdir", "out"),
        *arguments,
        prefix=["unshare", "--net"],
        **CONTAINERS,
    )
    assert done.code == 0, done.text[-4000:]
    assert [name for name in RESULTS if not (tmp_path / "out" / name).exists()] == []
    assert differing(tables(tmp_path / "out"), tables(local_run)) == []
    crate = json.loads((tmp_path / "out" / "ro-crate-metadata.json").read_text())
    digest = podman("image", "inspect", "--format", "{{.Digest}}", core).stdout.strip()
    images = {part["name"]: f"sha256:{part['sha256']}" for part in crate["@graph"] if part["@type"] == "ContainerImage"}
    assert images[core] == digest and digest.startswith("sha256:")


# -- Slurm ----------------------------------------------------------------------------------------------------------


class Slurm:
    """A Slurm of one node for as long as the context lasts."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf")}

    def up(self, hidden=""):
        done = call(HERE / "slurm_up.sh", self.folder, hidden)
        if done.returncode:
            pytest.skip(f"Slurm not tested: it does not start here: {done.stderr.strip()[-300:]}")

    def down(self):
        call(HERE / "slurm_down.sh", self.folder)

    def pid(self, daemon):
        return int((self.folder / "run" / f"{daemon}.pid").read_text())

    def jobs(self):
        return call("grep", "-c", "_slurm_rpc_submit_batch_job", self.folder / "log" / "slurmctld.log").stdout


@pytest.fixture
def slurm(tmp_path_factory):
    need("Slurm", {"slurmctld": "slurm-wlm", "munged": "munge", "sbatch": "slurm-client"})
    running = Slurm(tmp_path_factory.mktemp("slurm"))
    yield running
    running.down()


@pytest.mark.parametrize("tasks", TASKS)
def test_slurm(slurm, project, cohort, request, tmp_path, tasks):
    """Inputs are copied to a scratch folder of the node. Real tasks bring their code with them: where the node does not
    see the project's folder, the tables are the same. Stubs go as job arrays: one submission for all samples of a step.
    """
    slurm.up(hidden=project if tasks == "real" else "")
    if tasks == "real":
        there = call("srun", "-n1", "ls", project, env=os.environ | slurm.environment)
        assert there.returncode == 0 and there.stdout == "", "the node sees the project folder"
    environment = f"process.beforeScript = 'export PATH=\"{ROOT}/.tools/core/bin:$PATH\"'\n"
    (tmp_path / "site.config").write_text(QUICK + environment + "process { scratch = true; stageInMode = 'copy' }\n")
    done = nextflow(
        project,
        tmp_path,
        *("-profile", "slurm" if tasks == "real" else "slurm,array", "-c", "site.config", "--outdir", "out"),
        *arguments_of(cohort),
        *["-stub"] * (tasks == "stub"),
        **slurm.environment,
    )
    assert done.code == 0, done.text[-4000:]
    assert [name for name in RESULTS if not (tmp_path / "out" / name).exists()] == []
    ran, jobs = trace(tmp_path / "out"), int(slurm.jobs())
    if tasks == "stub":
        assert jobs == ran["process"].nunique() < len(ran) / 2
    else:
        assert jobs >= len(ran)
        assert differing(tables(tmp_path / "out"), tables(request.getfixturevalue("local_run"))) == []


# what happens to two samples in the stub of SCORE_DOUBLETS
FAULTS = """
    import os
    import time

    if any("doublets.json" in name for name in options.names):
        if options.sample == "memory":
            bytearray(os.urandom(1)) * 200_000_000
        if options.sample == "lost" and not Path({marker!r}).exists():
            Path({marker!r}).touch()
            time.sleep(120)
"""


@pytest.mark.long
def test_slurm_with_podman_survives_a_lost_node_and_too_little_memory(slurm, core, tmp_path):
    """A node lost under a task, and a task killed by its container's memory limit: both are done again and succeed."""
    project = tracked(tmp_path / "project")
    marker = tmp_path / "started"
    stub = project / "bin" / "compartments" / "core" / "write_stub.py"
    before, parsed, after = stub.read_text().partition("    options = arguments()\n")
    assert parsed
    stub.write_text(before + parsed + FAULTS.format(marker=str(marker)) + after)
    call(*step("write_stub", "a.h5", "b.h5", "c.h5"), cwd=tmp_path)
    (tmp_path / "model.pkl").write_text("stub\n")
    rows = ["memory,d1,CSF,sick,a.h5", "lost,d2,CSF,control,b.h5", "sound,d2,blood,control,c.h5"]
    (tmp_path / "sheet.csv").write_text("\n".join(["sample,donor,compartment,condition,raw", *rows]) + "\n")
    limit = "process { withName: SCORE_DOUBLETS { memory = { 150.MB * task.attempt } } }\n"
    (tmp_path / "site.config").write_text(QUICK + limit)
    slurm.up()
    arguments = ["-profile", "slurm,podman", "-stub", "-c", "site.config", "--outdir", "out", "--input", "sheet.csv"]
    arguments += ["--celltypist_model", "model.pkl", "--reference_condition", "control", "--allow_mixed_ambient"]
    with open(tmp_path / "log", "w") as log:
        run = subprocess.Popen(
            command(project, *arguments),
            cwd=tmp_path,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=variables(**slurm.environment, **CONTAINERS),
        )
        try:
            until = time.monotonic() + 600
            while not marker.exists() and run.poll() is None and time.monotonic() < until:
                time.sleep(0.5)
            jobs = call("squeue", "-h", "-o", "%A", env=os.environ | slurm.environment).stdout.split()
            steps = [pid for job in jobs for pid in call("pgrep", "-f", rf"^slurmstepd: \[{job}\.").stdout.split()]
            assert steps
            for pid in [slurm.pid("slurmd"), *map(int, steps)]:
                os.kill(pid, signal.SIGKILL)
            state = ["sinfo", "-h", "-o", "%t"]
            while "down" not in call(*state, env=os.environ | slurm.environment).stdout and time.monotonic() < until:
                time.sleep(1)
            slurm.up()
            run.wait(timeout=900)
        finally:
            run.kill()
    text = (tmp_path / "log").read_text()
    assert run.returncode == 0, text[-4000:]
    attempts = trace(tmp_path / "out").query("process == 'SCORE_DOUBLETS'").groupby("tag")
    # the lost node may have taken the other sample's task with it
    exits = list(attempts.get_group("memory")["exit"].astype(str))
    assert "137" in exits and exits[-1] == "0", exits
    assert list(attempts.get_group("lost")["status"]) == ["FAILED", "COMPLETED"]
    assert len((tmp_path / "out" / "skipped.tsv").read_text().splitlines()) == 1
