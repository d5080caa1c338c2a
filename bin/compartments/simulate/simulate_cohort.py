"""Make a cohort with known truth: raw and filtered 10x h5 files, a samplesheet, truth tables, a labelled reference.

The first compartment (CSF) is where effects may differ; the last (blood) is the reference.

Presets of two arms of donors:

  alemtuzumab  most lineages depleted in both compartments, pDC kept in CSF and lost from blood; migration genes,
               15 pDC interactions and all migration ligands and receptors of pDC (the hub of migration then) raised in
               CSF only, 15 decoy interactions raised in both
  null         the condition changes nothing
  synchronous  the same depletion in both compartments, no change of expression
  uncoupled    blood depleted, CSF untouched, no change of expression
  decoys       depletion, migration genes and interactions change alike in both compartments; one traumatic tap

Presets of other designs:

  before_after             what alemtuzumab does, in donors who are sampled before and after; donors without it
                           (--untreated, usually none) are sampled before only
  before_after_controlled  the same in one group of donors; those of the control group, sampled twice too, do not change
  time_points              what alemtuzumab does, in donors who are sampled at baseline, m1 (half of it) and m6
  one_condition            donors of one condition (--untreated): CSF differs from blood in composition, and by what
                           alemtuzumab does to the expression of CSF
  one_compartment          two arms of donors, blood alone; --compartment CSF: CSF alone
"""

import sys
from argparse import Namespace
from pathlib import Path

from compartments.core.errors import UserError
from compartments.core.options import Options
from compartments.simulate.designs import DESIGNS, TWO_ARMS
from compartments.simulate.settings import Settings

STEP = "simulate_cohort"
ASSETS = Path(__file__).resolve().parents[3] / "assets"


def arguments() -> Namespace:
    """The command line; an option of a setting has its name in :class:`Settings`."""
    parser, usual = Options(STEP, __doc__), Settings()
    add = parser.add_argument
    add("--outdir", type=Path, required=True, help="folder to write")
    add("--preset", default=usual.preset, help="what the condition changes, see above")
    add("--treated", dest="n_condition", metavar="N", type=int, help="donors with the condition (2, or the preset's)")
    add("--untreated", dest="n_reference", metavar="N", type=int, help="donors without it (4, or the preset's)")
    add("--condition", help=f"name of the condition ({usual.condition}, or the preset's)")
    add("--reference", help=f"name of its absence ({usual.reference}, or the preset's)")
    add("--compartment", action="append", default=[], help="sample this one only; repeatable")
    add("--effects", help="TSV lineage, compartment, log2fc: change of abundance, in place of the preset's")
    add("--base", help="TSV lineage and one column per compartment: shares without the condition, reference last")
    add("--scale", type=float, default=1.0, help="factor on cells per sample, 500 CSF and 1050 blood in two arms")
    add(
        "--cells_per_sample",
        action="append",
        default=[],
        metavar="COMPARTMENT=N",
        help="of an untreated donor; repeatable",
    )
    add("--genes", type=int, default=6000, help="genes taken from the profiles")
    add("--empties", type=int, default=usual.empties, help="empty droplets per sample")
    add("--umi", dest="mean_umi", metavar="UMI", type=float, default=usual.mean_umi, help="UMIs of a T cell")
    add("--soup_umi", type=float, default=usual.soup_umi, help="ambient UMIs per droplet")
    add("--doublet_rate", type=float, default=usual.doublet_rate, help="per 1,000 cells")
    add("--dying", type=float, default=usual.dying, help="share of dying cells")
    add("--batches", type=int, default=usual.batches, help="batches, balanced over conditions")
    for name, meaning in (
        ("sd_donor", "log-abundance between donors"),
        ("sd_sample", "log-abundance between samples of a donor"),
        ("sd_total", "error of cells_per_ul"),
        ("sd_expression_donor", "log-expression between donors"),
        ("sd_expression_sample", "... between samples of a donor"),
        ("sd_batch", "... between batches"),
        ("sd_compartment", "... between compartments, 30 %% of genes"),
        ("de_fraction", "other changed genes, per lineage and kind"),
    ):
        add(f"--{name}", type=float, default=getattr(usual, name), help=meaning)
    add("--traumatic_tap", metavar="DONOR", help="donor (D01 ...) whose first compartment holds blood; decoys: D01")
    add("--outlier", default="", metavar="DONOR", help="donor three times as far from the others")
    add("--filtered", action="store_true", help="name the filtered matrices in the samplesheet too")
    add("--profiles", default=ASSETS / "profiles.tsv.gz", help="expression profiles")
    add("--gene_sets", default=ASSETS / "migration_sets.gmt", help="gene sets")
    add("--mode", choices=["profiles", "resample"], default="profiles", help="cells from profiles or from --cells")
    add(
        "--cells", dest="pool", metavar="H5AD", help="resample: real cells with integer counts in layers['counts'] or X"
    )
    add("--labels", metavar="COLUMN", help="resample: obs column with their lineages")
    return _checked(parser.parse_args())


