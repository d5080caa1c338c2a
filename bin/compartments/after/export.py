"""Published cells for other tools: cellxgene, 10x-like folder (Seurat, SingleCellExperiment), zarr, Loupe.

cellxgene: one h5ad, raw counts in raw.X; 10x: a folder with counts, metadata and an R script that reads them; zarr: the
cohort as a zarr store; loupe: a csv of labels for every sample.
"""

import os
import shutil
import sys
from argparse import Namespace
from pathlib import Path

from compartments.core.errors import UserError
from compartments.core.options import Options

STEP = "export"
TARGETS = ("cellxgene", "10x", "zarr", "loupe")


def arguments() -> Namespace:
    parser = Options(STEP, __doc__)
    parser.add_argument("results", help="results folder of a run (--outdir)")
    parser.add_argument("--to", required=True, choices=TARGETS, help="what for")
    parser.add_argument("--out", required=True, help="file (cellxgene) or folder to write; must not exist")
    given = parser.parse_args()
    if Path(given.out).exists():
        raise UserError(f"--out {given.out}: exists, and nothing is overwritten; give another place")
    return given


def main() -> None:
    given = arguments()
    from compartments.after import exported
    from compartments.after.before import Before
    from compartments.after.cohorts import species_of

    before, out = Before.open(given.results), Path(given.out)
    path = before.root / "cohort/cohort.h5ad"
    if not path.is_file():
        raise UserError(f"{path} is missing: it holds the cells")
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = out.with_name(f".{os.getpid()}.{out.name}")
    try:
        if given.to == "cellxgene":
            exported.to_cellxgene(path, species_of(before)).write_h5ad(fresh, compression="gzip")
        else:
            {"zarr": exported.to_zarr, "10x": exported.to_10x, "loupe": exported.to_loupe}[given.to](path, fresh)
        fresh.rename(out)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.unlink(missing_ok=True)
    sys.stdout.write(f"Written: {out}\n")
