"""Reads to counts of molecules per droplet and gene."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from compartments.core.barcodes import barcodes_of
from compartments.reads.chemistries import Chemistry
from compartments.reads.counted import Matrix, barcodes_at, features, read_matrix, totals_at
from compartments.reads.star import READING, SOLO, mapped_share, run_star, summary_of

WITH_INTRONS, EXONS = "GeneFull_Ex50pAS", "Gene"


class Counted(NamedTuple):
    """Counts of a sample, its droplets and genes, and figures of its reads; ``exonic`` counts of each droplet, where
    others were counted, too."""

    matrix: Matrix
    exonic: npt.NDArray[np.int64] | None
    barcodes: list[str]
    ids: list[str]
    names: list[str]
    summary: dict[str, float]


def count(
    first: Sequence[str],
    second: Sequence[str],
    index: str,
    chemistry: Chemistry,
    strand: str,
    asked: tuple[bool, int],
    threads: int,
) -> Counted:
    """Run STARsolo on all lanes of a sample, in this folder.

    Parameters
    ----------
    first, second : sequence of str
        Files of reads 1 and 2, lane by lane.
    index : str
        Folder of STAR's index.
    chemistry : Chemistry
    strand : str
        Of the reads 2: ``Forward`` or ``Reverse``.
    asked : (bool, int)
        Whether reads in introns count, as in Cell Ranger since 7; how many reads are used, 0 for all.
    threads : int

    Returns
    -------
    Counted
        ``summary``: shares of reads with a barcode of the list, placed on the genome, in genes; ``saturation``, the
        share of reads that were no new molecule; ``q30_*``, of bases with a quality of 30 or more; ``share_exonic``,
        of the molecules.
    """
    introns, most = asked
    Path("barcodes.txt").write_bytes(barcodes_of(chemistry.barcodes))
    options = [*SOLO, *READING, "--genomeDir", index, "--readFilesIn", ",".join(second), ",".join(first)]
    options += ["--soloCBwhitelist", "barcodes.txt", "--soloCBlen", str(chemistry.barcode)]
    options += ["--soloUMIstart", str(chemistry.barcode + 1), "--soloUMIlen", str(chemistry.umi)]
    options += ["--soloStrand", strand, "--soloFeatures", EXONS, *[WITH_INTRONS] * introns]
    options += ["--outSAMtype", "None", "--readMapNumber", str(most or -1)]
    run_star(options, threads)
    of, exons = (Path("Solo.out", name, "raw") for name in (WITH_INTRONS if introns else EXONS, EXONS))
    matrix = read_matrix(of / "matrix.mtx")
    ids, names = features(of / "features.tsv")
    total = int(matrix.counts.sum())
    exonic = totals_at(exons / "matrix.mtx", matrix.at) if introns else None
    said, figures, feature = summary_of("Log.final.out"), _summary(of.parent / "Summary.csv"), of.parent.name
    summary = {
        "reads_used": int(said["Number of input reads"]),
        "valid_barcodes": figures["Reads With Valid Barcodes"],
        "mapped": round(mapped_share(said), 6),
        "in_genes": figures[f"Reads Mapped to {feature}: Unique {feature}"],
        "saturation": figures["Sequencing Saturation"],
        "q30_barcode": figures["Q30 Bases in CB+UMI"],
        "q30_rna": figures["Q30 Bases in RNA read"],
        "umis": total,
        "share_exonic": round(float(exonic.sum() if exonic is not None else total) / max(total, 1), 6),
    }
    barcodes = barcodes_at(of / "barcodes.tsv", matrix.at)
    shutil.rmtree("Solo.out")
    Path("barcodes.txt").unlink()
    return Counted(matrix, exonic, barcodes, ids, names, summary)


def _summary(path: Path) -> dict[str, float]:
    """Figures of STARsolo's ``Summary.csv``."""
    found = {}
    for line in path.read_text().splitlines():
        name, _comma, value = line.rpartition(",")
        try:
            found[name] = float(value)
        except ValueError:
            continue
    return found
