"""Label the cells of one sample with a CellTypist model and check the labels by markers.

Writes samples/<s>/<s>.labels.tsv.gz, <s>.labels.json there and skipped.tsv.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from compartments.core.contract import Contract
from compartments.core.errors import SampleSkipped
from compartments.core.left_out import LeftOut
from compartments.core.options import Options
from compartments.core.vocabulary import GIVEN_LABEL

if TYPE_CHECKING:
    import pandas as pd
    import scipy.sparse as sp

STEP = "annotate_cells"
ASSETS = Path(__file__).resolve().parents[3] / "assets"


def arguments() -> argparse.Namespace:
    options = Options(STEP, __doc__)
    add = options.add_argument
    add("--cells", required=True, help="<s>.filtered.h5ad")
    add("--model", required=True, nargs="+", action="extend", help="CellTypist .pkl; the first decides")
    add("--lineage_map", default=ASSETS / "celltypist_immune_all_low_lineage.tsv", help="TSV")
    add("--markers", default=ASSETS / "markers.tsv", help="TSV: lineage, gene, sign")
    add("--known_models", default=ASSETS / "celltypist_models.tsv", help="TSV of CellTypist's models")
    add("--compartment", required=True, help="compartment of the sample")
    add("--label_overrides", help="TSV: sample, barcode (or cluster), lineage")
    add(
        "--label_meanings",
        help="TSV of check_labels: what labels with two meanings mean (default: by these)",
    )
    add("--label_clusters", help="umap.tsv.gz of the run whose clusters --label_overrides names")
    return options.parse_args()


def read_cells(path: str) -> tuple[str, "pd.DataFrame", tuple["pd.Index", "pd.Series"], "sp.csr_matrix"]:
    """Of ``<s>.filtered.h5ad``: sample, its cells' own labels if it has any, symbols and ids of genes, counts."""
    import h5py
    import pandas as pd

    from compartments.counts.hdf5 import column_of, csr_of, row_names, text_of

    with h5py.File(path) as file:
        named = {GIVEN_LABEL: column_of(file["obs"], GIVEN_LABEL)} if GIVEN_LABEL in file["obs"] else {}
        obs, symbols = pd.DataFrame(named, index=row_names(file["obs"])), pd.Index(row_names(file["var"]))
        genes = symbols, pd.Series(column_of(file["var"], "gene_id"), symbols)
        return text_of(file["uns/sample"][()]), obs, genes, csr_of(file["layers/corrected"])


def main() -> None:
    given = arguments()
    from compartments.core.species import species_of
    from compartments.labels.annotation import annotate
    from compartments.labels.catalogue import read_catalogue
    from compartments.labels.fit import judge_fit, reference_distance
    from compartments.labels.genes import of_species
    from compartments.labels.lineages import read_lineage_map
    from compartments.labels.markers import read_markers
    from compartments.labels.model import load_model
    from compartments.labels.overrides import apply_overrides, read_meanings, rows_given, warn_of_lost
    from compartments.labels.summary import summarise_again

    lineage_map = read_lineage_map(given.lineage_map)
    sample, obs, genes, counts = read_cells(given.cells)
    species = species_of(*genes)
    models = [of_species(load_model(path), species, genes[0]) for path in given.model]
    markers = read_markers(given.markers, lineage_map, species)
    left_out = LeftOut(STEP)
    try:
        if not len(obs):
            raise SampleSkipped("no cell left to label")
        by_hand = given.label_overrides, given.label_clusters
        overrides, lost = rows_given(sample, obs, lineage_map, *by_hand, read_meanings(given.label_meanings))
        tables = models, lineage_map, markers
        labels, summary = annotate(counts, *genes, *tables, given.compartment, given.min_overlap, given.cells)
        distance, known = reference_distance(counts, *genes, models[0]), read_catalogue(given.known_models)
        summary |= judge_fit(labels, summary, distance, models[0], lineage_map, known, given.compartment)
    except SampleSkipped as reason:
        left_out.add(str(reason), sample=sample)
        sys.stderr.write(f"{sample}: left out: {reason}\n")
    else:
        n_overrides = 0
        if len(overrides):
            of_models = labels.copy()
            n_overrides = apply_overrides(labels, obs.index, overrides, lineage_map)
            summary = summarise_again(summary, of_models, labels)
        summary["warnings"] = warn_of_lost(str(summary["warnings"]), lost)
        labels.insert(0, "barcode", obs.index.astype(str))
        contract, base = Contract.of(STEP), f"samples/{sample}/{sample}"
        contract.write(labels, f"{base}.labels.tsv.gz")
        contract.write_summary({"sample": sample} | summary | {"n_overrides": n_overrides}, f"{base}.labels.json")
    left_out.write()
