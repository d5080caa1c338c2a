"""What this cohort, or a planned one, can find: minimum detectable effects with 80 % power, and with more donors."""

import argparse


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="Of a cohort: --study with --counts or --effects. Before a study: --condition 2 --reference 4.",
    )
    parser.add_argument("--study", help="study.json of check_design.py")
    parser.add_argument("--counts", help="counts.tsv of merge_samples.py")
    parser.add_argument("--effects", help="effects.tsv of compare_composition.py")
    parser.add_argument("--condition", type=int, help="donors with the condition")
    parser.add_argument("--reference", type=int, help="donors of the reference")
    parser.add_argument("--cells", type=float, nargs="+", help="cells of a lineage per sample [5 20 100 1000]")
    parser.add_argument("--sd_donor", type=float, default=0.35, help="spread between donors, ln [%(default)s]")
    parser.add_argument("--sd_sample", type=float, default=0.30, help="spread between samples, ln [%(default)s]")
    parser.add_argument("--cv_total", type=float, default=0.15, help="error of cells_per_ul [%(default)s]")
    parser.add_argument(
        "--more", type=int, nargs="+", default=[0, 1, 2, 3, 4], help="donors to add per arm [0 1 2 3 4]"
    )
    parser.add_argument("--out", default="power.tsv", help="table to write [%(default)s]")
    arguments = parser.parse_args()

    from compartments.compare import composition
    from compartments.compare.detectable import before_a_study, with_more_donors
    from compartments.core.errors import UserError
    from compartments.core.files import read_tsv, write_tsv
    from compartments.study.study import Study

    if min(arguments.more) < 0:
        raise UserError(f"--more {min(arguments.more)}: donors are added, so give 0 or more")
    planned = [arguments.condition, arguments.reference]
    if any(n is not None for n in planned):
        if None in planned or arguments.effects or arguments.counts:
            raise UserError("before a study give both --condition and --reference, and neither --counts nor --effects")
        sizes = arguments.cells or [5, 20, 100, 1000]
        table = before_a_study(
            *planned, sizes, arguments.more, arguments.sd_donor, arguments.sd_sample, arguments.cv_total
        )
    elif arguments.effects:
        table = with_more_donors(read_tsv(arguments.effects, composition.EFFECTS), arguments.more)
    elif arguments.counts and arguments.study:
        counts = read_tsv(arguments.counts, ("sample", "level", "lineage", "n_cells"))
        found = composition.compare(Study.load(arguments.study), counts, cv_total=arguments.cv_total)
        table = with_more_donors(found.effects, arguments.more)
    else:
        raise UserError(
            "nothing to compute power from: give --effects, or --study with --counts, or --condition with --reference"
        )
    write_tsv(table, arguments.out)
