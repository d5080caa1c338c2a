"""Who is in the cohort, what can be tested, with what power."""

import pandas as pd

from compartments.core.numbers import beside
from compartments.core.vocabulary import ALPHA
from compartments.findings import designs
from compartments.report import captions, forests
from compartments.report.blocks import Block, Text
from compartments.report.figures.forest import power_dots
from compartments.report.figures.maps import tiles
from compartments.report.page import Page
from compartments.study.captures import specimen_of
from compartments.study.plan import WORDS
from compartments.study.study import COMPARTMENTS, TREND
from compartments.study.terms import Term

NAME = "design"
TITLE = "Cohort and design"
NEEDS = ["design.tsv", "samples.tsv"]
STEPS = ["check_design"]

PATHS = ["raw", "filtered", "cellbender", "fastq_1", "fastq_2", "row"]  # of the samplesheet: not shown
TESTED = [
    "contrast",
    "kind",
    "term",
    "compartment",
    "n_condition",
    "n_reference",
    "residual_df",
    "tier",
    "median_mde80",
]
TESTED += ["permutation_floor", "donors_condition", "donors_reference", "note"]
MANY = 5  # terms; of more, figures of power are of those between compartments alone
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
        n_compartments=captions.counted(len(study.compartments), "compartment"),
        compartments=", ".join(study.compartments),
        n_conditions=captions.counted(study.samples["condition"].nunique(), "condition"),
        paired=_paired_text(page, analysed),
    )
    table, effects = page.needed("design.tsv"), page.table("composition/effects.tsv")
    if effects is not None:
        median = effects[effects["level"] == "lineage"].groupby(PLACE)["mde80"].median().rename("median_mde80")
        table = table.drop(columns="median_mde80", errors="ignore").join(median, on=PLACE)
    tested = table[[c for c in TESTED if c in table]]
    return [
        cohort,
        *(Text(warning, "warning") for warning in [*study.warnings, *_of_several_samples(page)]),
        tiles("cohort", study.samples, cells, page.colours, page.words("design.tiles", samples)),
        *(Text(line) for line in kinds(page)),
        page.listing("design.tested", tested, "design.tsv", name="design"),
        *_power(page),
        page.listing("design.samples", _known(study.samples), "samples.tsv", folded=True),
        *_replicates(page),
        *_origins(page),
    ]


def _of_several_samples(page: Page) -> list[str]:
    """What was noticed of no single sample, such as files of several references."""
    warnings = page.table("cohort/warnings.tsv")
    return [] if warnings is None else warnings.loc[warnings["sample"].isna(), "warning"].tolist()


def _origins(page: Page) -> list[Block]:
    """Which genes the samples' files list, and by which chemistry, where these differ."""
    references, genes = page.table("cohort/references.tsv"), page.table("cohort/genes.tsv")
    blocks: list[Block] = []
    if references is not None and (references[["gene_list", "chemistry"]].nunique() > 1).any():
        blocks.append(page.listing("design.references", references, "cohort/references.tsv", folded=True))
    if genes is not None:
        blocks.append(page.listing("design.genes", genes, "cohort/genes.tsv", folded=True))
    return blocks


def _replicates(page: Page) -> list[Block]:
    """How well captures of one specimen agree, if there are any."""
    table = page.table("cohort/replicates.tsv")
    return [] if table is None else [page.listing("design.replicates", table, "cohort/replicates.tsv")]


def _paired_text(page: Page, analysed: pd.DataFrame) -> str:
    """How many donors have several compartments and are asked about them, if there are several."""
    if len(page.study.compartments) < 2:
        return ""
    present = {
        sample for capture, sample in specimen_of(page.study.samples).items() if capture in set(analysed["sample"])
    }
    across = [term.among(present) for term in page.terms if term.across]
    donors = {donor for term in across for donor in term.units.loc[term.in_arms(), "donor"]}
    return page.text("design.paired", n_both=captions.counted(len(donors), "donor")).text


