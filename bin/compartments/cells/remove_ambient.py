"""Remove ambient RNA from the cells of one sample, with the soup measured in its empty droplets."""

from argparse import Namespace

from compartments.core.contract import Contract
from compartments.core.errors import SampleSkipped
from compartments.core.files import read_tsv, replacing
from compartments.core.left_out import LeftOut
from compartments.core.options import Options

STEP = "remove_ambient"


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--droplets", required=True, help="<sample>.droplets.h5ad")
    parser.add_argument("--calls", required=True, help="<sample>.calls.tsv.gz")
    parser.add_argument("--method", choices=["soupem", "none"], default="soupem")
    parser.add_argument("--reason", default="", help="why this method and not the one asked for")
    parser.add_argument("--compartment", default="", help="of the sample: blood cannot be contaminated by blood")
    parser.add_argument("--rbc_per_ul", type=float, help="erythrocytes counted in the sample, per microlitre")
    parser.add_argument("--cells_per_ul", type=float, help="leukocytes counted in the sample, per microlitre")
    return parser.parse_args()


def main() -> None:
    """Write ``<s>.cells.h5ad``, ``<s>.ambient.json`` and ``<s>.soup.tsv.gz``, or the reason in ``skipped.tsv``."""
    args = arguments()
    import anndata

    from compartments.cells.ambient import soup_table, summarise
    from compartments.cells.removal import remove_ambient
    from compartments.cells.split import split_droplets

    contract, left_out = Contract.of(STEP), LeftOut(STEP)
    droplets = anndata.read_h5ad(args.droplets)
    sample = str(droplets.uns["sample"])
    calls = read_tsv(args.calls, required=("barcode", "is_cell"), text=("barcode",))
    try:
        cells, empties = split_droplets(droplets, calls, args.seed)
    except SampleSkipped as skipped:
        left_out.add(str(skipped), sample=sample)
    else:
        del droplets
        soup, reason = remove_ambient(cells, empties, args.method, args.seed, args.reason, args.ambient_strength)
        summary = summarise(cells, soup, reason, args.rbc_per_ul, args.cells_per_ul, args.compartment)
        with replacing(f"{sample}.cells.h5ad") as temporary:
            cells.write_h5ad(temporary, compression="lzf")
        contract.write_summary(summary, f"samples/{sample}/{sample}.ambient.json")
        contract.write(soup_table(cells), f"samples/{sample}/{sample}.soup.tsv.gz")
    left_out.write()
