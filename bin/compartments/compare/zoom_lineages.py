"""Cluster the cells of single lineages and compare the shares of their subclusters between donors."""

import argparse

from compartments.core.contract import Contract
from compartments.core.left_out import LeftOut
from compartments.core.options import Options

STEP = "zoom_lineages"


def arguments() -> argparse.Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--study", required=True, help="study.json of check_design")
    parser.add_argument("--cohort", required=True, help="cohort.h5ad of embed_cohort")
    parser.add_argument("--cpus", type=int, default=1, help="threads; the results do not depend on it")
    return parser.parse_args()


def main() -> None:
    """Write the tables of ``zoom/``."""
    options = arguments()
    import pandas as pd

    from compartments.cohort.embedding import Settings
    from compartments.compare import zoom
    from compartments.study.parameters import names_in
    from compartments.study.study import Study

    left_out, contract = LeftOut(STEP), Contract.of(STEP)
    study = Study.load(options.study)
    settings = Settings(options.integration_key, options.embedding, options.seed, options.cpus, options.zoom_resolution)
    looked = [zoom.zoom(options.cohort, name, study, settings, left_out) for name in names_in(options.zoom)]
    found = [one for one in looked if one is not None]
    for table in ("cells.tsv.gz", "clusters.tsv", "counts.tsv", "effects.tsv", "donors.tsv"):
        tables = [getattr(one, table.partition(".")[0]) for one in found]
        names = contract.names(f"zoom/{table}")
        rows = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=names)
        contract.write(rows[names], f"zoom/{table}")
    left_out.write()
