"""Where the results come from: parameters, software, files."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

HASHED_BYTES = 200 * 2**20
SCHEMA = Path(__file__).resolve().parents[3] / "nextflow_schema.json"


def parameters_table(params: dict[str, Any]) -> pd.DataFrame:
    """``parameter, value`` of a run's parameters, sorted."""
    return pd.DataFrame([{"parameter": k, "value": _plain(v)} for k, v in sorted(params.items())])


def _plain(value: Any) -> str:
    if value is None or value == "":
        return ""
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def defaults() -> dict[str, Any]:
    """Defaults of the pipeline's parameters, for results without ``params.json``; ``{}`` where the schema is not."""
    if not SCHEMA.is_file():
        return {}
    groups = json.loads(SCHEMA.read_text(encoding="utf-8"))["$defs"].values()
    return {
        name: definition["default"]
        for group in groups
        for name, definition in group["properties"].items()
        if "default" in definition
    }


def software(root: Path) -> list[tuple[str, str]]:
    """(software, version) from ``pipeline_info/versions.yml``: step -> package -> version."""
    path = root / "pipeline_info" / "versions.yml"
    steps = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    found: dict[str, set[str]] = {}
    for packages in steps.values():
        for package, version in packages.items():
            found.setdefault(package, set()).add(str(version))
    return [(package, ", ".join(sorted(versions))) for package, versions in sorted(found.items())]


def output_files(root: Path) -> pd.DataFrame:
    """All files of the folder but the report: path, size in kB, SHA-256 (not for very large ones)."""
    rows = []
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.suffix != ".html" and "multiqc" not in path.parts:
            size = path.stat().st_size
            if size <= HASHED_BYTES:
                with open(path, "rb") as handle:
                    digest = hashlib.file_digest(handle, "sha256").hexdigest()
            else:
                digest = "not computed (large file)"
            rows.append({"file": path.relative_to(root).as_posix(), "kB": round(size / 1024, 1), "sha256": digest})
    return pd.DataFrame(rows, columns=["file", "kB", "sha256"])
