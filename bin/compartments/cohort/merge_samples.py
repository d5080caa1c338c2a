"""Add up the sums of all samples to what the statistics need; the cells' metadata become one table.

Writes merged.h5ad and skipped.tsv; cohort/: pseudobulk.h5ad, cells.tsv.gz and .parquet, warnings.tsv, doublets.tsv,
models.tsv, depth.tsv, replicates.tsv, genes.tsv, references.tsv, ambient_share.tsv.gz, ambient_genes.tsv;
composition/counts.tsv.
"""

import argparse
from pathlib import Path

from compartments.core.contract import Contract
from compartments.core.files import replacing, write_text
from compartments.core.left_out import LeftOut
from compartments.core.options import Options

STEP = "merge_samples"


def arguments() -> argparse.Namespace:
    options = Options(STEP, __doc__)
    options.add_argument("--study", required=True, help="study.json")
    options.add_argument("--sums", nargs="*", type=Path, default=[], help="<s>.sums.h5ad of all samples")
    return options.parse_args()


def main() -> None:
    given = arguments()
    import pandas as pd

    from compartments.cohort import gathering, tallies
    from compartments.cohort.ambient_genes import ambient_partners
    from compartments.cohort.depth import common_depth, depth_along
    from compartments.cohort.made import made_of
    from compartments.cohort.merging import make_pseudobulk, merge
    from compartments.cohort.specimens import agreement
    from compartments.cohort.suspects import of_identity, sample_warnings
    from compartments.counts.references import genes_table, origins, unite_genes
    from compartments.study.study import Study

    study, left_out, contract = Study.load(given.study), LeftOut(STEP), Contract.of(STEP)
    files = gathering.match_files(study, given.sums, left_out)
    gathered = gathering.gather(files)
    if not given.allow_mixed_ambient:
        gathering.drop_uncleaned(gathered, left_out)
    gathering.say_weakened(study, gathered, left_out)
    left_out.write()
    gathering.check_left(study, gathered.names)
    united, present = unite_genes(gathered.var), study.subset(gathered.names)
    merged = merge(study, gathered, united, gathering.cohort_method(gathered.methods, given.allow_mixed_ambient))
    bulk = make_pseudobulk(gathered, united, merged)
    references, said = origins(united, present.samples, made_of(bulk, gathered.said("chemistry")))
    depth = common_depth(bulk[:, united.everywhere])
    said += depth_along(depth, present.samples, references.set_index("sample")["chemistry"])
    contract.write(references, "cohort/references.tsv")
    contract.write(genes_table(united, gathered.names), "cohort/genes.tsv")
    contract.write(tallies.lineage_counts(merged.obs), "composition/counts.tsv")
    contract.write(cells := tallies.cell_rows(merged), "cohort/cells.tsv.gz")
    contract.write(cells, "cohort/cells.parquet")
    warnings = sample_warnings(gathered, bulk, present, merged.obs, said)
    contract.write(warnings, "cohort/warnings.tsv")
    write_text("".join(f"{row.sample}: {row.warning}\n" for row in of_identity(warnings).itertuples()), "doubts.txt")
    contract.write(tallies.ambient_shares(bulk), "cohort/ambient_share.tsv.gz")
    contract.write(ambient_partners(bulk), "cohort/ambient_genes.tsv")
    contract.write(depth, "cohort/depth.tsv")
    contract.write(pd.concat(gathered.doublets), "cohort/doublets.tsv")
    contract.write(tallies.compare_models(merged.obs), "cohort/models.tsv")
    contract.write(agreement(merged.obs, study.samples), "cohort/replicates.tsv")
    for data, path in ((bulk, "cohort/pseudobulk.h5ad"), (merged, "merged.h5ad")):
        with replacing(path) as temporary:
            data.write_h5ad(temporary, compression="gzip", compression_opts=1)
