"""Make a cohort with known truth: raw and filtered 10x h5 files, a samplesheet, truth tables, a labelled reference.

The first compartment (CSF) is where effects may differ; the last (blood) is the reference. Presets:

  alemtuzumab  most lineages depleted in both compartments, pDC kept in CSF and lost from blood; migration genes,
               15 pDC interactions and all migration ligands and receptors of pDC (the hub of migration then) raised in
               CSF only, 15 decoy interactions raised in both
  null         the condition changes nothing
  synchronous  the same depletion in both compartments, no change of expression
  uncoupled    blood depleted, CSF untouched, no change of expression
  decoys       depletion, migration genes and interactions change alike in both compartments; one traumatic tap
"""

import argparse
from pathlib import Path

from compartments.core.errors import UserError

ASSETS = Path(__file__).resolve().parents[3] / "assets"
PRESETS = ["alemtuzumab", "null", "synchronous", "uncoupled", "decoys"]


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--outdir", required=True, help="folder to write")
    add("--preset", default="alemtuzumab", help=f"{', '.join(PRESETS)} (default %(default)s)")
    add("--treated", type=int, default=2, help="donors with the condition (default %(default)s)")
    add("--untreated", type=int, default=4, help="donors without it (default %(default)s)")
    add("--seed", type=int, default=1, help="same seed, same bytes (default %(default)s)")
    add("--condition", default="alemtuzumab", help="name of the condition (default %(default)s)")
    add("--reference", default="untreated", help="name of its absence (default %(default)s)")
    add("--effects", help="TSV lineage, compartment, log2fc: change of abundance, in place of the preset's")
    add("--base", help="TSV lineage and one column per compartment: shares without the condition, reference last")
    add(
        "--scale",
        type=float,
        default=1.0,
        help="factor on cells per sample, 500 CSF and 1050 blood (default %(default)s)",
    )
    add(
        "--cells_per_sample",
        action="append",
        default=[],
        metavar="COMPARTMENT=N",
        help="of an untreated donor; repeatable",
    )
    add("--genes", type=int, default=6000, help="genes taken from the profiles (default %(default)s)")
    add("--empties", type=int, default=8000, help="empty droplets per sample (default %(default)s)")
    add("--umi", type=float, default=2500, help="UMIs of a T cell (default %(default)s)")
    add("--soup_umi", type=float, default=80, help="ambient UMIs per droplet (default %(default)s)")
    add("--doublet_rate", type=float, default=0.008, help="per 1,000 cells (default %(default)s)")
    add("--dying", type=float, default=0.04, help="share of dying cells (default %(default)s)")
    add("--batches", type=int, default=2, help="batches, balanced over conditions (default %(default)s)")
    add("--sd_donor", type=float, default=0.35, help="log-abundance between donors (default %(default)s)")
    add("--sd_sample", type=float, default=0.30, help="log-abundance between samples of a donor (default %(default)s)")
    add("--sd_total", type=float, default=0.15, help="error of cells_per_ul (default %(default)s)")
    add("--sd_expression_donor", type=float, default=0.30, help="log-expression between donors (default %(default)s)")
    add("--sd_expression_sample", type=float, default=0.15, help="... between samples of a donor (default %(default)s)")
    add("--sd_batch", type=float, default=0.10, help="... between batches (default %(default)s)")
    add(
        "--sd_compartment",
        type=float,
        default=0.30,
        help="... between compartments, 30 %% of genes (default %(default)s)",
    )
    add(
        "--de_fraction",
        type=float,
        default=0.01,
        help="other changed genes, per lineage and kind (default %(default)s)",
    )
    add("--traumatic_tap", default="", metavar="DONOR", help="donor (D01 ...) whose first compartment holds blood")
    add("--outlier", default="", metavar="DONOR", help="donor three times as far from the others")
    add("--filtered", action="store_true", help="name the filtered matrices in the samplesheet too")
    add("--profiles", default=ASSETS / "profiles.tsv.gz", help="expression profiles (default: those of the pipeline)")
    add("--gene_sets", default=ASSETS / "migration_sets.gmt", help="gene sets (default: those of the pipeline)")
    add("--mode", choices=["profiles", "resample"], default="profiles", help="cells from profiles or from --cells")
    add("--cells", metavar="H5AD", help="resample: real cells with integer counts in layers['counts'] or X")
    add("--labels", metavar="COLUMN", help="resample: obs column with their lineages")
    return parser.parse_args()


