"""Build the counter's index of a genome and its genes."""

from argparse import Namespace

from compartments.core.options import Options

STEP = "build_index"


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--genome", required=True, help="genome.json of check_genome")
    parser.add_argument("--fasta", required=True, help="sequence of the genome, plain or packed with gzip")
    parser.add_argument("--gtf", required=True, help="its genes")
    parser.add_argument("--out", required=True, help="folder of the index")
    parser.add_argument("--cpus", type=int, default=1, help="threads")
    return parser.parse_args()


def main() -> None:
    """Write the folder ``--out``; whole or not at all, as other runs may look for it."""
    args = arguments()
    import shutil
    from pathlib import Path

    from compartments.core.files import read_json
    from compartments.reads.copies import copies_among, masked
    from compartments.reads.counting import COUNTERS
    from compartments.reads.genome import Genome, kept_genes, sexes_of

    look = read_json(args.genome)
    genome = Genome(*(look[name] for name in Genome._fields))
    unpacked = Path("unpacked")  # the user's files may have any name
    unpacked.mkdir()
    sequence, genes = unpacked / "genome.fa", unpacked / "genes.gtf"
    copies = copies_among(sexes_of(args.gtf), args.fasta)
    with open(sequence, "wb") as out:
        out.writelines(masked(args.fasta, copies))
    with open(genes, "wb") as out:
        out.writelines(kept_genes(args.gtf, copies))
    COUNTERS[args.counter].build(genome, sequence, genes, args.cpus)
    shutil.rmtree(unpacked)
    Path("index").rename(args.out)
