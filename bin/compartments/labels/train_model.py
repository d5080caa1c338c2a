"""Train a CellTypist model from labelled cells, the same model for the same seed.

The reference is an h5ad with counts (in a layer, X or raw.X), or with log1p of normalised counts; values tell which.
Labels that are lineages of assets/celltypist_immune_all_low_lineage.tsv need no map; for others, give a lineage map
with the columns of that file when cells are annotated. With --lineage_map labels without a lineage are refused here.
"""

import argparse
import sys
from contextlib import nullcontext
from pathlib import Path

from compartments.core.errors import problem_in
from compartments.core.files import replacing, write_text
from compartments.core.options import Options

STEP = "train_model"


def arguments() -> argparse.Namespace:
    options = Options(STEP, __doc__)
    options.add_argument("--label_reference", required=True, help="h5ad of labelled cells")
    options.add_argument("--label_reference_column", default="", help="column of its obs with the labels")
    options.add_argument("--lineage_map", help="TSV; each label must have a lineage there")
    options.add_argument("--out", default="model.pkl", help="the model")
    options.add_argument("--notes", help="where is written what was taken and left out, in place of the screen")
    options.add_argument("--problems", help="where a problem is written; the exit code is then 0")
    return options.parse_args()


def main() -> None:
    given = arguments()
    notes: list[str] = []
    with problem_in(given.problems) if given.problems else nullcontext():
        notes = _train(given)
    text = "".join(f"note: {note}\n" for note in notes)
    if given.notes:
        write_text(text, given.notes)
    else:
        sys.stdout.write(text)


def _train(given: argparse.Namespace) -> list[str]:
    """Write the model; sentences on what it is of."""
    from compartments.labels.lineages import read_lineage_map
    from compartments.labels.reference import check_placed, read_reference
    from compartments.labels.training import train_model

    name, column = Path(given.label_reference).name, given.label_reference_column
    reference = read_reference(given.label_reference, column, genome=given.genome)
    if given.lineage_map:
        source = f"--label_reference {given.label_reference}, column '{column}'"
        check_placed(reference.labels, read_lineage_map(given.lineage_map), source)
    details = f"{len(reference.labels)} cells of {name} by {column}"
    model = train_model(reference.values, reference.labels, reference.genes, given.seed, details)
    with replacing(given.out) as temporary:
        model.write(str(temporary))
    size = f"{len(model.cell_types)} labels, {len(model.features)} genes"
    return [*reference.notes, f"{given.out}: {size}"]
