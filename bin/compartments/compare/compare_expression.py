"""Pseudobulk differential expression within compartments and between them, per lineage."""

import argparse
import os

from compartments.core.errors import UserError
from compartments.core.left_out import write_skipped


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", required=True, help="study.json")
    parser.add_argument("--pseudobulk", required=True, help="pseudobulk.h5ad")
    parser.add_argument("--de_engine", choices=["pydeseq2", "edger_ql"], default="pydeseq2")
    parser.add_argument("--min_cells_pb", type=int, default=10, help="cells that a pseudobulk must have")
    parser.add_argument(
        "--ambient_share_max", type=float, default=0.2, help="genes with more ambient counts in any group are left out"
    )
    parser.add_argument("--target_gene", default="", help="gene symbol, e.g. the target of the treatment")
    parser.add_argument("--composition", help="composition effects.tsv: relates the target gene to depletion")
    parser.add_argument("--cpus", type=int, default=1)
    options = parser.parse_args()
    if options.min_cells_pb < 1:
        raise UserError(f"--min_cells_pb is {options.min_cells_pb}; give at least 1")
    if not 0 < options.ambient_share_max <= 1:
        raise UserError(f"--ambient_share_max is {options.ambient_share_max}; give a share above 0, at most 1")

    # one thread per process: the processes are the parallelism
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"
    from importlib.util import find_spec

    import pandas as pd

    from compartments.cohort import pseudobulk
    from compartments.compare import expression
    from compartments.core import files
    from compartments.study.study import Study

    edger = find_spec("edgepython") is not None
    if options.de_engine == "edger_ql" and not edger:
        raise UserError(expression.EDGER_MISSING)
    study = Study.load(options.study)
    data = pseudobulk.read_pseudobulk(options.pseudobulk, study)
    lineages, skipped = pseudobulk.lineages(data, options.min_cells_pb, expression.STAGE)

    settings = expression.Options(
        options.de_engine, options.ambient_share_max, options.de_engine == "pydeseq2" and edger
    )
    results, fits, reasons = expression.compare_expression(lineages, study, settings, options.cpus)
    skipped += reasons

    target = pd.DataFrame(columns=expression.TARGET_COLUMNS)
    relation = pd.DataFrame(columns=expression.RELATION_COLUMNS)
    if options.target_gene:
        try:
            target = expression.target_expression(data, lineages, options.target_gene)
        except LookupError as reason:
            skipped.append({"stage": expression.STAGE, "reason": reason.args[0]})
        else:
            if options.composition:
                effects = files.read_tsv(
                    options.composition, ("level", "lineage", "contrast", "term", "compartment", "scale", "log2fc")
                )
                relation = expression.target_relation(target, effects, study.contrasts)

    for name, table in results.items():
        files.write_parquet(table, f"{name}.parquet")
        files.write_tsv(table, f"{name}.tsv.gz")
    files.write_tsv(target, "target_gene.tsv")
    files.write_tsv(relation, "target_relation.tsv")
    files.write_json(expression.summarise(settings, options.min_cells_pb, lineages, fits), "expression.json")
    write_skipped(skipped)
