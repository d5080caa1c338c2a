"""What images and environments are made of: locked by hash, listed, audited; images built by the workflow."""

import importlib.util
import json
import os
import re
import subprocess

import pytest

from tests.support.runs import ROOT

LOCKS = sorted([*ROOT.glob("containers/**/*.lock"), *ROOT.glob("tests/*.lock"), ROOT / "tools" / "engine.lock"])


def load(path):
    """A script of ``containers/`` as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_locked_package_has_a_version_and_hashes(lock):
    blocks = re.findall(r"(?m)^[A-Za-z0-9].*(?:\n[ \t].*)*", lock.read_text())
    assert blocks
    assert [block for block in blocks if "==" not in block or "--hash=sha256:" not in block] == []


def test_a_lock_without_cuda_lacks_just_that():
    text = (ROOT / "containers" / "cellbender" / "requirements.lock").read_text()
    kept, torch = load(ROOT / "containers" / "without_cuda.py").without_cuda(text)
    assert re.fullmatch(r"torch==[\d.]+", torch)
    before, after = (set(re.findall(r"(?m)^([A-Za-z0-9_.-]+)==", one)) for one in (text, kept))
    assert {name for name in before - after if not name.startswith(("nvidia-", "cuda-"))} == {"torch", "triton"}
    assert not any(name.startswith(("nvidia-", "cuda-")) for name in after)


def test_the_bill_of_materials_lists_what_is_installed():
    bill = load(ROOT / "containers" / "sbom.py").bill("core")
    names = {part["name"]: part["version"] for part in bill["components"]}
    assert names["numpy"] and names["scanpy"] and bill["specVersion"] == "1.5"


AUDITS = {
    "unreachable": ("exit 1", 0, "not audited"),
    "clean": ('''echo '{"dependencies": [{"name": "a", "version": "1", "vulns": []}]}' > "$9"''', 0, "no known"),
    "found": (
        """echo '{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "CVE-1"}]}]}' > "$9"; exit 1""",
        1,
        "a 1: CVE-1",
    ),
}


@pytest.mark.parametrize("case", AUDITS)
def test_the_audit_fails_for_a_vulnerability_not_for_a_lost_connection(tmp_path, case):
    """With a stand-in for pip-audit, which is asked in the same way: the ninth word names the report."""
    script, status, line = AUDITS[case]
    program = tmp_path / "pip-audit"
    program.write_text(f"#!/bin/bash\n{script}\n")
    program.chmod(0o755)
    words = [str(ROOT / "tools" / "audit.sh"), "containers/uv.lock"]
    environment = os.environ | {"PIP_AUDIT": str(program)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment)
    assert (done.returncode, line in done.stdout) == (status, True), done.stdout + done.stderr


@pytest.mark.long
def test_a_package_without_a_file_for_arm_is_named(tmp_path):
    """Every lock has files for it, one of a package for Intel's processors not. Asks the package index."""
    uv = ROOT / ".tools" / "uv" / "bin" / "uv"
    (tmp_path / "mkl.in").write_text("mkl==2024.2.2\n")
    made = subprocess.run(
        [uv, "pip", "compile", "-q", "--generate-hashes", "--no-deps", "mkl.in", "-o", "mkl.lock"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    if made.returncode:
        pytest.skip(f"the package index cannot be asked: {made.stderr.strip()[-200:]}")
    program = ROOT / "tools" / "check_aarch64.sh"
    assert subprocess.run([program], capture_output=True).returncode == 0
    done = subprocess.run([program, tmp_path / "mkl.lock"], capture_output=True, text=True)
    assert done.returncode == 1 and "mkl" in done.stdout


def test_the_workflow_builds_tests_and_publishes_every_image():
    yaml = pytest.importorskip("yaml")
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "images.yml").read_text())["jobs"]
    built = {one["image"] for one in jobs["image"]["strategy"]["matrix"]["include"]}
    assert built == {path.parent.name for path in ROOT.glob("containers/*/Containerfile")}
    text = json.dumps(jobs)
    assert "smoke.py" in text and '"push": true' in text and '"sbom": true' in text and "imagetools inspect" in text


@pytest.mark.parametrize("name", ["core", "cellbender", "counts"])
def test_images_take_their_base_by_argument_and_run_as_no_root(name):
    text = (ROOT / "containers" / name / "Containerfile").read_text()
    assert "ARG BASE=" in text and "FROM ${BASE}" in text
    assert re.search(r"(?m)^USER runner$", text) and "procps" in text and "--require-hashes" in text
