"""Remove ambient RNA from the cells of one sample, with the soup measured in its empty droplets."""

import argparse

from compartments.core.errors import SampleSkipped
from compartments.core.left_out import write_skipped


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--droplets", required=True, help="<sample>.droplets.h5ad")
    parser.add_argument("--calls", required=True, help="<sample>.calls.tsv.gz")
    parser.add_argument("--method", choices=["soupem", "none"], default="soupem")
    parser.add_argument("--strength", type=float, default=1.0, help="factor of the soup that soupem takes out")
    parser.add_argument("--reason", default="", help="why this method and not the one asked for")
    parser.add_argument("--compartment", default="", help="of the sample: blood cannot be contaminated by blood")
    parser.add_argument("--rbc_per_ul", type=float, help="erythrocytes counted in the sample, per microlitre")
    parser.add_argument("--cells_per_ul", type=float, help="leukocytes counted in the sample, per microlitre")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    import anndata

    from compartments.cells import ambient, removal, split
    from compartments.core import files

    droplets = anndata.read_h5ad(options.droplets)
    sample = str(droplets.uns["sample"])
    calls = files.read_tsv(options.calls, required=("barcode", "is_cell"), text=("barcode",))
    try:
        cells, empties = split.split_droplets(droplets, calls)
    except SampleSkipped as reason:
        write_skipped([{"stage": "remove_ambient", "sample": sample, "reason": str(reason)}])
        return
    del droplets
    soup, reason = removal.remove_ambient(
        cells, empties, options.method, options.seed, options.reason, options.strength
    )
    counted = options.rbc_per_ul, options.cells_per_ul, options.compartment
    ambient.write_cells(cells, ambient.summarise(cells, soup, reason, *counted))
    write_skipped([])
