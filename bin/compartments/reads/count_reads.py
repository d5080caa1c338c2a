"""Count a sample's reads: FASTQ to a matrix of droplets, by STARsolo or alevin-fry."""

from argparse import Namespace

from compartments.core.contract import Contract
from compartments.core.files import read_json, write_text
from compartments.core.options import Options

STEP = "count_reads"


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--strand", required=True, help="<sample>.strand.json")
    parser.add_argument("--fastq_1", required=True, nargs="+", help="reads 1 of its lanes")
    parser.add_argument("--fastq_2", required=True, nargs="+", help="reads 2 of its lanes, in the same order")
    parser.add_argument("--index", required=True, help="folder of the counter's index")
    parser.add_argument("--cpus", type=int, default=1, help="threads")
    return parser.parse_args()


def main() -> None:
    """Write ``<sample>.counted.h5``, ``samples/<sample>/<sample>.reads.json`` and the counter's own log."""
    args = arguments()
    import shutil
    from pathlib import Path

    from compartments.core.tenx import write_10x_h5
    from compartments.reads.chemistries import chemistry_of
    from compartments.reads.counted import Asked
    from compartments.reads.counting import COUNTERS
    from compartments.reads.programs import versions

    look, counter = read_json(args.strand), COUNTERS[args.counter]
    sample, strand, chemistry = look["sample"], look["strand"], chemistry_of(look)
    introns, most = args.introns == "true", args.downsample_reads
    counted = counter.molecules(
        Asked(args.fastq_1, args.fastq_2, chemistry, strand, introns, most), args.index, args.cpus
    )
    kit = chemistry.strands[strand]
    genes, origin = (counted.names, counted.ids), f"Single Cell {kit}"
    write_10x_h5(f"{sample}.counted.h5", counted.counts, counted.barcodes, *genes, origin=origin, exonic=counted.exonic)
    public = Path("samples", sample)
    public.mkdir(parents=True, exist_ok=True)
    shutil.move(counter.log, public / f"{sample}.{counter.log}")
    write_text(";" + ";".join(versions(counter.programs)), ".versions")
    found = {"sample": sample, "counter": args.counter, "chemistry": kit, "strand": strand, "reads": look["reads"]}
    Contract.of(STEP).write_summary(found | counted.summary, str(public / f"{sample}.reads.json"))
