"""STARsolo: reads to counts of molecules per droplet and gene.

Flags after Kaminow, Yunusov and Dobin (2021, bioRxiv 2021.05.05.442755), as Cell Ranger counts: barcodes one base off
are corrected, UMIs one base off are one molecule, a UMI of several genes is of the one that most of its reads say. But
without a read for every barcode of the list (pseudocounts): of barcodes with an error four of five are one base off
several listed ones of 10x v3, so that droplets of few reads, by which ambient RNA is known, would lose all of them.
"""

import shutil
from pathlib import Path

from compartments.core.barcodes import barcodes_of
from compartments.reads.counted import Asked, Counted, barcodes_at, features, read_matrix, totals_at
from compartments.reads.fastq import linked
from compartments.reads.star import mapped_share, run_star, summary_of

WITH_INTRONS, EXONS = "GeneFull_Ex50pAS", "Gene"
LOG = "Log.final.out"
READING = ["--readFilesCommand", "zcat", "-f"]  # packed or not
SOLO = [
    *["--soloType", "CB_UMI_Simple", "--soloCBstart", "1", "--soloBarcodeReadLength", "0"],
    *["--soloCBmatchWLtype", "1MM_multi", "--soloUMIfiltering", "MultiGeneUMI_CR"],
    *["--soloUMIdedup", "1MM_CR", "--soloCellFilter", "None", "--clipAdapterType", "CellRanger4"],
    *["--outFilterScoreMin", "30"],
]


def count(asked: Asked, index: str, threads: int) -> Counted:
    """Run STARsolo on all lanes of a sample, in this folder; its own log is left as ``Log.final.out``.

    Parameters
    ----------
    asked : Asked
    index : str
        Folder of STAR's index.
    threads : int

    Returns
    -------
    Counted
        ``summary``: shares of reads with a barcode of the list, placed on the genome, in genes; ``saturation``, the
        share of reads that were no new molecule; ``q30_*``, of bases with a quality of 30 or more; ``share_exonic``,
        of the molecules.
    """
    chemistry, introns = asked.chemistry, asked.introns
    Path("barcodes.txt").write_bytes(barcodes_of(chemistry.barcodes))
    first, second = (
        ",".join(str(linked(path, f"lane{n}_R{mate}")) for n, path in enumerate(files, 1))
        for mate, files in ((1, asked.first), (2, asked.second))
    )
    options = [*SOLO, *READING, "--genomeDir", index, "--readFilesIn", second, first]
    options += ["--soloCBwhitelist", "barcodes.txt", "--soloCBlen", str(chemistry.barcode)]
    options += ["--soloUMIstart", str(chemistry.barcode + 1), "--soloUMIlen", str(chemistry.umi)]
    options += ["--soloStrand", asked.strand, "--soloFeatures", EXONS, *[WITH_INTRONS] * introns]
    options += ["--outSAMtype", "None", "--readMapNumber", str(asked.reads or -1)]
    run_star(options, threads)
    of, exons = (Path("Solo.out", name, "raw") for name in (WITH_INTRONS if introns else EXONS, EXONS))
    matrix = read_matrix(of / "matrix.mtx")
    ids, names = features(of / "features.tsv")
    total = int(matrix.counts.sum())
    exonic = totals_at(exons / "matrix.mtx", matrix.at) if introns else None
    said, figures, feature = summary_of(LOG), _summary(of.parent / "Summary.csv"), of.parent.name
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
    return Counted(matrix.counts, exonic, barcodes, ids, names, summary)


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
