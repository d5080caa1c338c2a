"""Where the results come from: parameters, software, files."""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import yaml

from compartments.report.blocks import Table

HASHED_BYTES = 200 * 2**20
WORKFLOW = "Workflow"  # of versions.yml: the pipeline itself
PROJECT = "${projectDir}"
SCHEMA = Path(__file__).resolve().parents[3] / "nextflow_schema.json"


class Run(NamedTuple):
    """What a page says of the run that made it, beside the results: empty where it is not known."""

    project: str = ""
    contact: str = ""
    command: str = ""
    started: str = ""
    logo: str = ""  # as data: of an image element
    paper: str = ""  # the report on paper, beside the page


def parameters_table(params: dict[str, Any]) -> pd.DataFrame:
    """``parameter, value`` of a run's parameters, sorted."""
    return pd.DataFrame([{"parameter": k, "value": _plain(v)} for k, v in sorted(params.items())])


def _plain(value: Any) -> str:
    if value is None or value == "":
        return ""
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def defaults(schema: Path = SCHEMA) -> dict[str, Any]:
    """Defaults of the pipeline's parameters by its schema; ``{}`` where the schema is not."""
    if not schema.is_file():
        return {}
    groups = json.loads(schema.read_text(encoding="utf-8"))["$defs"].values()
    return {
        name: definition["default"]
        for group in groups
        for name, definition in group["properties"].items()
        if "default" in definition
    }


def changed(params: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """Parameters that are set to something else than their default (``known``)."""
    return {name: value for name, value in params.items() if not _as_default(value, known.get(name))}


def _as_default(value: Any, default: Any) -> bool:
    """A file of the pipeline is the same in any folder; what has no default is off."""
    if isinstance(default, str) and default.startswith(PROJECT):
        return str(value).endswith(default.removeprefix(PROJECT))
    off = default is None and value is False
    return off or value in (None, "") or value == default or str(value).lower() == str(default).lower()


def workflow(root: Path) -> dict[str, str]:
    """Version of ``sc-compartments``, ``commit`` and ``Nextflow``, as far as ``versions.yml`` names them."""
    return {name: str(version) for name, version in _versions(root).get(WORKFLOW, {}).items()}


def _versions(root: Path) -> dict[str, dict[str, Any]]:
    """``pipeline_info/versions.yml``: step -> package -> version."""
    path = root / "pipeline_info" / "versions.yml"
    return (yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None) or {}


def software(root: Path) -> list[tuple[str, str]]:
    """(software, version) of what the steps ran, from ``pipeline_info/versions.yml``."""
    found: dict[str, set[str]] = {}
    for step, packages in _versions(root).items():
        for package, version in packages.items() if step != WORKFLOW else ():
            found.setdefault(package, set()).add(str(version))
    return [(package, ", ".join(sorted(versions))) for package, versions in sorted(found.items())]


def tables(root: Path, params: dict[str, Any], *, listed: bool = True) -> list[Table]:
    """Parameters, software and (``listed``) files of a run."""
    versions = pd.DataFrame(software(root), columns=["software", "version"])
    files = [Table("files", "Output files", output_files(root))] if listed else []
    return [
        Table("parameters_table", "All parameters", parameters_table(params)),
        Table("versions_table", "Software versions", versions),
        *files,
    ]


def output_files(root: Path) -> pd.DataFrame:
    """All files of the folder but those made with the page: path, size in kB, SHA-256 (not for very large ones)."""
    rows = []
    for path in sorted(root.rglob("*")):
        made = path.suffix == ".html" or path.name == "summary.json" or "multiqc" in path.parts
        if path.is_file() and not made:
            size = path.stat().st_size
            if size <= HASHED_BYTES:
                with open(path, "rb") as handle:
                    digest = hashlib.file_digest(handle, "sha256").hexdigest()
            else:
                digest = "not computed (large file)"
            rows.append({"file": path.relative_to(root).as_posix(), "kB": round(size / 1024, 1), "SHA-256": digest})
    return pd.DataFrame(rows, columns=["file", "kB", "SHA-256"])
