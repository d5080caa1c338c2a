"""Do the compartments change together?

Writes coupling.tsv and drivers.tsv; from expression, concordance.tsv; from the cells, edistance.tsv.
"""

import argparse

from compartments.core.left_out import write_skipped


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", required=True, help="study.json of check_design.py")
    parser.add_argument("--composition", required=True, help="effects.tsv of compare_composition.py")
    parser.add_argument("--donors", required=True, help="donors.tsv of compare_composition.py")
    parser.add_argument("--expression", nargs="*", default=[], help="<contrast>.parquet of compare_expression.py")
    parser.add_argument("--cohort", help="cohort.h5ad of embed_cohort.py")
    parser.add_argument("--equiv_margin", type=float, default=1.0, help="margin of equivalence, log2 [%(default)s]")
    parser.add_argument("--seed", type=int, default=0, help="seed of the bootstrap of the concordance [%(default)s]")
    arguments = parser.parse_args()

    from pathlib import Path

    import pandas as pd

    from compartments.compare import composition, coupling, distance
    from compartments.core.errors import UserError
    from compartments.core.files import read_tsv, write_tsv
    from compartments.study.study import Study

    if not arguments.equiv_margin > 0:
        raise UserError(f"--equiv_margin {arguments.equiv_margin} is not above 0; give a log2 fold change, such as 1")
    study = Study.load(arguments.study)
    effects = read_tsv(arguments.composition, composition.EFFECTS)
    donors = read_tsv(arguments.donors, composition.DONORS)
    table, drivers, skipped = coupling.compare(study, effects, donors, arguments.equiv_margin, arguments.seed)
    concordance = [pd.DataFrame(columns=coupling.CONCORDANCE)]
    columns = ["lineage", "gene", "term", "compartment", "log2fc", "q_value"]
    for path in sorted(arguments.expression):
        expression = pd.read_parquet(path, columns=columns)
        rows, reasons = coupling.expression_concordance(expression, Path(path).stem, study.reference_compartment)
        concordance.append(rows)
        skipped += reasons
    distances = pd.DataFrame(columns=distance.EDISTANCE)
    if arguments.cohort:
        import h5py
        from anndata.io import read_elem

        with h5py.File(arguments.cohort) as file:
            cells = pd.DataFrame({name: read_elem(file[f"obs/{name}"]) for name in ("sample", "lineage")})
            distances, reasons = distance.arm_distances(cells, file["obsm/X_pca"][:], study)
        skipped += reasons
    write_tsv(table, "coupling.tsv")
    write_tsv(drivers, "drivers.tsv")
    write_tsv(pd.concat(concordance, ignore_index=True), "concordance.tsv")
    write_tsv(distances, "edistance.tsv")
    write_skipped(skipped)
