"""Samples in a folder of outputs of programs that count reads, told by how these programs lay out their files."""

import csv
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from compartments.core.errors import UserError
from compartments.counts.counters import STAR_FEATURES

# what a program or Nextflow keeps for itself, and copies of outputs in other formats
ASIDE = re.compile(r"\.|_STAR|SC_\w+_CS$|work$|mtx_conversions$|analysis$|pipeline_info$")
# names that programs give to folders, which say nothing of the sample in them
OF_PROGRAMS = re.compile(
    r"(outs|counts?|quant|af_quant|alevin|simpleaf|counts_(un)?filtered|[._-]?Solo\.out|per_sample_outs|cellranger|star"
    r"|kallisto|results?)$"
)
ENDING = re.compile(r"(\.count|_alevin_results|[._-]?Solo\.out)$")
TENX = {
    "raw": ("raw_feature_bc_matrix", "raw_gene_bc_matrices"),
    "filtered": ("filtered_feature_bc_matrix", "filtered_gene_bc_matrices"),
}
H5 = re.compile(r"(?P<sample>.+?)[._-](?P<column>raw|filtered)_(feature_bc_matrix|gene_bc_matrices_h5)\.h5$")
MTX = re.compile(r"(?P<sample>.+?)[._-]matrix\.mtx(\.gz)?$")
LONGER = "give the outputs of 'cellranger count' that it was made of"


class Output(NamedTuple):
    """One sample: the program that counted it, the folder or file that it goes by, and its files by column."""

    program: str
    place: Path
    sample: str
    files: dict[str, Path]


def find_outputs(root: Path) -> tuple[list[Output], list[str]]:
    """Samples below a folder, and what was left out, a line each.

    Raises
    ------
    UserError
        No folder, no sample in it, or two samples that nothing tells apart.
    """
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; name the one with the outputs of Cell Ranger, STARsolo or others")
    root, notes = root.resolve(), list[str]()
    found = list(_search(root, set(), notes))
    if not found:
        raise UserError(
            "; ".join(notes)
            or f"{root}: no output of Cell Ranger (count, multi, aggr), STARsolo, kb, simpleaf or nf-core/scrnaseq in "
            "it; name the folder that has a folder for each sample"
        )
    return _told_apart(sorted(found, key=lambda one: (str(one.place), one.sample)), root), notes


def _search(folder: Path, seen: set[Path], notes: list[str]) -> Iterator[Output]:
    """Outputs in a folder, else in those below it; no folder twice, whatever links lead to it."""
    if folder.resolve() in seen:
        return
    seen.add(folder.resolve())
    if (folder / "per_sample_outs").is_dir():
        yield from _multi(folder, seen)
    elif (folder / "aggregation.csv").is_file():
        yield from _aggr(folder, seen, notes)
    elif own := _of_folder(folder):
        yield own
    else:
        yield from _prefixed(folder)
        below = sorted(one for one in folder.iterdir() if one.is_dir() and not ASIDE.match(one.name))
        for one in [one for one in below if one.name == "outs"] or below:
            yield from _search(one, seen, notes)


def _of_folder(folder: Path) -> Output | None:
    """The output of one sample whose files are here."""
    if files := _tenx(folder):
        return Output("Cell Ranger", folder, _named(folder), files)
    if folder.name.endswith("Solo.out"):
        feature = next((name for name in STAR_FEATURES if (folder / name / "raw").is_dir()), None)
        if feature:
            files = {"raw": folder / feature / "raw"}
            cells = folder / feature / "filtered"
            return Output("STARsolo", folder, _named(folder), files | ({"filtered": cells} if cells.is_dir() else {}))
    if any((folder / "counts_unfiltered").glob("cells_x_genes*.mtx")):
        files = {"raw": folder / "counts_unfiltered"}
        cells = folder / "counts_filtered"
        files |= {"filtered": cells} if any(cells.glob("cells_x_genes*.mtx")) else {}
        return Output("kb", folder, _named(folder), files)
    if any(folder.glob("cells_x_genes*.mtx")):
        return Output("kb", folder, _named(folder), {"raw": folder})
    if (folder / "quants_mat.mtx").is_file() or (folder / "alevin" / "quants_mat.mtx").is_file():
        return Output("alevin-fry", folder, _named(folder), {"raw": folder})
    return None


