"""Score gene sets per sample and lineage and compare the scores between donors."""

import argparse
import os

from compartments.core.contract import Contract
from compartments.core.left_out import LeftOut
from compartments.core.options import Options

STEP = "score_gene_sets"


def arguments() -> argparse.Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--study", required=True, help="study.json of check_design")
    parser.add_argument("--pseudobulk", required=True, help="pseudobulk.h5ad of merge_samples")
    parser.add_argument("--gene_sets", required=True, nargs="+", help="GMT files")
    return parser.parse_args()


def main() -> None:
    """Write the tables of ``migration/``."""
    options = arguments()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from compartments.compare import donor_scores, genesets
    from compartments.core.gene_sets import merge_sets
    from compartments.core.species import species_of
    from compartments.study.study import Study

    left_out, contract = LeftOut(STEP), Contract.of(STEP)
    study = Study.load(options.study).of_specimens()
    lineages, genes, n_samples = donor_scores.read_lineages(options.pseudobulk, study, options.min_cells_pb, left_out)
    sets = merge_sets(options.gene_sets, species_of(genes))

    scores = genesets.score_lineages(lineages, sets, options.seed, left_out)
    unnamed = {name for one in study.compartments for name in study.named_by_one(one).get("lineage", {})}
    scores = donor_scores.add_all_lineages(scores, n_samples, left_out, unnamed)
    found = genesets.compare_scores(scores, study, genesets.choose_primary(sets), left_out)
    contract.write(scores, "migration/scores.tsv")
    contract.write(found.effects, "migration/effects.tsv")
    contract.write(found.donors(), "migration/donors.tsv")
    left_out.write()
