"""Who is in the cohort, what can be tested, with what power."""

import pandas as pd

from compartments.report import captions
from compartments.report.blocks import Block, Text
from compartments.report.figures.forest import power_dots
from compartments.report.figures.maps import tiles
from compartments.report.page import Page, arms
from compartments.study.study import Contrast

NAME = "design"
TITLE = "Cohort and design"
NEEDS = ["design.tsv", "samples.tsv"]
STEPS = ["check_design"]

PATHS = ["raw", "filtered", "cellbender", "fastq_1", "fastq_2", "row"]  # of the samplesheet: not shown
TESTED = ["contrast", "term", "compartment", "n_condition", "n_reference", "residual_df", "tier", "median_mde80"]
TESTED += ["permutation_floor", "donors_condition", "donors_reference", "note"]
PLACE = ["contrast", "term", "compartment"]


def build(page: Page) -> list[Block]:
    """Donors and samples, what each comparison rests on, and what could be found."""
    study, counts = page.study, page.table("composition/counts.tsv")
    cells = {}
    if counts is not None:
        cells = counts[counts["level"] == "lineage"].groupby("sample")["n_cells"].sum().to_dict()
    analysed = study.samples if page.results.analysed is None else page.results.analysed
    samples = captions.samples(study.samples)
    if len(analysed) < len(study.samples):
        samples += f" ({captions.samples(analysed)} analysed)"
    cohort = page.text(
        "design.cohort",
        samples=samples,
        n_compartments=len(study.compartments),
        compartments=", ".join(study.compartments),
        n_conditions=study.samples["condition"].nunique(),
        n_both=int((analysed.groupby("donor")["compartment"].nunique() > 1).sum()),
    )
    table, effects = page.needed("design.tsv"), page.table("composition/effects.tsv")
    if effects is not None:
        median = effects[effects["level"] == "lineage"].groupby(PLACE)["mde80"].median().rename("median_mde80")
        table = table.drop(columns="median_mde80", errors="ignore").join(median, on=PLACE)
    tested = table[[c for c in TESTED if c in table]]
    return [
        cohort,
        *(Text(warning, "warning") for warning in study.warnings),
        tiles("cohort", study.samples, cells, page.colours, page.words("design.tiles", samples)),
        page.listing("design.tested", tested, "design.tsv", name="design"),
        *_power(page),
        page.listing("design.samples", _known(study.samples), "samples.tsv", folded=True),
        *_replicates(page),
    ]


def _replicates(page: Page) -> list[Block]:
    """How well captures of one specimen agree, if there are any."""
    table = page.table("cohort/replicates.tsv")
    return [] if table is None else [page.listing("design.replicates", table, "cohort/replicates.tsv")]


def _known(samples: pd.DataFrame) -> pd.DataFrame:
    """Columns of the samplesheet that say something, without the paths."""
    shown = samples[[c for c in samples if c not in PATHS]]
    return shown.loc[:, shown.notna().any() & (shown.astype(str) != "").any()]


def _power(page: Page) -> list[Block]:
    """What this cohort could find, lineage by lineage, and what more donors would change."""
    power = page.table("composition/power.tsv")
    if power is None:
        return []
    power = power[power["level"] == "lineage"]
    blocks: list[Block] = [page.text("design.power_heading", "heading")]
    for contrast, term, compartment in page.study.terms():
        rows = power[
            (power["contrast"] == contrast.contrast) & (power["term"] == term) & (power["compartment"] == compartment)
        ]
        if len(rows):
            blocks += _power_of(page, rows.assign(label=rows["lineage"]), contrast, term, compartment)
    shown = power.drop(columns="level").sort_values(["term", "compartment", "more_donors", "mde80"], kind="stable")
    blocks.append(page.listing("design.power_table", shown, "composition/power.tsv", folded=True))
    return blocks


def _power_of(page: Page, rows: pd.DataFrame, contrast: Contrast, term: str, compartment: str) -> list[Block]:
    more = sorted(rows["more_donors"].unique())
    now = rows[rows["more_donors"] == more[0]].sort_values("fold_mde80")
    best, worst, last = now.iloc[0], now.iloc[-1], rows[rows["more_donors"] == more[-1]]
    between = term == "interaction"
    there = f"{compartment} against {page.base}" if between else f"in {compartment}"
    said = page.text(
        "design.power",
        there=there[0].upper() + there[1:],
        arms=arms(contrast),
        donors=captions.per_arm(now["n_condition"], now["n_reference"], contrast),
        must="differ between compartments" if between else "change",
        typical=now["fold_mde80"].median(),
        best=best,
        worst=worst,
    )
    if more[-1] > 0:
        further = page.text(
            "design.power_more",
            n=more[-1],
            typical=last["fold_mde80"].median(),
            then=last["permutation_floor"].iloc[0],
            floor=best["permutation_floor"],
        )
        said = Text(f"{said.text} {further.text}")
    words = page.words(
        "design.power_dots",
        captions.estimates(now, contrast),
        there=there,
        arms=arms(contrast),
        what="difference" if between else "change",
    )
    name = f"power_{contrast.contrast}_{'between' if between else 'within'}_{compartment}"
    shown = rows[["label", "lineage", "more_donors", "n_condition", "n_reference", "mde80", "fold_mde80", "tier"]]
    axis = "fold change found with 80 % power (log scale)"
    return [said, power_dots(name, shown, list(now["label"]), words, x=axis)]
