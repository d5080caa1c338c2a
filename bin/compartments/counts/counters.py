"""Folders as programs that count reads leave them: which of their files are the matrix and its names.

kb and alevin-fry's ``cr-like`` take UMIs with errors of sequencing for molecules: at 8 reads a UMI they find 1.27 and
1.28 times what there was (alevin-fry's ``parsimony-em`` and STARsolo 1.005), which is said of them.
"""

import json
from pathlib import Path
from typing import NamedTuple

STAR_FEATURES = ("GeneFull_Ex50pAS", "GeneFull", "GeneFull_ExonOverIntron", "Gene")  # the first that is there
INFLATES = (
    "counted by {program}, which may take errors in UMIs for molecules, the more the deeper a sample is sequenced: "
    "compare the reads per cell of the compartments, or count with STARsolo (columns fastq_1 and fastq_2)"
)


class Layout(NamedTuple):
    """Files of a program.

    Attributes
    ----------
    program : str
    matrices : tuple of tuple of str
        Sets of files, of which the first whose all are there is taken and added up.
    barcodes, features : str
    symbols : tuple of str
        Files of symbols, relative to the folder: of the features in their order, or by id and symbol in two columns.
    said : tuple of str
        What is said of each set of ``matrices``.
    parts : tuple of str
        Ends of the names of the blocks of columns by which counts of one gene may be kept apart, which are added up.
    settings : str
        File beside the folder in which the program says how it was run.
    fractional : bool
        Whether molecules may be shared among genes.
    headed : bool
        Whether names are tables with a header: barcodes in the first column; ids, symbols and genomes of features.
    inflates : bool
        Whether UMIs with errors may be among the molecules.
    """

    program: str
    matrices: tuple[tuple[str, ...], ...]
    barcodes: str
    features: str
    symbols: tuple[str, ...]
    said: tuple[str, ...]
    parts: tuple[str, ...] = ()
    settings: str = ""
    fractional: bool = False
    headed: bool = False
    inflates: bool = True


LAYOUTS = (
    Layout(
        "kb",
        (
            ("cells_x_genes.total.mtx",),
            tuple(f"cells_x_genes.{part}.mtx" for part in ("mature", "nascent", "ambiguous")),
            ("cells_x_genes.mtx",),
        ),
        "cells_x_genes.barcodes.txt",
        "cells_x_genes.genes.txt",
        ("cells_x_genes.genes.names.txt",),
        (
            "the totals of kb's nac workflow are read",
            "mature, nascent and ambiguous counts of kb's nac workflow are added up",
            "kb's standard workflow: exons alone",
        ),
    ),
    Layout(
        "alevin-fry",
        (("quants_mat.mtx",),),
        "quants_mat_rows.txt",
        "quants_mat_cols.txt",
        ("gene_id_to_name.tsv", "../gene_id_to_name.tsv", "../../gene_id_to_name.tsv"),
        ("spliced, unspliced and ambiguous counts of a gene are added up",),
        ("", "-U", "-A"),
        "../quant.json",
        fractional=True,
    ),
    *(
        Layout(
            "Parse's split-pipe",
            ((f"count_matrix.mtx{end}",), (f"DGE.mtx{end}",)),
            f"cell_metadata.csv{end}",
            f"all_genes.csv{end}",
            (),
            ("all its counts", "all its counts"),
            headed=True,
            inflates=False,
        )
        for end in ("", ".gz")
    ),
)


class Found(NamedTuple):
    """A layout that a folder has, the set of its matrices and what is said of it."""

    layout: Layout
    folder: Path
    matrices: tuple[str, ...]
    said: str


def layout_of(path: Path) -> Found | None:
    """The layout of a folder, or of the one folder below that has any; None if none or several have."""
    found = []
    for layout in LAYOUTS:
        for file in sorted(path.rglob(layout.features)):
            for names, said in zip(layout.matrices, layout.said, strict=True):
                if all((file.parent / name).exists() for name in names):
                    found.append(Found(layout, file.parent, names, said))
                    break
    here = [one for one in found if one.folder == path]
    return (here or found)[0] if here or len(found) == 1 else None


def inflates(found: Found) -> bool:
    """Whether UMIs with errors may be among the molecules: as the layout says, but for ``parsimony`` of alevin-fry."""
    if not found.layout.inflates:
        return False
    file = found.folder / found.layout.settings
    if not found.layout.settings or not file.is_file():
        return True
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return True
    return not isinstance(said, dict) or "parsimony" not in str(said.get("resolution_strategy", "")).lower()


def lacking(path: Path) -> str:
    """What is missing beside the matrix of a counter; empty where there is none."""
    for layout in LAYOUTS:
        for names in layout.matrices:
            there = [name for name in names if (path / name).exists()]
            wanted = [*names, layout.barcodes, layout.features]
            missing = [name for name in wanted if not (path / name).exists()]
            if there and missing:
                return f"{there[0]} of {layout.program} without {' and '.join(missing)}; give the whole folder"
    return ""


def preferred(path: Path, folders: list[Path]) -> tuple[Path, str] | None:
    """Of several 10x-like folders below one the one that is meant, and what is said of it; None if it is not plain.

    STARsolo's ``Solo.out``: all droplets of the feature that counts most reads. Cell Ranger's ``outs``: all droplets.
    """
    for feature in STAR_FEATURES:
        chosen = [one for one in folders if one.parts[-2:] == (feature, "raw")]
        if len(chosen) == 1:
            others = sorted({one.parent.name for one in folders if one.parent.name in STAR_FEATURES} - {feature})
            rest = f", not of {', '.join(others)}" if others else ""
            (raw,) = chosen
            return raw, f"of STARsolo's folders {raw.relative_to(path)} is read: all droplets of {feature}{rest}"
    droplets = [one for one in folders if one.name == "raw_feature_bc_matrix"]
    cells = [one for one in folders if one.name.endswith("filtered_feature_bc_matrix")]
    if len(droplets) == 1 and len(cells) == 1 and len(folders) == 2:
        return droplets[0], f"of Cell Ranger's folders {droplets[0].relative_to(path)} is read: all droplets"
    return None


def in_parts(names: list[str], ends: tuple[str, ...]) -> list[str] | None:
    """Names of genes of columns that are a block for each of the ``ends``, of the same genes; None if they are not so.

    Told by all columns at once: ``HLA-A`` is a gene, too.
    """
    n_genes = len(names) // max(len(ends), 1)
    genes = names[:n_genes]
    return genes * len(ends) if ends and names == [gene + end for end in ends for gene in genes] else None


def symbols_in(found: Found, ids: list[str]) -> list[str] | None:
    """Symbols of the features by their ids, from the files beside the matrix; None where no file has them."""
    for name in found.layout.symbols:
        file = found.folder / name
        if file.is_file():
            rows = [line.rstrip("\r\n").split("\t") for line in file.read_text(encoding="utf-8").splitlines() if line]
            if all(len(row) == 1 for row in rows):
                return [row[0] for row in rows]
            named = {row[0]: row[1] for row in rows if len(row) > 1}
            return [named.get(one) or named.get(one.split(".")[0], one) for one in ids]
    return None
