"""Call the cells among one sample's droplets."""

from argparse import Namespace

from compartments.core.contract import Contract
from compartments.core.errors import SampleSkipped
from compartments.core.left_out import LeftOut
from compartments.core.options import Options

STEP = "call_cells"


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--droplets", required=True, help="<sample>.droplets.h5ad")
    parser.add_argument("--expected_cells", type=int, help="about how many cells the sample should have")
    return parser.parse_args()


def main() -> None:
    """Write ``<s>.calls.tsv.gz`` and ``<s>.calls.json``, or the reason in ``skipped.tsv``."""
    args = arguments()
    from compartments.cells.calling import call, calls_table, summarise
    from compartments.counts.droplets import read_droplets

    contract, left_out = Contract.of(STEP), LeftOut(STEP)
    droplets = read_droplets(args.droplets)
    sample = droplets.sample
    calls = call(droplets, args.expected_cells, args.seed)
    try:
        summary = summarise(droplets, calls, args.expected_cells)
    except SampleSkipped as skipped:
        left_out.add(str(skipped), sample=sample)
    else:
        contract.write(calls_table(droplets, calls), f"samples/{sample}/{sample}.calls.tsv.gz")
        contract.write_summary(summary, f"samples/{sample}/{sample}.calls.json")
    left_out.write()
