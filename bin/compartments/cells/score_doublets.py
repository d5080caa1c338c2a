"""Score the cells of one sample as doublets, and call them where a threshold can be trusted."""

from argparse import Namespace

from compartments.core.contract import Contract
from compartments.core.options import Options

STEP = "score_doublets"


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--filtered", required=True, help="<sample>.filtered.h5ad")
    parser.add_argument(
        "--chemistry",
        default="",
        help="10x chemistry (default: as the file says); GEM-X and HT make half the doublets",
    )
    parser.add_argument("--loaded_cells", type=int, help="cells loaded (default: from the cells recovered)")
    return parser.parse_args()


def main() -> None:
    """Write ``<s>.doublets.tsv.gz`` and ``<s>.doublets.json``."""
    args = arguments()
    import h5py
    import pandas as pd

    from compartments.cells.doublets import call_doublets, expected_rate, unscored
    from compartments.counts.hdf5 import csr_of, row_names, text_of
    from compartments.study.parameters import names_in

    contract = Contract.of(STEP)
    with h5py.File(args.filtered) as file:
        barcodes, sample = pd.Index(row_names(file["obs"])), text_of(file["uns/sample"][()])
        counts = csr_of(file["layers/counts"])
        chemistry = args.chemistry or (text_of(file["uns/chemistry"][()]) if "uns/chemistry" in file else "")
    callers = [] if "doublets" in names_in(args.skip) else args.doublet_callers.split(",")
    rate = expected_rate(len(barcodes), chemistry, loaded_cells=args.loaded_cells)
    if callers:
        doublets = call_doublets(counts, rate, seed=args.seed, callers=callers)
    else:
        doublets = unscored(len(barcodes), "left_out")
    contract.write(doublets.table(barcodes), f"samples/{sample}/{sample}.doublets.tsv.gz")
    contract.write_summary(doublets.summary(sample, callers, rate), f"samples/{sample}/{sample}.doublets.json")
