"""Read one sample's counts, from any of the accepted formats, into droplets.h5ad."""

import argparse

from compartments.core.errors import UserError
from compartments.core.files import replacing
from compartments.core.left_out import write_skipped


def arguments():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", required=True, help="sample name")
    parser.add_argument("--raw", help="counts of all droplets: 10x h5, mtx folder or h5ad")
    parser.add_argument("--filtered", help="counts of cells: 10x h5, mtx folder or h5ad")
    parser.add_argument("--cellbender", help="finished CellBender output (h5, of version 0.3.2 or later)")
    parser.add_argument("--genome", help="genome to take from a file with several")
    args = parser.parse_args()
    if not (args.raw or args.filtered or args.cellbender):
        parser.error("give at least one of --raw, --filtered, --cellbender")
    return args


def main():
    """Write ``<s>.droplets.h5ad`` and ``<s>.read.json``, or the reason in ``skipped.tsv``."""
    args = arguments()
    from compartments.core.files import write_json
    from compartments.counts.assembly import assemble
    from compartments.counts.reading import read_counts

    paths = {"raw": args.raw, "filtered": args.filtered, "cellbender": args.cellbender}
    paths = {column: path for column, path in paths.items() if path}
    try:
        counts = {column: read_counts(path, args.genome) for column, path in paths.items()}
        if "cellbender" in counts and counts["cellbender"].source.format != "CellBender h5":
            raise UserError(f"{args.cellbender}: not a CellBender output; give it as --raw or --filtered")
        data, notes = assemble(args.sample, **counts)
    except UserError as error:  # one bad file costs its sample, not the run
        write_skipped([{"stage": "read_counts", "sample": args.sample, "reason": str(error)}])
        return
    for column, one in counts.items():
        kinds = ", ".join(f"{n} {kind}" for kind, n in one.source.left_out().items())
        if kinds:
            notes.append(f"gene expression only: left out of the {column} matrix were {kinds} features")
    summary = {
        "sample": args.sample,
        "kind": data.uns["kind"],
        "cell_source": data.uns["cell_source"],
        "chemistry": data.uns["chemistry"] or None,
        "n_barcodes": data.n_obs,
        "n_genes": data.n_vars,
        "n_counts": int(data.X.sum(dtype="int64")),
        "n_cells_given": int(data.obs["is_cell"].sum()) if "is_cell" in data.obs else None,
        "notes": "; ".join(notes) or None,
    }
    for column, one in counts.items():
        left_out = one.source.left_out()
        summary[f"{column}_format"] = one.source.format
        summary[f"{column}_barcodes"] = len(one.barcodes)
        summary[f"{column}_features_left_out"] = sum(left_out.values())
        summary[f"{column}_left_out_kinds"] = ", ".join(f"{n} {kind}" for kind, n in left_out.items()) or None
    with replacing(f"{args.sample}.droplets.h5ad") as temporary:
        data.write_h5ad(temporary, compression="lzf")
    write_json(summary, f"{args.sample}.read.json")
    write_skipped([])
