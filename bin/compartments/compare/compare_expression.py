"""Pseudobulk differential expression within compartments and between them, per lineage."""

import os
from argparse import Namespace

from compartments.core.contract import Contract
from compartments.core.left_out import LeftOut
from compartments.core.options import Options

STEP = "compare_expression"


def arguments() -> Namespace:
    parser = Options(STEP, __doc__)
    parser.add_argument("--study", required=True, help="study.json")
    parser.add_argument("--pseudobulk", required=True, help="pseudobulk.h5ad")
    parser.add_argument("--composition", help="composition effects.tsv: relates the target gene to depletion")
    parser.add_argument("--cpus", type=int, default=1, help="processes")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    # one thread per process: the processes are the parallelism
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"

    from compartments.cohort.ambient_genes import assume_ambient
    from compartments.cohort.pseudobulk import lineages, read_pseudobulk
    from compartments.compare.expression import compare_lineages
    from compartments.compare.gene_values import gene_values
    from compartments.compare.target import EFFECTS, target_tables
    from compartments.core.files import read_tsv
    from compartments.study.study import Study

    contract, left_out = Contract.of(STEP), LeftOut(STEP)
    study = Study.load(given.study).of_specimens()
    data = read_pseudobulk(given.pseudobulk, study, left_out=left_out)
    assumed = assume_ambient(data)
    usable = lineages(data, given.min_cells_pb, left_out)
    compared = compare_lineages(usable, study, left_out, given.cpus, assumed)
    effects = read_tsv(given.composition, EFFECTS) if given.composition and given.target_gene else None
    target, relation = target_tables(data, usable, given.target_gene, effects, study.asked(), left_out)

    values = gene_values(usable, compared.tables.values())
    contract.write(values, "expression/donors/log2_cpm.parquet")
    contract.write(target, "expression/target_gene.tsv")
    contract.write(relation, "expression/target_relation.tsv")
    for contrast, table in compared.tables.items():
        contract.write(table, f"expression/{contrast}.parquet")
        contract.write(table, f"expression/{contrast}.tsv.gz")
    contract.write_summary(compared.summary(given.min_cells_pb, len(usable)), "expression/expression.json")
    left_out.write()
