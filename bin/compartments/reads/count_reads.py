"""Count a sample's reads: FASTQ to a matrix of droplets, by STARsolo."""

from argparse import Namespace

from compartments.core.contract import Contract
from compartments.core.files import read_json
from compartments.core.options import Options

STEP = "count_reads"


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--strand", required=True, help="<sample>.strand.json")
    parser.add_argument("--fastq_1", required=True, nargs="+", help="reads 1 of its lanes")
    parser.add_argument("--fastq_2", required=True, nargs="+", help="reads 2 of its lanes, in the same order")
    parser.add_argument("--index", required=True, help="folder of STAR's index")
    parser.add_argument("--cpus", type=int, default=1, help="threads")
    return parser.parse_args()


def main() -> None:
    """Write ``<sample>.counted.h5``, ``samples/<sample>/<sample>.reads.json`` and STAR's own log and summary."""
    args = arguments()
    import shutil
    from pathlib import Path

    from compartments.core.tenx import write_10x_h5
    from compartments.reads.chemistries import CHEMISTRIES
    from compartments.reads.counting import count

    look = read_json(args.strand)
    sample = look["sample"]
    chemistry = next(one for one in CHEMISTRIES if one.name == look["chemistry"])._replace(umi=look["umi"])
    asked = args.introns == "true", args.downsample_reads
    counted = count(args.fastq_1, args.fastq_2, args.index, chemistry, look["strand"], asked, args.cpus)
    genes, names, ids = counted.matrix.counts, counted.names, counted.ids
    kit = chemistry.strands[look["strand"]]
    origin, exonic = f"Single Cell {kit}", counted.exonic
    write_10x_h5(f"{sample}.counted.h5", genes, counted.barcodes, names, ids, origin=origin, exonic=exonic)
    public = Path("samples", sample)
    public.mkdir(parents=True, exist_ok=True)
    shutil.move("Log.final.out", public / f"{sample}.Log.final.out")
    found = {"sample": sample, "chemistry": kit, "strand": look["strand"], "reads": look["reads"]} | counted.summary
    Contract.of(STEP).write_summary(found, str(public / f"{sample}.reads.json"))
