"""Score pathways and regulators per sample and lineage and compare the activities between donors."""

import argparse
import os

from compartments.core.contract import Contract
from compartments.core.left_out import LeftOut
from compartments.core.options import Options

STEP = "score_activities"


def arguments() -> argparse.Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--study", required=True, help="study.json of check_design")
    parser.add_argument("--pseudobulk", required=True, help="pseudobulk.h5ad of merge_samples")
    parser.add_argument("--pathways", required=True, nargs="+", help="GMT files")
    parser.add_argument("--regulators", nargs="+", default=[], help="tables of source, target, weight")
    parser.add_argument("--lr_resource", help="ligand-receptor resource whose two sides are pathways, too")
    return parser.parse_args()


def main() -> None:
    """Write the tables of ``activities/``."""
    options = arguments()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import pandas as pd

    from compartments.compare import activities, donor_scores
    from compartments.core.gene_sets import merge_sets
    from compartments.core.networks import merge_networks, network_of_sets, sides_of
    from compartments.core.pairs import read_resource
    from compartments.core.species import species_of
    from compartments.study.study import Study

    left_out, contract = LeftOut(STEP), Contract.of(STEP)
    study = Study.load(options.study).of_specimens()
    lineages, genes, n_samples = donor_scores.read_lineages(options.pseudobulk, study, options.min_cells_pb, left_out)
    species = species_of(genes)
    sets = merge_sets(options.pathways, species)
    if options.lr_resource:
        sets |= sides_of(read_resource(options.lr_resource, species))
    networks = [network_of_sets(sets), merge_networks(options.regulators, species)]
    network = pd.concat([one for one in networks if len(one)], ignore_index=True)

    scores = activities.score_lineages(lineages, network, left_out)
    unnamed = {name for one in study.compartments for name in study.named_by_one(one).get("lineage", {})}
    scores = donor_scores.add_all_lineages(scores, n_samples, left_out, unnamed, activities.FEATURE)
    found = activities.compare_activities(scores, study, left_out)
    contract.write(scores, "activities/scores.tsv")
    contract.write(found.effects, "activities/effects.tsv")
    contract.write(found.donors(), "activities/donors.tsv.gz")
    left_out.write()
