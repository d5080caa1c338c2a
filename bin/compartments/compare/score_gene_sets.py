"""Score gene sets per sample and lineage and compare the scores between donors."""

import argparse
import os

from compartments.core.errors import UserError
from compartments.core.left_out import write_skipped


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", required=True, help="study.json")
    parser.add_argument("--pseudobulk", required=True, help="pseudobulk.h5ad")
    parser.add_argument("--gene_sets", required=True, nargs="+", help="GMT files")
    parser.add_argument("--primary", default="", help="names of the primary sets, separated by commas")
    parser.add_argument("--min_cells_pb", type=int, default=10, help="cells that a pseudobulk must have")
    parser.add_argument(
        "--match_depth", action="store_true", help="sensitivity run: thin deeper compartments to the shallowest"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.min_cells_pb < 1:
        raise UserError(f"--min_cells_pb is {options.min_cells_pb}; give at least 1")
    if options.seed < 0:
        raise UserError(f"--seed is {options.seed}; give 0 or a positive whole number")

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from compartments.cohort import pseudobulk
    from compartments.compare import genesets
    from compartments.core import files, gene_sets
    from compartments.study.study import Study

    sets = gene_sets.merge_sets(options.gene_sets)
    primary = genesets.choose_primary(sets, [name.strip() for name in options.primary.split(",") if name.strip()])
    study = Study.load(options.study)
    data = pseudobulk.read_pseudobulk(options.pseudobulk, study, ["corrected"])
    lineages, skipped = pseudobulk.lineages(data, options.min_cells_pb, genesets.STAGE)
    n_samples = data.obs["sample"].nunique()
    del data

    scores, reasons = genesets.score_lineages(lineages, sets, options.seed, options.match_depth)
    skipped += reasons
    scores, reasons = genesets.add_all_lineages(scores, n_samples)
    skipped += reasons
    effects, reasons = genesets.compare_scores(scores, study, primary)
    files.write_tsv(scores, "scores.tsv")
    files.write_tsv(effects, "effects.tsv")
    write_skipped(skipped + reasons)
