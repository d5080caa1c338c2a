"""What the tests need of the machine: Debian packages, images, a Slurm. Where it cannot be had, one line says so."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.runs import ROOT

HERE = Path(__file__).resolve().parent
CONTAINERS = {"CONTAINERS_CONF": str(HERE / "containers.conf")}
BASE = "docker.io/library/python:3.12-slim-bookworm"
REGISTRY, TAG = "ghcr.io/sc-compartments", "0.1.0"


def call(*words, **options):
    """Run a command; the finished process with its output as text."""
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, **options)


def need(purpose, packages):
    """Debian packages installed, or the test skipped with one line.

    Parameters
    ----------
    purpose : str
        What is not tested without them.
    packages : dict
        Command -> package that has it.
    """
    missing = sorted({package for name, package in packages.items() if shutil.which(name) is None})
    if os.geteuid() != 0:
        pytest.skip(f"{purpose} not tested: needs root")
    if not missing:
        return
    if not Path("/etc/debian_version").exists():
        pytest.skip(f"{purpose} not tested: {', '.join(missing)} missing, and this is not Debian")
    call("apt-get", "update", "-q")
    done = call("apt-get", "install", "-y", "-q", "--no-install-recommends", *missing)
    if done.returncode:
        pytest.skip(f"{purpose} not tested: apt-get install {' '.join(missing)} failed: {done.stderr.strip()[-200:]}")


def podman(*words, **options):
    """Run podman with the settings that work in a container or a small virtual machine."""
    return call("podman", *words, env=os.environ | CONTAINERS, **options)


def build(name):
    """The image ``name`` (core, cellbender), built if its files changed since; its full name.

    Packages come from the installer's cache on this machine where they are in it.
    """
    need("images", {"podman": "podman", "runc": "runc", "mmdebstrap": "mmdebstrap"})
    folder = ROOT / "containers"
    files = sorted([*folder.glob("*.py"), folder / "uv.lock", *(folder / name).iterdir()])
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    image = f"{REGISTRY}/{name}:{TAG}"
    label = '{{index .Config.Labels "digest-of-files"}}'
    if podman("image", "inspect", "--format", label, image).stdout.strip() == digest:
        return image
    if podman("image", "exists", BASE).returncode:
        done = call(folder / "local_base.sh", sys.executable, BASE, env=os.environ | CONTAINERS)
        if done.returncode:
            pytest.skip(f"images not tested: no base image could be made: {done.stderr.strip()[-300:]}")
    cache = Path(call(ROOT / ".tools/uv/bin/uv", "cache", "dir").stdout.strip())
    revision = call("git", "rev-parse", "HEAD", cwd=ROOT).stdout.strip()
    arguments = ["--layers=false", "--label", f"digest-of-files={digest}", "--build-arg", f"REVISION={revision}"]
    mount = ["-v", f"{cache}:/root/.cache/uv"] if cache.is_dir() else []
    done = podman("build", *arguments, *mount, "-f", folder / name / "Containerfile", "-t", image, folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return image
