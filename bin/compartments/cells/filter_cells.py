"""Keep the cells of one sample that pass its quality limits."""

from argparse import Namespace

from compartments.core.contract import Contract
from compartments.core.errors import SampleSkipped
from compartments.core.files import replacing
from compartments.core.left_out import LeftOut
from compartments.core.options import Options

STEP = "filter_cells"


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--cells", required=True, help="<sample>.cells.h5ad")
    return parser.parse_args()


def main() -> None:
    """Write ``<s>.filtered.h5ad`` and the sample's quality tables, or the reason in ``skipped.tsv``."""
    args = arguments()
    import anndata

    from compartments.cells.quality import Limits, judge_sample

    contract, left_out = Contract.of(STEP), LeftOut(STEP)
    cells = anndata.read_h5ad(args.cells)
    sample = str(cells.uns["sample"])
    limits = Limits(
        nmads_counts=args.nmads_counts,
        nmads_genes=args.nmads_genes,
        nmads_mt=args.nmads_mt,
        nmads_top20=args.nmads_top20,
        min_counts=args.min_counts,
        min_genes=args.min_genes,
        max_counts=args.max_counts or None,
        max_mt=args.max_mt,
    )
    try:
        judged = judge_sample(cells.layers["counts"], cells.var_names, cells.obs_names, sample, limits)
    except SampleSkipped as skipped:
        left_out.add(str(skipped), sample=sample)
    else:
        filtered = cells[judged.keep].copy()
        for column in judged.measured:
            filtered.obs[column] = judged.measured.loc[judged.keep, column]
        with replacing(f"{sample}.filtered.h5ad") as temporary:
            filtered.write_h5ad(temporary, compression="lzf")
        contract.write(judged.table, f"samples/{sample}/{sample}.qc.tsv")
        contract.write(judged.per_cell(), f"samples/{sample}/{sample}.qc_cells.tsv.gz")
        contract.write_summary(judged.summary, f"samples/{sample}/{sample}.qc.json")
    left_out.write()
