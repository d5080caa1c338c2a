"""Cells of one sample from CellBender's output: raw counts from the droplets, corrected counts from CellBender."""

from argparse import Namespace

from compartments.core.contract import Contract
from compartments.core.errors import SampleSkipped
from compartments.core.files import replacing
from compartments.core.left_out import LeftOut
from compartments.core.options import Options

STEP = "import_cellbender"


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--droplets", required=True, help="<sample>.droplets.h5ad")
    parser.add_argument(
        "--cellbender", help="<sample>.cellbender.h5; without it the droplets hold the corrected counts"
    )
    parser.add_argument("--compartment", default="", help="of the sample: blood cannot be contaminated by blood")
    parser.add_argument("--rbc_per_ul", type=float, help="erythrocytes counted in the sample, per microlitre")
    parser.add_argument("--cells_per_ul", type=float, help="leukocytes counted in the sample, per microlitre")
    return parser.parse_args()


def main() -> None:
    """Write ``<s>.cells.h5ad``, ``<s>.ambient.json`` and ``<s>.soup.tsv.gz``, or the reason in ``skipped.tsv``."""
    args = arguments()
    import anndata

    from compartments.cells.ambient import soup_table, summarise
    from compartments.cells.finished import import_cellbender

    contract, left_out = Contract.of(STEP), LeftOut(STEP)
    droplets = anndata.read_h5ad(args.droplets)
    sample = str(droplets.uns["sample"])
    try:
        cells, soup, reason = import_cellbender(droplets, args.cellbender)
    except SampleSkipped as skipped:
        left_out.add(str(skipped), sample=sample)
    else:
        summary = summarise(cells, soup, reason, args.rbc_per_ul, args.cells_per_ul, args.compartment)
        with replacing(f"{sample}.cells.h5ad") as temporary:
            cells.write_h5ad(temporary, compression="lzf")
        contract.write_summary(summary, f"samples/{sample}/{sample}.ambient.json")
        contract.write(soup_table(cells), f"samples/{sample}/{sample}.soup.tsv.gz")
    left_out.write()
