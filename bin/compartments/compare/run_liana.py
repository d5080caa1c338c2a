"""Score ligand-receptor pairs between the lineages of one sample (LIANA's consensus)."""

from argparse import Namespace

from compartments.core.contract import Contract
from compartments.core.errors import SampleSkipped, UserError
from compartments.core.left_out import LeftOut
from compartments.core.options import Options

STEP = "run_liana"


def arguments() -> Namespace:
    parser = Options(STEP, __doc__)
    parser.add_argument("--filtered", required=True, help="<sample>.filtered.h5ad")
    parser.add_argument("--doublets", required=True, help="<sample>.doublets.tsv.gz")
    parser.add_argument("--labels", required=True, help="<sample>.labels.tsv.gz")
    parser.add_argument(
        "--lr_resource", default="consensus", help="a resource of LIANA, or a .tsv with columns ligand, receptor"
    )
    parser.add_argument("--min_cells", type=int, default=10, help="cells that a lineage needs")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    if given.min_cells < 1:
        raise UserError(f"--min_cells is {given.min_cells}; give at least 1")

    from compartments.cohort.sample import load_annotated
    from compartments.compare.liana import about_resource, of_sample, rank_aggregate, tested
    from compartments.compare.scored_cells import log_normalise, testable_cells
    from compartments.core.files import write_parquet
    from compartments.core.pairs import check_genes, read_resource
    from compartments.core.species import species_of
    from compartments.core.vocabulary import EXPR_PROP

    left_out = LeftOut(STEP)
    sample, genes, corrected, lineages = load_annotated(given.filtered, given.doublets, given.labels)
    resource = read_resource(given.lr_resource, species_of(genes))
    unknown, n_symbols = check_genes(resource, genes, given.lr_resource, given.filtered)
    keep, reasons = testable_cells(lineages, given.min_cells)
    for lineage, reason in reasons.items():
        left_out.add(reason, sample=sample, lineage=lineage)
    x = log_normalise(corrected[keep])
    try:
        table = rank_aggregate(x, genes, lineages[keep], resource, given.n_perms, given.seed, given.min_cells)
    except SampleSkipped as reason:
        left_out.add(str(reason), sample=sample)
    else:
        write_parquet(of_sample(table, sample), f"{sample}.liana.parquet")
        used = {"sample": sample, "lr_resource": given.lr_resource, **about_resource(resource, n_symbols, unknown)}
        summary = used | tested(table, lineages[keep])
        settings = {"n_perms": given.n_perms, "min_cells": given.min_cells, "expr_prop": EXPR_PROP, "seed": given.seed}
        Contract.of(STEP).write_summary(summary | settings, f"samples/{sample}/{sample}.liana.json")
    left_out.write()
