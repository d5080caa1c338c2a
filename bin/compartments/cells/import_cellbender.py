"""Cells of one sample from CellBender's output: raw counts from the droplets, corrected counts from CellBender."""

import argparse

from compartments.core.errors import SampleSkipped
from compartments.core.left_out import write_skipped


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--droplets", required=True, help="<sample>.droplets.h5ad")
    parser.add_argument(
        "--cellbender", help="<sample>.cellbender.h5; without it the droplets hold the corrected counts"
    )
    parser.add_argument("--compartment", default="", help="of the sample: blood cannot be contaminated by blood")
    parser.add_argument("--rbc_per_ul", type=float, help="erythrocytes counted in the sample, per microlitre")
    parser.add_argument("--cells_per_ul", type=float, help="leukocytes counted in the sample, per microlitre")
    options = parser.parse_args()

    import anndata

    from compartments.cells import ambient, finished

    droplets = anndata.read_h5ad(options.droplets)
    sample = str(droplets.uns["sample"])
    try:
        cells, soup, reason = finished.import_cellbender(droplets, options.cellbender)
    except SampleSkipped as skipped:
        write_skipped([{"stage": "import_cellbender", "sample": sample, "reason": str(skipped)}])
        return
    counted = options.rbc_per_ul, options.cells_per_ul, options.compartment
    ambient.write_cells(cells, ambient.summarise(cells, soup, reason, *counted))
    write_skipped([])
