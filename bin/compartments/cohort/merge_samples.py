"""Put all samples into one object, with the sums that the statistics need.

Writes merged.h5ad, pseudobulk.h5ad, counts.tsv, cells.tsv.gz and .parquet, ambient_share.tsv.gz, warnings.tsv,
skipped.tsv and others.
"""

import argparse
from pathlib import Path

from compartments.core.files import replacing
from compartments.core.left_out import write_skipped


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", required=True, help="study.json")
    parser.add_argument("--filtered", nargs="*", type=Path, default=[], help="<s>.filtered.h5ad of all samples")
    parser.add_argument("--doublets", nargs="*", type=Path, default=[], help="<s>.doublets.tsv.gz")
    parser.add_argument("--labels", nargs="*", type=Path, default=[], help="<s>.labels.tsv.gz")
    parser.add_argument("--allow_mixed_ambient", action="store_true", help="samples may differ in ambient correction")
    arguments = parser.parse_args()

    import pandas as pd

    from compartments.cohort import cohort
    from compartments.cohort.cohort import cohort_method
    from compartments.core.files import write_parquet, write_tsv
    from compartments.study.study import Study

    study = Study.load(arguments.study)
    files, skipped = cohort.match_files(study, arguments.filtered, arguments.doublets, arguments.labels)
    gathered, empty = cohort.gather(files)
    skipped += empty
    if not arguments.allow_mixed_ambient:
        skipped += cohort.drop_uncleaned(gathered)
    write_skipped(skipped)
    cohort.check_left(study, gathered.names)
    method = cohort_method(gathered.methods, arguments.allow_mixed_ambient)
    merged = cohort.merge(study, gathered, method)
    bulk = cohort.pseudobulk(merged)
    write_tsv(cohort.lineage_counts(merged.obs), "counts.tsv")
    cells = merged.obs.rename_axis("cell").reset_index()
    write_tsv(cells, "cells.tsv.gz")
    write_parquet(cells, "cells.parquet")
    warnings = cohort.sample_warnings(
        merged, bulk, study.subset(gathered.names), gathered.ambient_warnings, gathered.doublets
    )
    write_tsv(warnings, "warnings.tsv")
    write_tsv(cohort.ambient_shares(bulk), "ambient_share.tsv.gz")
    write_tsv(pd.concat(gathered.doublets), "doublets.tsv")
    write_tsv(cohort.compare_models(merged.obs), "models.tsv")
    for data, path in ((bulk, "pseudobulk.h5ad"), (merged, "merged.h5ad")):
        with replacing(path) as temporary:
            data.write_h5ad(temporary, compression="gzip", compression_opts=1)