def _tenx(folder: Path, prefix: str = "") -> dict[str, Path]:
    """Matrices as Cell Ranger names them, by column: h5 where there is one."""
    files: dict[str, Path] = {}
    for column, names in TENX.items():
        tried = [folder / f"{prefix}{name}{end}" for name in names for end in (".h5", "_h5.h5", "")]
        there = [one for one in tried if one.exists()]
        files |= {column: there[0]} if there else {}
    return files


def _multi(outs: Path, seen: set[Path]) -> Iterator[Output]:
    """Samples of ``cellranger multi``: the cells of each, and the droplets of each or of the capture."""
    capture = _tenx(outs / "multi" / "count") or _tenx(outs)
    for folder in sorted(one for one in (outs / "per_sample_outs").iterdir() if one.is_dir()):
        files = _tenx(folder / "count", "sample_") or _tenx(folder, "sample_")
        if files and folder.resolve() not in seen:
            seen.add(folder.resolve())
            droplets = {"raw": capture["raw"]} if "raw" in capture else {}
            yield Output("Cell Ranger", folder, folder.name, droplets | files)


def _aggr(outs: Path, seen: set[Path], notes: list[str]) -> Iterator[Output]:
    """Outputs that ``cellranger aggr`` joined, where its table finds them: it may have thinned their counts."""
    with open(outs / "aggregation.csv", encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    missing = []
    for row in rows:
        name = row.get("sample_id") or row.get("library_id") or ""
        where = Path(os.path.normpath(outs / (row.get("sample_outs") or row.get("molecule_h5") or "-")))
        folder = where if where.is_dir() else where.parent
        own = Output("Cell Ranger", folder, name, _tenx(folder) or _tenx(folder / "count", "sample_"))
        if own.files and folder != outs:
            if folder.resolve() not in seen:
                seen.add(folder.resolve())
                yield own
        else:
            missing.append(name)
    if missing or not rows:
        notes.append(f"{outs}: left out, it joins samples ({', '.join(missing)}) in one file; {LONGER}")


def _prefixed(folder: Path) -> Iterator[Output]:
    """Files of several samples in one folder, told by what stands before their names, as in GEO."""
    files: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and (named := H5.match(path.name)):
            files.setdefault(named["sample"], {})[named["column"]] = path
        elif path.is_file() and (named := MTX.match(path.name)):
            files.setdefault(named["sample"], {}).setdefault("raw", path)
    for sample, own in files.items():
        yield Output("files", folder / sample, sample, own)


def _named(folder: Path) -> str:
    """Name of the nearest folder whose name is not one that a program gives, without what a program adds to it."""
    for one in (folder, *folder.parents):
        name = ENDING.sub("", one.name)
        if name and not OF_PROGRAMS.match(one.name):
            return name
    return folder.name


def _told_apart(found: list[Output], root: Path) -> list[Output]:
    """The same under names that are unique and fit for files: with the folders above where the names alone are not."""
    plain = [one._replace(sample=_fit(one.sample)) for one in found]
    twice = {name for name, n in Counter(one.sample.lower() for one in plain).items() if n > 1}
    for name in sorted(twice):
        first, second = [one for one in plain if one.sample.lower() == name][:2]
        if first.program != second.program:
            raise UserError(
                f"{first.place}, {second.place}: sample '{first.sample}' of {first.program} and of {second.program}: "
                "each cell would count twice; name the folder of one of the programs"
            )
    named = [one if one.sample.lower() not in twice else _with_folders(one, root) for one in plain]
    seen: dict[str, Output] = {}
    for one in named:
        if other := seen.get(one.sample.lower()):
            raise UserError(
                f"{other.place} and {one.place}: nothing tells these samples apart, both would be '{one.sample}'; "
                "rename one folder, or name the folder of one of them"
            )
        seen[one.sample.lower()] = one
    return named


def _with_folders(one: Output, root: Path) -> Output:
    above = one.place.relative_to(root).parts[:-1] if one.place.is_relative_to(root) else ()
    parts = [part for part in above if not OF_PROGRAMS.match(part) and _fit(part) != one.sample]
    return one._replace(sample="_".join([*map(_fit, parts), one.sample]))


def _fit(name: str) -> str:
    return re.sub(r"^[^A-Za-z0-9]+|[^A-Za-z0-9._+-]+", "_", name).strip("_") or "sample"