def _checked(options: Namespace) -> Namespace:
    usual = DESIGNS.get(options.preset, TWO_ARMS).usual
    for name in ("n_condition", "n_reference", "condition", "reference"):
        if getattr(options, name) is None:
            setattr(options, name, usual.get(name, getattr(Settings(), name)))
    if options.condition == options.reference:
        raise UserError(f"--condition and --reference are both '{options.condition}': name them apart")
    if options.preset == "one_condition" and options.n_condition:
        raise UserError("--preset one_condition has no --treated donors; give their number as --untreated")
    for name, number in (("scale", options.scale), ("umi", options.mean_umi), ("soup_umi", options.soup_umi)):
        if not number > 0:
            raise UserError(f"--{name} {number:g}: give a positive number")
    for name in ("empties", "batches"):
        if getattr(options, name) < 1:
            raise UserError(f"--{name} {getattr(options, name)}: give at least 1")
    if options.mode == "resample" and not (options.pool and options.labels):
        raise UserError("--mode resample needs --cells (an h5ad of labelled cells) and --labels (a column of its obs)")
    options.traumatic_tap = options.traumatic_tap or ("D01" if options.preset == "decoys" else "")
    return options


def main() -> None:
    """Plan the cohort, write it sample by sample, then what is true of all."""
    options = arguments()
    from compartments.core.files import replacing, write_json, write_tsv
    from compartments.core.gene_sets import read_gmt
    from compartments.simulate import inputs
    from compartments.simulate.cohort import Cohort, true_cells
    from compartments.simulate.designs import sampled
    from compartments.simulate.presets import effects_in
    from compartments.simulate.reference import draw_reference
    from compartments.simulate.sources import ProfileSource, Source, read_pool
    from compartments.simulate.writing import write_sample

    resample = options.mode == "resample"
    source: Source = (
        read_pool(options.pool, options.labels) if resample else ProfileSource(options.profiles, options.genes)
    )
    base = inputs.read_base(options.base, source.lineages) if options.base else source.base
    base = sampled(base, options.compartment, options.preset)
    effects = inputs.read_effects(options.effects, base) if options.effects else effects_in(options.preset, base)
    if resample and not options.effects:
        inputs.check_changed(effects, options.preset)
    usual = DESIGNS.get(options.preset, TWO_ARMS).usual.get("cells", Settings().cells)
    cells = inputs.cells_per_sample(options.cells_per_sample, usual, base.columns, options.scale)
    settings = Settings.of(vars(options) | {"cells": cells})
    cohort = Cohort.plan(settings, source, base, effects, read_gmt(options.gene_sets))

    outdir, drawn = options.outdir, []
    for row, sample in cohort.draw():
        write_sample(outdir, row.sample, sample, source)
        drawn.append(true_cells(row.sample, sample))
    for name, table in cohort.truth(drawn).items():
        write_tsv(table, outdir / "truth" / name)
    write_json(cohort.described(), outdir / "truth" / "study.json")
    sheet = cohort.samplesheet()
    with replacing(outdir / "samplesheet.csv") as temporary:
        sheet.to_csv(temporary, index=False, lineterminator="\n")
    if not resample:
        with replacing(outdir / "reference.h5ad") as temporary:
            draw_reference(settings, source).write_h5ad(temporary, compression="gzip")
    sys.stdout.write(
        f"{outdir / 'samplesheet.csv'}: {len(sheet)} samples, {sheet['expected_cells'].sum()} cells, "
        f"{len(source.genes)} genes\n"
    )