def main():
    arguments = parse()
    for name in ("scale", "umi", "soup_umi"):
        if not getattr(arguments, name) > 0:
            raise UserError(f"--{name} {getattr(arguments, name):g}: give a positive number")
    for name in ("empties", "batches"):
        if getattr(arguments, name) < 1:
            raise UserError(f"--{name} {getattr(arguments, name)}: give at least 1")
    import pandas as pd

    from compartments.core.files import replacing
    from compartments.simulate import droplets
    from compartments.simulate.studies import preset_effects

    source = make_source(arguments, droplets)
    base = read_base(arguments, droplets, source, pd)
    effects = read_effects(arguments, base, pd)
    if effects is None:
        effects = preset_effects(arguments.preset, base.index).set_axis(["site", "reference"], axis=1)
        effects = pd.DataFrame(
            {c: effects["reference" if i == base.shape[1] - 1 else "site"] for i, c in enumerate(base.columns)}
        )
        if arguments.mode == "resample" and arguments.preset != "null" and not effects.to_numpy().any():
            raise UserError(
                f"--labels: the presets change none of {', '.join(base.index)}; give --effects or --preset null"
            )
    settings = droplets.Settings(
        preset=arguments.preset,
        n_condition=arguments.treated,
        n_reference=arguments.untreated,
        seed=arguments.seed,
        condition=arguments.condition,
        reference=arguments.reference,
        cells=read_cells(arguments, droplets, base),
        empties=arguments.empties,
        mean_umi=arguments.umi,
        soup_umi=arguments.soup_umi,
        doublet_rate=arguments.doublet_rate,
        dying=arguments.dying,
        batches=arguments.batches,
        sd_donor=arguments.sd_donor,
        sd_sample=arguments.sd_sample,
        sd_total=arguments.sd_total,
        sd_expression_donor=arguments.sd_expression_donor,
        sd_expression_sample=arguments.sd_expression_sample,
        sd_batch=arguments.sd_batch,
        sd_compartment=arguments.sd_compartment,
        de_fraction=arguments.de_fraction,
        traumatic_tap=arguments.traumatic_tap or ("D01" if arguments.preset == "decoys" else ""),
        outlier=arguments.outlier,
        filtered=arguments.filtered,
    )
    gene_sets = droplets.read_gene_sets(arguments.gene_sets)
    outdir = Path(arguments.outdir)
    sheet = droplets.write_cohort(outdir, settings, source, base, effects, gene_sets)
    if arguments.mode == "profiles":
        with replacing(outdir / "reference.h5ad") as temporary:
            droplets.draw_reference(settings, source).write_h5ad(temporary, compression="gzip")
    print(
        f"{outdir / 'samplesheet.csv'}: {len(sheet)} samples, {sheet['expected_cells'].sum()} cells, "
        f"{len(source.genes)} genes"
    )


def make_source(arguments, droplets):
    if arguments.mode == "profiles":
        return droplets.ProfileSource(arguments.profiles, arguments.genes)
    if not (arguments.cells and arguments.labels):
        raise UserError("--mode resample needs --cells (an h5ad of labelled cells) and --labels (a column of its obs)")
    return droplets.read_pool(arguments.cells, arguments.labels)


def read_base(arguments, droplets, source, pd):
    if not arguments.base:
        if arguments.mode == "resample":
            shares = pd.Series({lineage: len(rows) for lineage, rows in source.rows.items()}, dtype=float)
            return pd.DataFrame({"CSF": shares, "blood": shares})
        return droplets.DROPLET_BASE
    base = read_table(arguments.base, pd, ["lineage"]).set_index("lineage")
    if base.shape[1] < 2:
        raise UserError(
            f"{arguments.base}: give at least two columns of shares, one per compartment, the reference last"
        )
    check_lineages(base.index, source.lineages, arguments.base)
    base = base.apply(pd.to_numeric, errors="coerce")
    if base.isna().any(axis=None) or (base < 0).any(axis=None) or not (base.sum() > 0).all():
        raise UserError(f"{arguments.base}: shares must be numbers of 0 or more, and some above 0 in each compartment")
    return base


def read_effects(arguments, base, pd):
    if not arguments.effects:
        return None
    table = read_table(arguments.effects, pd, ["lineage", "compartment", "log2fc"])
    check_lineages(table["lineage"], base.index, arguments.effects)
    for compartment in table["compartment"]:
        if compartment not in base.columns:
            raise UserError(
                f"{arguments.effects}: unknown compartment '{compartment}'; valid are {', '.join(base.columns)}"
            )
    table["log2fc"] = pd.to_numeric(table["log2fc"], errors="coerce")
    if table["log2fc"].isna().any() or table.duplicated(["lineage", "compartment"]).any():
        raise UserError(f"{arguments.effects}: one row per lineage and compartment, and log2fc a number")
    wide = table.pivot(index="lineage", columns="compartment", values="log2fc")
    return wide.reindex(index=base.index, columns=base.columns).fillna(0.0)


def read_cells(arguments, droplets, base):
    cells = {compartment: droplets.Settings().cells.get(compartment, 600) for compartment in base.columns}
    for given in arguments.cells_per_sample:
        compartment, _, number = given.partition("=")
        if compartment not in cells or not number.isdigit() or int(number) < 20:
            raise UserError(
                f"--cells_per_sample '{given}': write COMPARTMENT=N, N at least 20; compartments: {', '.join(cells)}"
            )
        cells[compartment] = int(number)
    return {compartment: max(round(number * arguments.scale), 20) for compartment, number in cells.items()}


def read_table(path, pd, required):
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file")
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    for column in required:
        if column not in table:
            raise UserError(f"{path}: column '{column}' is missing; it has {', '.join(table.columns)}")
    return table


def check_lineages(names, valid, where):
    for name in names:
        if name not in valid:
            raise UserError(f"{where}: unknown lineage '{name}'; valid are {', '.join(valid)}")