def kinds(page: Page) -> list[str]:
    """Of every contrast how donors enter it, who counts without all samples, and who is left out."""
    found = []
    for contrast in page.results.comparisons():
        terms = [term for term in page.terms if term.contrast == contrast]
        alone = [term for term in terms if not term.across or term.kind == COMPARTMENTS]
        text = page.text("design.kind", compared=designs.compared(contrast), how=WORDS[contrast.kind]).text
        for key, counted in (("counted", True), ("left_out", False)):
            lacking = {term.compartment: incomplete(page, term, counted) for term in alone}
            lines = [f"{compartment}: {who}" for compartment, who in lacking.items() if who]
            if lines:
                text += " " + page.text(f"design.{key}", who="; ".join(lines)).text
        found.append(text)
    return found


def incomplete(page: Page, term: Term, counted: bool) -> str:
    """Donors with a sample of the contrast in the compartment but not all of them, and what they have: those who count
    all the same (:attr:`compartments.study.terms.Term.whole`), or those who do not."""
    samples = page.study.samples
    if term.kind == COMPARTMENTS:
        here = samples[samples["compartment"].isin([term.compartment, page.base])]
        has = here["compartment"]
    else:
        conditions = (
            list(page.study.order) if term.kind == TREND else [term.contrast.condition, term.contrast.reference]
        )
        here = samples[(samples["compartment"] == term.compartment) & samples["condition"].isin(conditions)]
        has = here["condition"]
    groups = [group for group in (term.contrast.group, term.contrast.group_reference) if group]
    if groups:
        here = here[here["group"].isin(groups)]
    here = here[~here["donor"].isin(term.units["donor"])]
    here = here[here["donor"].isin(term.every.units["donor"]) == counted]
    return ", ".join(
        f"{donor} ({' and '.join(dict.fromkeys(has[rows.index]))} only)"
        for donor, rows in here.groupby("donor", sort=False)
    )


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
    for term in page.terms:
        rows = forests.rows_of(power, term)
        if len(rows):
            said = _power_of(page, rows.assign(label=rows["lineage"]), term)
            blocks += said if len(page.terms) <= MANY or term.across else said[:1]
    shown = power.drop(columns="level").sort_values(["term", "compartment", "more_donors", "mde80"], kind="stable")
    blocks.append(page.listing("design.power_table", shown, "composition/power.tsv", folded=True))
    return blocks


def _floor_text(page: Page, floor: float, then: float) -> str:
    """What more donors do to the smallest permutation p, where there is one."""
    return (
        "" if pd.isna(floor) else page.text("design.floor", floor=beside(floor, ALPHA), then=beside(then, ALPHA)).text
    )


def _power_of(page: Page, rows: pd.DataFrame, term: Term) -> list[Block]:
    more = sorted(rows["more_donors"].unique())
    now = rows[rows["more_donors"] == more[0]].sort_values("fold_mde80")
    if now["fold_mde80"].isna().all():
        return []
    best, worst, last = now.iloc[0], now.iloc[-1], rows[rows["more_donors"] == more[-1]]
    contrast, between = designs.of_term(term), term.across
    there = f"{term.compartment} against {page.base}" if between else f"in {term.compartment}"
    compared = designs.compared(contrast)
    asked = compared if contrast.kind == COMPARTMENTS else f"{there}, {compared}"
    said = page.text(
        "design.power",
        opening=asked[0].upper() + asked[1:],
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
            where="" if term.one_arm else " in each arm",
            typical=last["fold_mde80"].median(),
            floor=_floor_text(page, best["permutation_floor"], last["permutation_floor"].iloc[0]),
        )
        said = Text(f"{said.text} {further.text}")
    behind, what = captions.estimates(now, contrast), "difference" if between else "change"
    words = page.words("design.power_dots", behind, asked=asked, what=what)
    name = f"power_{contrast.contrast}_{'between' if between else 'within'}_{term.compartment}"
    shown = rows[["label", "lineage", "more_donors", "n_condition", "n_reference", "mde80", "fold_mde80", "tier"]]
    axis, each = "fold change found with 80 % power (log scale)", "" if term.one_arm else " per arm"
    return [said, power_dots(name, shown, list(now["label"]), words, x=axis, each=each)]
