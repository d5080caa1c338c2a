"""Train a CellTypist model from labelled cells, the same model for the same seed.

The reference is an h5ad with counts in layers['counts'] or X (whole numbers), or log1p of counts per 10,000 in X.
Labels that are lineages of assets/celltypist_immune_all_low_lineage.tsv need no map; for others, give a lineage map
with the columns of that file when cells are annotated.
"""

import argparse

from compartments.core.errors import UserError
from compartments.core.files import replacing


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", required=True, help="h5ad of labelled cells")
    parser.add_argument("--labels", required=True, help="column of its obs")
    parser.add_argument("--out", default="model.pkl", help="the model (default %(default)s)")
    parser.add_argument("--alpha", type=float, default=0.05, help="ridge penalty (default %(default)s)")
    parser.add_argument(
        "--top_genes", type=int, default=100, help="genes per label that are kept (default %(default)s)"
    )
    parser.add_argument(
        "--min_cells", type=int, default=10, help="labels with fewer are left out (default %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if not arguments.alpha > 0:
        raise UserError(f"--alpha {arguments.alpha}: give a positive number")
    if arguments.top_genes < 1 or arguments.min_cells < 2:
        raise UserError("--top_genes must be at least 1 and --min_cells at least 2")

    from compartments.labels.training import read_reference, train_model

    counts, labels, genes = read_reference(arguments.reference, arguments.labels, arguments.min_cells)
    model = train_model(counts, labels, genes, arguments.top_genes, arguments.alpha, arguments.seed)
    with replacing(arguments.out) as temporary:
        model.write(str(temporary))
    print(f"{arguments.out}: {len(model.cell_types)} labels, {len(model.features)} genes, {len(labels)} cells")
