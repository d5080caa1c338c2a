"""How often does this study claim something of donors whose conditions are relabelled?"""

from argparse import Namespace

from compartments.core.contract import Contract
from compartments.core.left_out import LeftOut
from compartments.core.options import Options

STEP = "calibrate"


def arguments() -> Namespace:
    parser = Options(STEP, __doc__)
    parser.add_argument("--study", required=True, help="study.json of check_design")
    parser.add_argument("--counts", required=True, help="counts.tsv of merge_samples")
    parser.add_argument("--composition", required=True, help="composition.json of compare_composition: its settings")
    return parser.parse_args()


def main() -> None:
    """Write ``composition/calibration.tsv``."""
    given = arguments()
    import pandas as pd

    from compartments.cohort.specimens import summed
    from compartments.compare import composition, coupling, relabelling
    from compartments.core.files import read_json, read_tsv
    from compartments.study.captures import specimen_of
    from compartments.study.study import Study

    left_out, summary = LeftOut(STEP), read_json(given.composition)
    counts = read_tsv(given.counts, ("sample", "level", "lineage", "n_cells"))
    counts = counts[(counts["level"] == "lineage") & (counts["n_cells"] > 0)]
    study = Study.load(given.study)
    # specimens whose fractions do not add up are in no comparison
    study = study.of_specimens().subset(summed(counts, study.samples, LeftOut(STEP))["sample"])
    counts = counts[counts["sample"].isin(list(specimen_of(study.samples)))]
    settings = {name: summary[name] for name in relabelling.SETTINGS if summary.get(name) is not None}

    def claims(relabelled: Study) -> pd.DataFrame:
        found = composition.compare(relabelled, counts, **settings, seed=given.seed)
        unanswered, margin = LeftOut(STEP), settings["equiv_margin"]
        table, _ = coupling.compare(relabelled, found.effects, found.donors, unanswered, margin, given.seed)
        return relabelling.claims_of(found.effects, table)

    table = pd.DataFrame()
    if given.calibrate != "off":
        asked, n_lineages = given.calibrate == "on", counts["lineage"].nunique()
        table = relabelling.calibrate(study, n_lineages, claims, asked, left_out, given.seed)
    Contract.of(STEP).write(table, "composition/calibration.tsv")
    left_out.write()
