"""Workflows of the repository: actions pinned by commit, images where runs pull them from, one version everywhere."""

import os
import re
import subprocess

import pytest
import yaml

from tests.support.runs import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
VERSION = re.search(r"(?m)^    version = '(.+)'", (ROOT / "nextflow.config").read_text())[1]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_with_their_tag_beside_it(path):
    """A tag can be moved to other code; the same action is the same commit in every workflow."""
    uses = re.findall(r"uses: (.+)", path.read_text())
    assert uses and [one for one in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", one)] == []
    everywhere = {one for other in WORKFLOWS for one in re.findall(r"uses: (.+)", other.read_text())}
    assert len({one.split("@")[0] for one in everywhere}) == len(everywhere)


@pytest.mark.parametrize(
    ("owner", "kind", "refused"),
    [("Some-Lab", "tag", True), ("Some-Lab", "branch", False), ("sc-compartments", "tag", False)],
)
def test_a_fork_pushes_its_images_where_its_runs_pull_them(tmp_path, owner, kind, refused):
    job = yaml.safe_load((ROOT / ".github" / "workflows" / "images.yml").read_text())["jobs"]["image"]
    (script,) = [step["run"] for step in job["steps"] if step.get("id") == "names"]
    (tmp_path / "docker").write_text("#!/bin/sh\necho sha256:0\n")
    (tmp_path / "docker").chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "GITHUB_OUTPUT": str(tmp_path / "out"),
        "GITHUB_REPOSITORY_OWNER": owner,
        "GITHUB_REF_TYPE": kind,
    }
    text = script.replace("${{ matrix.image }}", "core")
    done = subprocess.run(["bash", "-e", "-c", text], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode != 0) == refused, done.stderr
    if refused:
        assert "go to ghcr.io/some-lab, but runs pull from ghcr.io/sc-compartments" in done.stdout
    else:
        assert "name=ghcr.io/sc-compartments/core\n" in (tmp_path / "out").read_text()
        assert f"version={VERSION}\n" in (tmp_path / "out").read_text()


def test_the_version_is_the_same_everywhere():
    places = {
        "CITATION.cff": r"(?m)^version: (.+)$",
        "pyproject.toml": r'(?m)^version = "(.+)"$',
        "README.md": r"badge/version-([\d.]+)-",
        "nextflow.config": r"container_tag = '(.+)'",
    }
    found = {name: re.search(form, (ROOT / name).read_text())[1] for name, form in places.items()}
    assert set(found.values()) == {VERSION}, found
    log = (ROOT / "CHANGELOG.md").read_text()
    assert re.findall(r"(?m)^## (.+)$", log)[0] == "Unreleased" and f"\n## {VERSION} (" in log


def test_every_process_that_counts_reads_has_its_environment_in_conda():
    config = (ROOT / "conf" / "conda.config").read_text()
    named = re.search(r"'([A-Z_|]+)' \{\n +conda = .*counts", config)[1].split("|")
    module = (ROOT / "modules" / "reads.nf").read_text()
    parts = re.findall(r"(?ms)^process (\w+) \{(.*?)^\}", module)
    assert sorted(named) == sorted(name for name, body in parts if "label 'counts'" in body)


def test_templates_of_issues_are_forms():
    for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"):
        form = yaml.safe_load(path.read_text())
        assert path.name == "config.yml" or (form["name"] and form["description"] and form["body"])


def test_the_notes_of_a_release_are_its_section_of_the_changelog():
    program = ROOT / "tools" / "release_notes.sh"
    notes = subprocess.run([program, VERSION], capture_output=True, text=True, check=True).stdout.strip()
    assert notes and "## " not in notes and notes in (ROOT / "CHANGELOG.md").read_text().split(f"\n## {VERSION} (")[1]
    done = subprocess.run([program, "9.9.9"], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr == "ERROR: CHANGELOG.md has no version 9.9.9\n"
