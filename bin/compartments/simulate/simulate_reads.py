"""Turn a simulated cohort's raw counts into FASTQ, with the small genome that they are of."""

import csv
from argparse import Namespace
from pathlib import Path

from compartments.core.options import Options

STEP = "simulate_reads"


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--samplesheet", required=True, help="of simulate_cohort, beside the folders that it names")
    parser.add_argument("--outdir", type=Path, required=True, help="folder to write")
    parser.add_argument("--copies", type=float, default=1.0, help="reads of a molecule beyond its first")
    return parser.parse_args()


def main() -> None:
    """Write ``genome.fa``, ``genes.gtf``, two FASTQ files a sample, and ``samplesheet.csv`` that names them."""
    args = arguments()
    import zlib

    import numpy as np

    from compartments.core.barcodes import V3, barcodes_of
    from compartments.core.files import replacing, write_text
    from compartments.core.tenx import read_10x_h5
    from compartments.simulate.reads import make_genome, write_genome, write_reads

    with open(args.samplesheet, newline="") as lines:
        rows = list(csv.DictReader(lines))
    folder, genome = Path(args.samplesheet).parent, None
    known = barcodes_of(V3).split()
    (args.outdir / "simulated" / "truth").mkdir(parents=True, exist_ok=True)
    became = ["sample\tbarcode\tbarcode_of_reads\n"]
    for row in rows:
        counts, given, names, ids = read_10x_h5(folder / row.pop("raw"))
        if genome is None:
            genome = make_genome(names, ids, args.seed)
            write_genome(genome, args.outdir / "genome.fa", args.outdir / "genes.gtf")
        sample, own = row["sample"], zlib.crc32(row["sample"].encode())
        rng = np.random.default_rng([args.seed, own])
        barcodes = [known[n].decode() for n in rng.choice(len(known), counts.shape[0], replace=False)]
        became += [f"{sample}\t{one}\t{other}\n" for one, other in zip(given, barcodes, strict=True)]
        prefix = args.outdir / f"{sample}_S1_L001"
        write_reads(counts, barcodes, genome, prefix, seed=args.seed + own, copies=args.copies)
        row["fastq_1"], row["fastq_2"] = (f"{prefix.name}_R{mate}_001.fastq.gz" for mate in (1, 2))
        row.pop("filtered", None)
        row.pop("chemistry", None)
    write_text("".join(became), args.outdir / "simulated" / "truth" / "barcodes.tsv")
    with replacing(args.outdir / "samplesheet.csv") as temporary, open(temporary, "w", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
