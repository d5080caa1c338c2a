"""Results of a run as they were published."""

import csv
import hashlib
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from compartments.core.contract import Contract
from compartments.core.errors import UserError
from compartments.core.files import read_json, read_tsv
from compartments.core.numbers import number_in
from compartments.report.provenance import workflow
from compartments.study.study import TREND, Study

# what is read beside the code: the pipeline's folder; in a task assets/ and nextflow_schema.json, as far as they are
# needed, and the files that parameters name in files/<parameter>/
PROJECT = Path(os.environ.get("COMPARTMENTS_CARRIED") or Path(__file__).resolve().parents[3]).absolute()
# what every run leaves that ended with its report
NEEDED = (
    "study.json",
    "skipped.tsv",
    "findings.tsv",
    "pipeline_info/params.json",
    "pipeline_info/versions.yml",
    "cohort/cells.tsv.gz",
    "composition/counts.tsv",
)
IN_THE_RESULTS = ("contrasts", "label_overrides", "label_clusters")  # what these files say stands in the results
ABOUT = "pipeline_info/compare.json"  # of results that were compared again


@dataclass(frozen=True)
class Before:
    """A folder of results.

    Attributes
    ----------
    root : Path
    parameters : dict
        Of the run.
    study : Study
        In the order of the samplesheet.
    """

    root: Path
    parameters: dict[str, Any]
    study: Study

    @classmethod
    def open(cls, root: str | Path, needed: tuple[str, ...] = NEEDED) -> "Before":
        """Results in ``root``.

        Raises
        ------
        UserError
            No such folder, one that is no results of a finished run, or results of another version.
        """
        folder = Path(root)
        if not folder.is_dir():
            raise UserError(f"{root}: there is no such folder; give the results folder (--outdir) of a run")
        missing = [place for place in needed if not (folder / place).is_file()]
        if missing:
            raise UserError(
                f"{root}: holds no results of a finished run: {missing[0]} is missing; give the --outdir of a run"
            )
        made_by = workflow(folder).get("sc-compartments", "unknown")
        own = import_module("compartments").__version__
        if made_by != own:
            raise UserError(
                f"{root}: made by sc-compartments {made_by}, and this is {own}: their results may differ by "
                f"more than what is asked; run the study again with {own}, or use version {made_by}"
            )
        return cls(folder, read_json(folder / "pipeline_info/params.json"), Study.load(folder / "study.json"))

    @property
    def samples(self) -> list[str]:
        """Samples that reached the cohort or were labelled, in the order of their names."""
        return sorted(path.name.removesuffix(".sums.h5ad") for path in self.root.glob("samples/*/*.sums.h5ad"))

    def cells(self) -> pd.DataFrame:
        """``sample, barcode, lineage`` of every cell of the cohort."""
        names = ["sample", "barcode", "lineage"]
        return read_tsv(self.root / "cohort/cells.tsv.gz", names, names)[names]

    def record(self) -> list[dict[str, str]]:
        """Entities of the run's record (``ro-crate-metadata.json``); none where there is no record."""
        path = self.root / "ro-crate-metadata.json"
        return list(read_json(path)["@graph"]) if path.is_file() else []

    def digests(self, name: str) -> list[str] | None:
        """SHA-256 of the files that a parameter named when these results were made; None where nothing tells."""
        if (self.root / ABOUT).is_file():  # a record beside it is of what was asked then, not of all that was kept
            return read_json(self.root / ABOUT).get("sha256", {}).get(name)
        found = [one["sha256"] for one in self.record() if one["@id"].startswith(f"#file/{name}/")]
        # a file that lay elsewhere has no digest in the record
        named = [part for part in str(self.parameters.get(name) or "").split(",") if part.strip()]
        return found if len(found) == len(named) else None

    def contrasts(self) -> str | None:
        """The table of contrasts that the run was given, from what it asked; None where it was given none."""
        if not self.parameters.get("contrasts"):
            return None
        rows = self.study.contrasts[self.study.contrasts["kind"] != TREND]
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows.to_dict("records"))
        return text.getvalue()


def files_of(parameters: Mapping[str, Any], name: str) -> list[Path]:
    """Files that a parameter names, separated by commas; those of the pipeline in this pipeline.

    Raises
    ------
    UserError
        A file that is not there any more.
    """
    text = str(parameters.get(name) or "")
    whole = bool(text) and file_of(name, text).exists()
    found = []
    for one in [text] if whole else [part.strip() for part in text.split(",") if part.strip()]:
        path = file_of(name, one)
        own = PROJECT / "assets" / path.name
        if not path.is_file() and path.parent.name == "assets" and own.is_file():
            path = own
        if not path.is_file():
            raise UserError(f"--{name} {one}: there is no such file (any more); give it again with --{name}")
        found.append(path.resolve())
    return found


def file_parameters() -> list[str]:
    """Parameters of a comparison that name files (or may: ``lr_resource``), of which only the files' content counts."""
    known = Contract.of("compare").parameters
    named = [name for name, about in known.items() if about.get("format") == "file-path" or name == "lr_resource"]
    return [name for name in named if name not in IN_THE_RESULTS]


def names_files(name: str, value: object) -> bool:
    """Whether the value of such a parameter is files, not the name of a resource."""
    text = str(value or "")
    return bool(text) and (name != "lr_resource" or "/" in text or text.endswith(".tsv") or Path(text).is_file())


def as_text(value: object) -> str:
    """A value as text that tells whether it is the same: 1 and 1.0 are, names that differ in case are not."""
    text = "" if value is None or value is False else str(value)
    number = number_in(text)
    return f"{number:.12g}" if number is not None else text.lower() if text.lower() in ("true", "false") else text


def sha256_of(paths: Sequence[Path]) -> list[str]:
    """Digest of each file, in hexadecimal digits."""
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


def file_of(name: str, text: str) -> Path:
    """A file that a parameter names: where a task of the pipeline has it, else as it is named."""
    path = Path(text)
    carried = PROJECT / "files" / name / path.name
    return carried.resolve() if carried.is_file() else path
