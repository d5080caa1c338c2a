"""Qualities of a sample's reads by fastp, for MultiQC; the reads stay as they are."""

from argparse import Namespace

from compartments.core.options import Options

STEP = "read_quality"


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--sample", required=True, help="sample name")
    parser.add_argument("--fastq_1", required=True, nargs="+", help="reads 1 of its lanes")
    parser.add_argument("--fastq_2", required=True, nargs="+", help="reads 2 of its lanes, in the same order")
    return parser.parse_args()


def main() -> None:
    """Write ``samples/<sample>/<sample>_R1.fastp.json`` and ``_R2``, of several lanes ``_lane1_R1`` and so on."""
    args = arguments()
    from pathlib import Path

    from compartments.reads.fastp import look_at_reads

    public = Path("samples", args.sample)
    public.mkdir(parents=True, exist_ok=True)
    lanes = list(zip(args.fastq_1, args.fastq_2, strict=True))
    for number, lane in enumerate(lanes, 1):
        name = args.sample if len(lanes) == 1 else f"{args.sample}_lane{number}"
        for mate, path in enumerate(lane, 1):
            look_at_reads(path, f"{name}_R{mate}", public / f"{name}_R{mate}.fastp.json")
