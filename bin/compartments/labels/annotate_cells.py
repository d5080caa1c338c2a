"""Label the cells of one sample with a CellTypist model and check the labels by markers.

Writes <s>.labels.tsv.gz, <s>.labels.json and skipped.tsv.
"""

import argparse
import sys
from pathlib import Path

from compartments.core.errors import SampleSkipped
from compartments.core.left_out import write_skipped

ASSETS = Path(__file__).resolve().parents[3] / "assets"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", required=True, help="<s>.filtered.h5ad")
    parser.add_argument("--model", required=True, nargs="+", action="extend", help="CellTypist .pkl; the first decides")
    parser.add_argument("--lineage_map", default=ASSETS / "celltypist_immune_all_low_lineage.tsv", help="TSV")
    parser.add_argument("--markers", default=ASSETS / "markers.tsv", help="TSV: lineage, gene, sign")
    parser.add_argument("--compartment", required=True, help="compartment of the sample")
    parser.add_argument("--label_overrides", help="TSV: sample, barcode (or cluster), lineage")
    parser.add_argument("--label_clusters", help="umap.tsv.gz of the run whose clusters --label_overrides names")
    parser.add_argument("--min_overlap", type=float, default=0.5, help="least share of the model's genes in the data")
    arguments = parser.parse_args()

    import h5py
    import pandas as pd
    from anndata.io import read_elem

    from compartments.core.files import write_json, write_tsv
    from compartments.labels import annotation
    from compartments.labels.model import load_model

    models = [load_model(path) for path in arguments.model]
    lineage_map = annotation.read_lineage_map(arguments.lineage_map)
    markers = annotation.read_markers(arguments.markers, lineage_map)
    with h5py.File(arguments.cells) as file:
        obs, var = read_elem(file["obs"]), read_elem(file["var"])
        sample = str(read_elem(file["uns/sample"]))
        counts = read_elem(file["layers/corrected"]).tocsr()
    if not len(obs):
        write_skipped([{"stage": "annotate_cells", "sample": sample, "reason": "no cell left to label"}])
        return
    overrides, lost = None, []
    if arguments.label_overrides:
        overrides, lost = annotation.read_overrides(
            arguments.label_overrides, sample, obs.index, lineage_map, arguments.label_clusters
        )
    try:
        labels, summary = annotation.annotate(
            counts,
            var.index,
            var["gene_id"].astype(str),
            models,
            lineage_map,
            markers,
            arguments.compartment,
            arguments.min_overlap,
            arguments.cells,
        )
    except SampleSkipped as reason:
        write_skipped([{"stage": "annotate_cells", "sample": sample, "reason": str(reason)}])
        print(f"{sample}: left out: {reason}", file=sys.stderr)
        return
    n_overrides = 0 if overrides is None else annotation.apply_overrides(labels, obs.index, overrides, lineage_map)
    if lost:
        words = f"{len(lost)} cells of --label_overrides are not in the sample after quality control (first: {lost[0]})"
        summary["warnings"] = "; ".join(filter(None, [summary["warnings"], words]))
    labels = labels[annotation.output_columns(labels)]
    labels.insert(0, "barcode", pd.Index(obs.index).astype(str))
    write_tsv(labels, f"{sample}.labels.tsv.gz")
    write_json({"sample": sample} | summary | {"n_overrides": n_overrides}, f"{sample}.labels.json")
    write_skipped([])
