"""Train a CellTypist model from labelled cells, the same model for the same seed.

The reference is an h5ad with counts in layers['counts'] or X (whole numbers), or log1p of counts per 10,000 in X.
Labels that are lineages of assets/celltypist_immune_all_low_lineage.tsv need no map; for others, give a lineage map
with the columns of that file when cells are annotated. With --lineage_map labels without a lineage are refused here.
"""

import argparse
import sys

from compartments.core.files import replacing
from compartments.core.options import Options

STEP = "train_model"


def arguments() -> argparse.Namespace:
    options = Options(STEP, __doc__)
    options.add_argument("--reference", required=True, help="h5ad of labelled cells")
    options.add_argument("--labels", required=True, help="column of its obs")
    options.add_argument("--lineage_map", help="TSV; each label must have a lineage there")
    options.add_argument("--out", default="model.pkl", help="the model")
    return options.parse_args()


def main() -> None:
    given = arguments()
    from compartments.labels.lineages import read_lineage_map
    from compartments.labels.training import MIN_CELLS, check_placed, read_reference, train_model

    reference = read_reference(given.reference, given.labels)
    if given.lineage_map:
        source = f"--labels '{given.labels}' of {given.reference}"
        check_placed(reference.labels, read_lineage_map(given.lineage_map), source)
    if reference.too_small:
        sys.stderr.write(f"left out, fewer than {MIN_CELLS} cells: {', '.join(reference.too_small)}\n")
    model = train_model(reference.values, reference.labels, reference.genes, given.seed)
    with replacing(given.out) as temporary:
        model.write(str(temporary))
    size = f"{len(model.cell_types)} labels, {len(model.features)} genes, {len(reference.labels)} cells"
    sys.stdout.write(f"{given.out}: {size}\n")
