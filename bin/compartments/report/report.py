"""The report: one HTML file that opens offline, made from the tables of a results folder.

Every part of the folder is optional: a section whose tables are missing says so. The page holds plotly.js once, all
figures as JSON and the data behind each; nothing is loaded from elsewhere.
"""

import hashlib
import json
import math
import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from compartments.core.dictionary import load as load_dictionary
from compartments.core.dictionary import meanings
from compartments.core.errors import UserError
from compartments.core.files import read_json, read_tsv
from compartments.findings.words import QUESTIONS
from compartments.report import captions, figures, status
from compartments.study.study import Study

LEVELS = {"lineage": "lineage", "lineage_broad": "broad lineage"}
GENES_SHOWN = 25  # with their donors
PAIRS_SHOWN = 20  # of LIANA, per compartment
HASHED_BYTES = 200 * 2**20
VERDICTS = {"yes": ("✔", "yes"), "no": ("✖", "no"), "cannot_tell": ("?", "cannot be told")}
ASPECTS = {"hub": "central role", "signalling": "signalling"}  # of question 4
METRICS = {  # columns of cells.tsv.gz, the first that exists is drawn
    "counts per cell": ("total_counts", "n_counts"),
    "genes per cell": ("n_genes",),
    "mitochondrial counts, %": ("pct_mt",),
}


@dataclass(frozen=True)
class Table:
    """A table on the page.

    Attributes
    ----------
    name : str
        Unique on the page.
    title : str
    frame : DataFrame
    file : str
        The output file it comes from: linked, and explained by the dictionary. Empty if there is none.
    note : str
    folded : bool
        Shown only when opened.
    """

    name: str
    title: str
    frame: pd.DataFrame
    file: str = ""
    note: str = ""
    folded: bool = False

    kind = "table"

    def __post_init__(self):
        # no p-value without its tier: the tier stands before the first of them
        columns = list(self.frame.columns)
        first = next((c for c in columns if c in ("p_value", "q_value", "call_p")), None)
        if first and "tier" in columns:
            columns.remove("tier")
            columns.insert(columns.index(first), "tier")
            object.__setattr__(self, "frame", self.frame[columns])


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    level: str = "note"

    kind = "text"


@dataclass(frozen=True)
class Answer:
    """The answer to a question for one contrast and compartment: summary rows of ``findings.tsv``."""

    rows: list
    heading: str = ""

    kind = "answer"


@dataclass(frozen=True)
class Glance:
    """All answers on one screen: (question number, question, comparison or empty, answer) each."""

    rows: list

    kind = "glance"


@dataclass
class Section:
    """A part of the page."""

    name: str
    title: str
    blocks: list = field(default_factory=list)
    finished: bool = True
    intro: str = ""


class Results:
    """A results folder, read when asked; what is not there is ``None``."""

    def __init__(self, root):
        self.root = Path(root)
        self._tables = {}

    def table(self, file):
        """A TSV or parquet of the folder, ``None`` if it is missing."""
        if file not in self._tables:
            path = self.root / file
            if not path.is_file():
                self._tables[file] = None
            elif file.endswith(".parquet"):
                self._tables[file] = pd.read_parquet(path)
            else:
                text = ("sample", "donor", "compartment", "condition", "lineage", "contrast", "left_out", "leiden")
                text += ("name", "exit") if file.endswith("trace.tsv") else ()
                self._tables[file] = read_tsv(path, text=text)
        return self._tables[file]

    def some_columns(self, file, columns, filters):
        """Rows of a parquet file that meet ``filters``, these columns only; ``None`` if it is missing."""
        path = self.root / file
        return pd.read_parquet(path, columns=columns, filters=filters) if path.is_file() else None

    def log2_cpm(self, wanted):
        """Expression in the pseudobulks, log2 counts per million of ambient-corrected counts (half a count added).

        Parameters
        ----------
        wanted : DataFrame
            ``lineage, gene``.

        Returns
        -------
        DataFrame or None
            ``sample, donor, compartment, condition, lineage, gene, n_cells, log2_cpm``; ``None`` without the file.
        """
        path = self.root / "cohort" / "pseudobulk.h5ad"
        if not path.is_file():
            return None
        import h5py
        from anndata.io import read_elem, sparse_dataset

        with h5py.File(path) as file:
            obs, genes = read_elem(file["obs"]), read_elem(file["var"]).index
            rows = np.flatnonzero(obs["lineage"].isin(wanted["lineage"]))
            counts = sparse_dataset(file["layers/corrected"])[rows].tocsc()
        names = ["sample", "donor", "compartment", "condition", "lineage"]
        obs = obs.iloc[rows][[*names, "n_cells"]].astype(dict.fromkeys(names, str)).reset_index(drop=True)
        total, column = np.asarray(counts.sum(axis=1)).ravel(), {gene: i for i, gene in enumerate(genes)}
        parts = []
        for lineage, gene in wanted[["lineage", "gene"]].drop_duplicates().itertuples(index=False):
            own = np.flatnonzero(obs["lineage"] == lineage)
            values = counts[:, [column[gene]]].toarray()[own, 0]
            cpm = np.log2((values + 0.5) / (total[own] + 1) * 1e6)
            parts.append(obs.iloc[own].assign(gene=gene, log2_cpm=cpm))
        return pd.concat(parts, ignore_index=True)

    def json(self, file):
        """A JSON file of the folder, ``{}`` if it is missing."""
        path = self.root / file
        return read_json(path) if path.is_file() else {}

    def summaries(self, step):
        """``samples/<sample>/<sample>.<step>.json`` of all samples: one row each, single values only; or ``None``."""
        rows = []
        for sample in self.sample_names:
            path = self.root / "samples" / sample / f"{sample}.{step}.json"
            if path.is_file():
                values = read_json(path)
                rows.append({k: v for k, v in values.items() if not isinstance(v, list | dict)})
        return pd.DataFrame(rows) if rows else None

    def curves(self, step, x, y):
        """Lists ``x`` and ``y`` of the samples' JSON summaries: sample -> (x, y)."""
        found = {}
        for sample in self.sample_names:
            values = self.json(f"samples/{sample}/{sample}.{step}.json")
            if values.get(x) and values.get(y):
                found[sample] = (values[x], values[y])
        return found

    @cached_property
    def sample_names(self):
        """Samples in samplesheet order, then folders that the samplesheet does not name."""
        known = list(self.study.samples["sample"]) if self.study else []
        folder = self.root / "samples"
        return known + sorted(p.name for p in folder.glob("*") if p.is_dir() and p.name not in known)

    @cached_property
    def study(self):
        """The study from ``study.json``, else from ``samples.tsv`` and ``design.tsv``, else ``None``."""
        if (self.root / "study.json").is_file():
            return Study.load(self.root / "study.json")
        samples, design = self.table("samples.tsv"), self.table("design.tsv")
        if samples is None or design is None:
            return None
        contrasts = design[["contrast", "condition", "reference"]].drop_duplicates(ignore_index=True)
        reference = design["reference_compartment"].dropna()
        if reference.empty:
            return None
        return Study(samples, reference.iloc[0], contrasts, [], [])

    @property
    def analysed(self):
        """Rows of the samplesheet whose samples are in the cohort, by ``composition/counts.tsv``; all without it."""
        counts, samples = self.table("composition/counts.tsv"), self.study.samples
        return samples if counts is None else samples[samples["sample"].isin(counts["sample"])]

    @property
    def simulated(self):
        """True if the samplesheet marks any sample as simulated."""
        if self.study is None or "simulated" not in self.study.samples:
            return False
        return bool(self.study.samples["simulated"].astype(str).str.lower().isin(["true", "1", "yes"]).any())

    def contrasts(self):
        """(contrast row, compartment) for every compartment but the reference."""
        for contrast in self.study.contrasts.itertuples(index=False):
            for compartment in self.study.compartments[1:]:
                yield contrast, compartment

    def lineages(self):
        """All lineages in order of abundance, ``other`` and ``unassigned`` last."""
        counts = self.table("composition/counts.tsv")
        if counts is None:
            return []
        rows = counts[counts["level"] == "lineage"].groupby("lineage")["n_cells"].sum().sort_values(ascending=False)
        return sorted(rows.index, key=lambda name: name in ("other", "unassigned"))

    def missing_reason(self, stages):
        """One line on why these steps gave nothing, from ``skipped.tsv`` or the trace; empty if nothing is known."""
        return status.reason_for(stages, self.table("skipped.tsv"), self.table("pipeline_info/trace.tsv"))


def build_sections(results):
    """All sections of the page in order.

    Returns
    -------
    list of Section
    """
    colours = figures.Colours(results.study, results.lineages()) if results.study else None
    parts = [
        ("questions", "Five questions", questions, ["findings.tsv"], ["write_findings"]),
        ("design", "Cohort and design", design, ["design.tsv", "samples.tsv"], ["check_design"]),
        ("quality", "Sample quality", quality, [], ["read_counts", "call_cells", "filter_cells"]),
        (
            "ambient",
            "Ambient RNA",
            ambient,
            [],
            ["choose_ambient", "remove_ambient", "run_cellbender", "import_cellbender"],
        ),
        ("doublets", "Doublets", doublets, [], ["score_doublets"]),
        ("annotation", "Annotation", annotation, [], ["annotate_cells", "merge_samples", "embed_cohort"]),
        ("composition", "Composition", composition, ["composition/effects.tsv"], ["compare_composition"]),
        ("expression", "Expression", expression, [], ["compare_expression"]),
        ("migration", "Migration", migration, ["migration/effects.tsv"], ["score_gene_sets"]),
        (
            "interactions",
            "Interactions",
            interactions,
            ["interactions/centrality_effects.tsv"],
            ["run_liana", "score_centrality", "compare_interactions"],
        ),
        ("coupling", "Coupling", coupling, ["coupling/coupling.tsv"], ["compare_coupling"]),
        ("skipped", "What was left out", skipped, ["skipped.tsv"], ["collect_skipped"]),
    ]
    sections = []
    for name, title, build, needed, stages in parts:
        section = Section(name, title)
        absent = [file for file in needed if results.table(file) is None]
        if absent or (colours is None and name != "skipped"):
            section.finished = False
        else:
            try:
                section.blocks = build(results, colours)
            except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
                # a table of another version must not cost the reader the whole report
                print(f"WARNING: section '{title}' could not be made: {error!r}", file=sys.stderr)
                absent = [f"a column that this section needs ({error})"]
                section.blocks = []
            section.finished = bool(section.blocks)
        if not section.finished:
            lacking = f": {', '.join(absent)} is missing" if absent else ""
            reason = results.missing_reason(stages)
            section.blocks = [
                Text(f"This step did not finish{lacking}." + (f" {reason}." if reason else ""), "missing")
            ]
        sections.append(section)
    return sections


def _comparison(contrast, compartment, study):
    return f"{_arms(contrast)}, {compartment} against {study.reference_compartment}"


def _arms(contrast):
    return f"{contrast.condition} against {contrast.reference}"


def questions(results, colours):
    """The five questions: answer, picture, and the rows per lineage."""
    findings, study, glance = results.table("findings.tsv"), results.study, []
    blocks = [Glance(glance)]
    several = len(list(results.contrasts())) > 1
    pictures = {1: _picture_depleted, 2: _picture_kept, 3: _picture_migration, 4: _picture_hub, 5: _picture_coupling}
    for number, question in QUESTIONS.items():
        blocks.append(Text(f"{number}. {question}", "question"))
        for contrast, compartment in results.contrasts():
            rows = findings[(findings["question"] == number) & (findings["contrast"] == contrast.contrast)]
            if "compartment" in rows:
                rows = rows[rows["compartment"] == compartment]
            summary, detail = rows[rows["lineage"].isna()], rows[rows["lineage"].notna()]
            heading = _comparison(contrast, compartment, study) if several else ""
            answers = [_answer(row) for row in summary.to_dict("records")]
            words = [f"{heading} {ASPECTS.get(row, '')}".strip() for row in summary["aspect"]]
            glance += [(number, question, text, answer) for text, answer in zip(words, answers, strict=True)]
            blocks.append(Answer(answers, heading))
            picture = pictures[number](results, colours, contrast, compartment, rows)
            blocks += [picture] if picture else []
            if len(detail):
                columns = [
                    "lineage",
                    "aspect",
                    "verdict",
                    "statement",
                    "estimate",
                    "ci_low",
                    "ci_high",
                    "q_value",
                    "tier",
                ]
                name = f"q{number}_{contrast.contrast}_{compartment}"
                title = f"All rows of question {number}" + (f", {heading}" if heading else "")
                shown = detail[[c for c in columns if c in detail and detail[c].notna().any()]]
                blocks.append(Table(name, title, shown, "findings.tsv", folded=True))
    return blocks


def _answer(row):
    icon, word = VERDICTS.get(row["verdict"], VERDICTS["cannot_tell"])
    numbers = []
    if pd.notna(row["estimate"]):
        limits = f", 95 % CI {row['ci_low']:.2f} to {row['ci_high']:.2f}" if pd.notna(row["ci_low"]) else ""
        numbers.append(f"{row['estimate']:.2f}{limits} ({row.get('unit') or 'log2'})")
    for column, letter in (("p_value", "p"), ("q_value", "q")):
        if pd.notna(row[column]):
            numbers.append(f"{letter} = {row[column]:.2g}")
    if pd.notna(row.get("n_condition")):
        numbers.append(f"{int(row['n_condition'])} v {int(row['n_reference'])} donors")
    statement = str(row["statement"])
    statement = statement[0].upper() + statement[1:]
    return {
        "verdict": row["verdict"],
        "icon": icon,
        "word": word,
        "statement": statement,
        "numbers": "; ".join(numbers),
        "tier": row["tier"],
        "source": row["source"],
    }


def _within_forest(results, colours, contrast, compartments, name, level="lineage"):
    """Forest of within-compartment changes of all lineages, donors as dots."""
    effects = results.table("composition/effects.tsv")
    if effects is None:
        return None
    rows = effects[(effects["contrast"] == contrast.contrast) & (effects["level"] == level)]
    terms = {f"within:{c}": c for c in compartments}
    rows = rows[rows["term"].isin(terms)].assign(label=lambda t: t["lineage"], series=lambda t: t["term"].map(terms))
    if rows.empty:
        return None
    word = "log2 fold change" if rows["scale"].iloc[0] == "abs" else "log2 change relative to the median lineage"
    labels = [x for x in results.lineages() if x in set(rows["label"])] or list(rows["label"].unique())
    order = rows.groupby("label")["log2fc"].min()
    labels = sorted(labels, key=lambda x: order[x])
    donors = _composition_donors(results, contrast, level, terms)
    n = "; ".join(
        f"{c}: {captions.estimates(part, contrast, circles=_of_series(donors, c))}"
        for c, part in rows.groupby("series", sort=False)
    )
    margin = results.json("composition/composition.json").get("equiv_margin")
    return figures.forest(
        name,
        rows,
        donors,
        labels,
        {c: c for c in compartments},
        colours,
        title=f"Change of each {LEVELS[level]} in {' and '.join(compartments)}, {_arms(contrast)}",
        caption=(
            "How to read it: one line per lineage; a filled symbol is the change of its abundance in a compartment, "
            "the bar "
            "its 95 % confidence interval; left of 0 is depletion, -1 is half. Open circles are single donors, "
            "relative "
            f"to the mean of the reference donors. The grey band is the equivalence margin. Behind it: {n}."
        ),
        alt=f"Forest plot of {word} per lineage in {' and '.join(compartments)}",
        x=word,
        margin=margin,
    )


def _of_series(donors, series):
    return None if donors is None else donors[donors["series"] == series]


def _composition_donors(results, contrast, level, terms):
    """Donor values on the axis of the estimates: minus the mean of the reference donors, minus the scale's zero."""
    donors = results.table("composition/donors.tsv")
    if donors is None:
        return None
    rows = donors[
        (donors["contrast"] == contrast.contrast) & (donors["level"] == level) & donors["term"].isin(terms)
    ].copy()
    keys = ["lineage", "term", "compartment"]
    reference = (
        rows[rows["condition"] == contrast.reference].groupby(keys)["log2_value"].mean().rename("reference_mean")
    )
    rows = rows.join(reference, on=keys)
    zeros = {
        (t["term"], t["compartment"]): t.get("zero_log2") or 0.0
        for t in results.json("composition/composition.json").get("terms", [])
        if t["contrast"] == contrast.contrast and t["level"] == level
    }
    zero = [zeros.get(place, 0.0) for place in zip(rows["term"], rows["compartment"], strict=True)]
    shift = np.where(rows["condition"] == contrast.condition, zero, 0.0)
    rows["shown"] = rows["log2_value"] - rows["reference_mean"] - shift
    return rows.assign(label=rows["lineage"], series=rows["term"].map(terms))


def _interaction_forest(results, colours, contrast, compartment, name, level="lineage"):
    """Forest of the difference between compartments of all lineages, donors as dots."""
    effects, base = results.table("composition/effects.tsv"), results.study.reference_compartment
    if effects is None:
        return None
    rows = effects[
        (effects["contrast"] == contrast.contrast)
        & (effects["level"] == level)
        & (effects["term"] == "interaction")
        & (effects["compartment"] == compartment)
    ]
    if rows.empty:
        return None
    series = f"{compartment} minus {base}"
    rows = rows.assign(label=rows["lineage"], series=series)
    donors = _composition_donors(results, contrast, level, {"interaction": series})
    if donors is not None:
        donors = donors[donors["compartment"] == compartment]
    margin = results.json("composition/composition.json").get("equiv_margin")
    n = captions.estimates(rows, contrast, " with both compartments", donors)
    return figures.forest(
        name,
        rows,
        donors,
        list(rows.sort_values("log2fc", ascending=False)["label"]),
        {series: compartment},
        colours,
        title=f"Difference between {compartment} and {base} in the change of each lineage",
        caption=(
            f"How to read it: right of 0 a lineage is kept better in {compartment} than in {base} (or rises more "
            "there), left "
            "of 0 the reverse; the bar is the 95 % confidence interval. Open circles are single donors: their own "
            "difference "
            "between the compartments, relative to the mean of the reference donors. Inside the grey band the "
            "compartments "
            f"differ by less than the equivalence margin. Behind it: {n}."
        ),
        alt=f"Forest plot of the interaction per lineage, {series}",
        x="log2 fold change, difference between compartments",
        margin=margin,
    )


def _picture_depleted(results, colours, contrast, compartment, rows):
    pair = [compartment, results.study.reference_compartment]
    return _within_forest(results, colours, contrast, pair, f"q1_{contrast.contrast}_{compartment}")


def _picture_kept(results, colours, contrast, compartment, rows):
    return _interaction_forest(results, colours, contrast, compartment, f"q2_{contrast.contrast}_{compartment}")


def _paired(results, colours, contrast, compartment, name, table, value, title, y, what):
    base = results.study.reference_compartment
    table = captions.drawn(table, [value])
    return figures.paired_dots(
        name,
        table,
        value,
        colours,
        [contrast.reference, contrast.condition],
        [base, compartment],
        title=title,
        caption=(
            "How to read it: one symbol per sample, a line joins the two samples of a donor, the black bar is the "
            f"mean. {what} "
            f"Behind it: {captions.arms(table, contrast, [compartment, base])}."
        ),
        alt=f"{title}: one dot per donor in {base} and {compartment}",
        y=y,
    )


def _picture_migration(results, colours, contrast, compartment, rows):
    scores = results.table("migration/scores.tsv")
    if scores is None:
        return None
    answered = rows["aspect"].dropna().tolist()  # the summary row stands first
    gene_set = (answered or list(scores["gene_set"].unique()))[0]
    rows = scores[(scores["gene_set"] == gene_set) & (scores["lineage"] == "all")]
    if rows.empty:
        rows = scores[scores["gene_set"] == gene_set]
        rows = rows.groupby(["sample", "donor", "compartment", "condition"], sort=False)["score"].mean().reset_index()
    what = (
        f"A rise from {contrast.reference} to {contrast.condition} in {compartment} only is what the question asks for."
    )
    name, title = f"q3_{contrast.contrast}_{compartment}", f"Migration score of each sample: {gene_set}"
    return _paired(results, colours, contrast, compartment, name, rows, "score", title, "score (z-score points)", what)


def _picture_hub(results, colours, contrast, compartment, rows):
    table = results.table("interactions/centrality.tsv")
    if table is None:
        return None
    hubs = rows[(rows["aspect"] == "hub") & rows["lineage"].notna()]
    hubs = hubs.assign(order=hubs["verdict"].map({"yes": 0}).fillna(1), size=-hubs["estimate"].abs())
    hubs = hubs.sort_values(["order", "q_value", "size"], kind="stable")
    if hubs.empty:
        return None
    lineage = hubs["lineage"].iloc[0]
    network = "migration" if "migration" in set(table["network"]) else table["network"].iloc[0]
    value = "share_downsampled" if "share_downsampled" in table else "share"
    rows = table[(table["lineage"] == lineage) & (table["network"] == network)]
    if rows.empty:
        return None
    what = f"The share of all {network} signalling, sent and received, that {lineage} takes part in."
    name, title = f"q4_{contrast.contrast}_{compartment}", f"Share of {lineage} in the {network} network of each sample"
    return _paired(results, colours, contrast, compartment, name, rows, value, title, "share of signalling", what)


def _picture_coupling(results, colours, contrast, compartment, rows):
    effects, base = results.table("composition/effects.tsv"), results.study.reference_compartment
    if effects is None:
        return None
    rows = effects[(effects["contrast"] == contrast.contrast) & (effects["level"] == "lineage")]
    sides = {}
    for side, place in (("own", compartment), ("base", base)):
        part = rows[rows["term"] == f"within:{place}"].set_index("lineage")
        sides |= {side: part["log2fc"], f"{side}_low": part["ci_low"], f"{side}_high": part["ci_high"]}
    table = pd.DataFrame(sides).dropna(subset=["own", "base"]).rename_axis("lineage").reset_index()
    if table.empty:
        return None
    terms = {f"within:{compartment}": "own", f"within:{base}": "base"}
    donors = _composition_donors(results, contrast, "lineage", terms)
    columns = ["condition", "lineage", "donor", "own", "base"]
    if donors is None:
        donors = pd.DataFrame(columns=columns)
    else:
        donors = donors[donors["lineage"].isin(table["lineage"])]
        donors = donors.pivot(index=["condition", "lineage", "donor"], columns="series", values="shown")
        donors = donors.reindex(columns=["own", "base"]).dropna().reset_index()
        donors = donors.sort_values("condition", key=lambda c: c != contrast.condition, kind="stable")
    both = rows[rows["lineage"].isin(table["lineage"])]
    n = "; ".join(
        f"{place}: {captions.estimates(both[both['term'] == f'within:{place}'], contrast)}"
        for place in (compartment, base)
    )
    if len(donors):
        single = [
            donors.loc[donors["condition"] == c]
            .groupby("lineage")["donor"]
            .nunique()
            .reindex(table["lineage"], fill_value=0)
            for c in (contrast.condition, contrast.reference)
        ]
        n += f"; circles of {captions.per_arm(*single, contrast)} with both compartments"
    return figures.coupling_scatter(
        f"q5_{contrast.contrast}_{compartment}",
        table,
        colours,
        compartment,
        base,
        donors,
        title=f"Change in {compartment} against change in {base}",
        caption=(
            "How to read it: one point per lineage with 95 % confidence intervals. On the dashed line both "
            "compartments change "
            f"alike (coupled); above it a lineage is kept better in {compartment}. Open circles are single donors with "
            f"{contrast.condition}, relative to the mean of the reference donors; a click on the legend shows the "
            f"others. Behind it: {n}."
        ),
        alt=f"Scatter plot of the change of each lineage in {compartment} against {base}",
        scale=rows["scale"].iloc[0],
    )


def design(results, colours):
    """Who is in the cohort, what can be tested, with what power."""
    study = results.study
    counts = results.table("composition/counts.tsv")
    cells = {}
    if counts is not None:
        cells = counts[counts["level"] == "lineage"].groupby("sample")["n_cells"].sum().to_dict()
    analysed = results.analysed
    has = analysed.groupby("donor")["compartment"].nunique()
    lost = len(study.samples) - len(analysed)
    without = f" ({captions.samples(analysed)} analysed)" if lost else ""
    blocks = [
        Text(
            f"{captions.samples(study.samples)}{without}, {len(study.compartments)} compartments "
            f"({', '.join(study.compartments)}; the first is the reference) and "
            f"{study.samples['condition'].nunique()} conditions. {int((has > 1).sum())} donors have more than one "
            "compartment: "
            "only they count for the difference between compartments."
        ),
        *(Text(warning, "warning") for warning in study.warnings),
        figures.tiles(
            "cohort",
            study.samples,
            cells,
            colours,
            title="Donors and their samples",
            caption=(
                "How to read it: one column per donor, one row per compartment; the colour is the condition, the "
                "number the "
                "cells that were kept, a gap a sample that does not exist. Behind it: "
                f"{captions.samples(study.samples)}{without}."
            ),
            alt="Grid of donors and compartments",
        ),
    ]
    table = results.table("design.tsv")
    effects = results.table("composition/effects.tsv")
    if effects is not None and "mde80" in effects:
        own = effects[effects["level"] == "lineage"]
        mde = own.groupby(["contrast", "term", "compartment"])["mde80"].median().rename("median_mde80")
        table = table.join(mde, on=["contrast", "term", "compartment"])
    order = ["contrast", "term", "compartment", "n_condition", "n_reference", "residual_df", "tier", "median_mde80"]
    order += ["permutation_floor", "donors_condition", "donors_reference", "note"]
    blocks.append(
        Table(
            "design",
            "What each comparison rests on",
            table[[c for c in order if c in table]],
            "design.tsv",
            "Tiers: inferential (at least 3 donors per arm and 4 residual df), exploratory (2), descriptive (1: an "
            "estimate and "
            "donor values, no p-value), not testable. median_mde80 is the change of a typical lineage, in log2, that "
            "would be "
            "found in 4 of 5 such studies; permutation_floor is the smallest p that an exact permutation test could "
            "give.",
        )
    )
    blocks += _power(results)
    blocks.append(Table("samples", "Samples", _shown_samples(study.samples), "samples.tsv", folded=True))
    return blocks


def _shown_samples(samples):
    hidden = ["raw", "filtered", "cellbender", "fastq_1", "fastq_2", "row"]
    shown = samples[[c for c in samples if c not in hidden]]
    return shown.loc[:, shown.notna().any() & (shown.astype(str) != "").any()]


def _power(results):
    """What this cohort could find, lineage by lineage, and what more donors would change."""
    power = results.table("composition/power.tsv")
    if power is None or power.empty or "more_donors" not in power:
        return []
    power = power[power["level"] == "lineage"]
    blocks, study = [Text("What this cohort can find", "heading")], results.study
    more = sorted(power["more_donors"].unique())
    for contrast, term, compartment in study.terms():
        rows = power[
            (power["contrast"] == contrast.contrast) & (power["term"] == term) & (power["compartment"] == compartment)
        ]
        if len(rows):
            blocks += _power_of(rows.assign(label=rows["lineage"]), more, contrast, term, compartment, study)
    note = "mde80 in log2, fold_mde80 the same as a fold change; more_donors are added to each arm."
    shown = power.drop(columns="level").sort_values(["term", "compartment", "more_donors", "mde80"], kind="stable")
    blocks.append(Table("power_table", "Power, all lineages", shown, "composition/power.tsv", note, folded=True))
    return blocks


def _power_of(rows, more, contrast, term, compartment, study):
    now = rows[rows["more_donors"] == more[0]].sort_values("fold_mde80")
    best, worst, last = now.iloc[0], now.iloc[-1], rows[rows["more_donors"] == more[-1]]
    between = term == "interaction"
    place = f"{compartment} against {study.reference_compartment}" if between else f"in {compartment}"
    donors = captions.per_arm(now["n_condition"], now["n_reference"], contrast)
    words = (
        f"{place[0].upper() + place[1:]}, {_arms(contrast)}: with {donors} a typical lineage must "
        f"{'differ between compartments' if between else 'change'} {now['fold_mde80'].median():.1f}-fold to be found "
        f"in 4 of 5 such studies; the best measured ({best['lineage']}) {best['fold_mde80']:.1f}-fold, the worst "
        f"({worst['lineage']}) {worst['fold_mde80']:.1f}-fold. Smaller changes are usually missed: then the answer is "
        "'cannot be told', not 'no change'."
    )
    if more[-1] > 0:
        words += (
            f" With {more[-1]} more donors in each arm it would be {last['fold_mde80'].median():.1f}-fold, and the "
            f"smallest possible permutation p {last['permutation_floor'].iloc[0]:.2g} in place of "
            f"{best['permutation_floor']:.2g}."
        )
    shades = ["#08306b", "#2171b5", "#4292c6", "#6baed6", "#9ecae1"]
    figure = figures.power_dots(
        f"power_{contrast.contrast}_{'between' if between else 'within'}_{compartment}",
        rows[["label", "lineage", "more_donors", "n_condition", "n_reference", "mde80", "fold_mde80", "tier"]],
        list(now["label"]),
        more,
        [shades[min(i, len(shades) - 1)] for i in range(len(more))],
        title=f"What could be found, {place}: {_arms(contrast)}",
        caption=(
            "How to read it: one line per lineage; the dark circle is the fold "
            f"{'difference' if between else 'change'} that this cohort finds in 4 of 5 studies (two-sided test at "
            ".05), the paler symbols the same with more donors in each arm. Further left is better. From the lineage's "
            f"own spread between donors and its counts. Behind it: {captions.estimates(now, contrast)}."
        ),
        alt=f"Dots of the minimum detectable fold change per lineage, {place}",
        x="fold change found with 80 % power (log scale)",
    )
    return [Text(words), figure]


def _input_notes(read, calls):
    """What was taken otherwise than it was given, and samples of few or doubtful cells, as warnings."""
    said = []
    for table, column in ((read, "notes"), (calls, "warning")):
        if table is not None and column in table:
            known = table[table[column].fillna("").ne("")]
            said += list(zip(known["sample"], known[column], strict=True))
    if calls is not None and "few_cells" in calls:
        few = calls[calls["few_cells"].astype(str).str.lower().eq("true")]
        said += [(row.sample, f"{row.n_cells:.0f} cells: too few to say much") for row in few.itertuples()]
    by_text = {}
    for sample, text in said:
        by_text.setdefault(text, []).append(sample)
    return [Text(f"{', '.join(samples)}: {text}.", "warning") for text, samples in by_text.items()]


def quality(results, colours):
    """Cells called, kept and removed per sample; counts, genes and mitochondrial share per cell."""
    calls, kept = results.summaries("calls"), results.summaries("qc")
    blocks = _input_notes(results.summaries("read"), calls)
    limits = [results.table(f"samples/{s}/{s}.qc.tsv") for s in results.sample_names]
    limits = [table for table in limits if table is not None]
    cells = results.table("cohort/cells.tsv.gz")
    numbers = {}
    if calls is not None and "n_cells" in calls:
        numbers["called"] = calls.set_index("sample")["n_cells"]
    if cells is not None:
        numbers["kept"] = cells["sample"].value_counts()
    if numbers:
        table = pd.DataFrame(numbers).reindex(results.sample_names).rename_axis("sample").reset_index()
        names = {"called": "called as cells", "kept": "kept for the analysis"}
        blocks.append(
            figures.bars(
                "cells",
                table,
                "sample",
                {k: names[k] for k in numbers},
                title="Cells per sample",
                caption=(
                    "How to read it: cells called from the droplets, and those left after quality limits and "
                    "doublets. A sample "
                    "with few cells says little about rare lineages. Behind it: "
                    f"{captions.samples(table, results.study, {k: names[k] for k in numbers})}."
                ),
                alt="Bars of cells called and kept per sample",
                y="cells",
            )
        )
    if cells is not None:
        for k, (label, candidates) in enumerate(METRICS.items()):
            column = next((c for c in candidates if c in cells), None)
            if column:
                blocks.append(
                    figures.boxes(
                        f"quality_{column}",
                        cells,
                        "sample",
                        column,
                        title=label[0].upper() + label[1:],
                        caption=(
                            "How to read it: the box holds the middle half of the cells of a sample, the line is the "
                            "median, the "
                            "whiskers hold 95 %. Cells kept for the analysis. Behind it: "
                            f"{captions.samples(captions.drawn(cells, [column]))}."
                        ),
                        alt=f"Boxes of {label} by sample",
                        y=label,
                        log=k < 2,
                        colour=figures.OKABE_ITO[k],
                    )
                )
    blocks += _rank_curves(results)
    for name, title, table in (("calls", "Cell calling", calls), ("qc", "Quality per sample", kept)):
        if table is not None:
            blocks.append(Table(name, title, table, f"samples/*/*.{name}.json", folded=True))
    if limits:
        frame = pd.concat(limits, ignore_index=True)
        blocks.append(_removed(frame, results))
        note = "lower and upper are the limits of this sample (median absolute deviations, within hard limits)."
        blocks.append(Table("limits", "What each limit removed", frame, "samples/*/*.qc.tsv", note))
    return blocks


def _removed(limits, results):
    wide = limits.pivot_table(index="sample", columns="metric", values="n_removed", aggfunc="sum", sort=False)
    wide = wide.reindex([s for s in results.sample_names if s in wide.index])
    n = captions.samples(wide.reset_index(), results.study)
    return figures.bars(
        "removed",
        wide.reset_index(),
        "sample",
        {metric: metric for metric in wide.columns},
        title="Cells that each limit removes",
        caption=(
            "How to read it: cells beyond each quality limit; a cell may be beyond several, so bars of a sample do not "
            f"add up. One limit that removes many cells of one sample only deserves a look. Behind it: {n}."
        ),
        alt="Bars of cells removed per sample and limit",
        y="cells",
    )


def _rank_curves(results):
    curves = results.curves("calls", "curve_rank", "curve_total")
    if not curves:
        return []
    traces, rows = [], []
    for i, (sample, (rank, total)) in enumerate(curves.items()):
        style = {"color": figures.MANY[i % len(figures.MANY)], "width": 1.5}
        trace = {"type": "scatter", "mode": "lines", "name": sample, "x": rank, "y": total, "line": style}
        traces.append(trace | {"hovertemplate": sample + ": rank %{x}, %{y} counts<extra></extra>"})
        rows.append(pd.DataFrame({"sample": sample, "rank": rank, "total": total}))
    data = pd.concat(rows, ignore_index=True)
    axis = {"type": "log", "dtick": 1}
    legend = {"orientation": "h", "y": -0.2, "yanchor": "top"}
    shown = figures.layout("droplet rank", "counts", xaxis=axis, yaxis=axis, legend=legend)
    caption = (
        "How to read it: droplets in order of their counts. Cells stand left of the knee, empty droplets on the "
        "plateau to the "
        f"right; without a drop between them cells are hard to tell from soup. Behind it: "
        f"{captions.samples(data, results.study)}."
    )
    alt = "Barcode rank curves, one line per sample"
    return [figures.Figure("rank_curves", "Droplets in order of counts", caption, alt, traces, shown, data, 480)]


def ambient(results, colours):
    """What ambient RNA removal took out of each sample."""
    table = results.summaries("ambient")
    if table is None:
        return []
    blocks = []
    names = {"contamination_median": "median cell", "fraction_removed": "all counts"}
    names = {k: v for k, v in names.items() if k in table}
    method = ", ".join(sorted(map(str, table["method"].dropna().unique()))) if "method" in table else "unknown"
    if names:
        blocks.append(
            figures.bars(
                "ambient",
                table[["sample", *names]],
                "sample",
                names,
                title="Counts removed as ambient RNA",
                caption=(
                    "How to read it: share of counts removed, of the median cell and of the sample (method: "
                    f"{method}). Samples "
                    "far above the others deserve a look. Behind it: "
                    f"{captions.samples(table, results.study, names)}."
                ),
                alt="Bars of the removed share of counts per sample",
                y="share of counts",
                percent=True,
            )
        )
    # what blood in the sample means for the reference compartment, mostly blood itself, is nothing
    own = results.study.samples.set_index("sample")["compartment"].ne(results.study.reference_compartment)
    tapped = (
        table["traumatic_tap"].astype(str).str.lower().eq("true") if "traumatic_tap" in table else pd.Series(dtype=bool)
    )
    named = ", ".join(sample for sample in table.loc[tapped[tapped].index, "sample"] if own.get(sample, False))
    if named:
        blocks.append(
            Text(
                f"Blood in the sample (traumatic tap) is likely for {named}: its composition leans to blood.", "warning"
            )
        )
    reasons = table[table["reason"].fillna("").ne("")] if "reason" in table else table[:0]
    for (method, reason), rows in reasons.groupby(["method", "reason"], sort=False):
        words = "not removed" if method == "none" else f"removed by {method}"
        blocks.append(Text(f"Ambient RNA was {words} in {', '.join(rows['sample'])}: {reason}.", "warning"))
    leaks = _leaks(table)
    if leaks is not None:
        note = (
            "Cells with a count of a gene that they cannot express, per hundred cells of that kind, before and after "
            "removal. Kinds are told by other genes; fewer than 10 cells: empty."
        )
        blocks.append(Table("leaks", "Leaks before and after", leaks, "samples/*/*.ambient.json", note, folded=True))
    shares = results.table("cohort/ambient_share.tsv.gz")
    if shares is not None and len(shares):
        top = shares.groupby(["condition", "compartment", "lineage"], sort=False).head(10)
        note = (
            f"Genes of at least 15 counts; the ten most ambient of each lineage: {len(top):,} of {len(shares):,} rows."
        )
        blocks.append(
            Table("ambient_share", "Most ambient genes", top, "cohort/ambient_share.tsv.gz", note, folded=True)
        )
    own = [c for c in table if not c.startswith("leak_")]
    return [
        *blocks,
        *_cellbender_curves(results),
        Table("ambient_table", "Ambient RNA per sample", table[own], "samples/*/*.ambient.json"),
    ]


def _leaks(table):
    """Leak metrics in rows: ``sample, gene, cells, n_cells, before, after`` (percent); None without any."""
    names = [c.removesuffix("_before") for c in table if c.startswith("leak_") and c.endswith("_before")]
    parts = []
    for name in names:
        gene, kind = name.removeprefix("leak_").split("_in_")
        values = {when: 100 * pd.to_numeric(table[f"{name}_{when}"]) for when in ("before", "after")}
        part = pd.DataFrame({"sample": table["sample"], "gene": gene, "cells": kind, "n_cells": table[f"{name}_cells"]})
        parts.append(part.assign(**values).dropna(subset="before"))
    return pd.concat(parts, ignore_index=True) if parts else None


def _cellbender_curves(results):
    """CellBender's training curves and what it says of its own result."""
    summary = results.summaries("cellbender")
    if summary is None:
        return []
    blocks, traces, rows = [], [], []
    for part, dash in (("train", "solid"), ("test", "dot")):
        for i, (sample, (epoch, elbo)) in enumerate(
            results.curves("cellbender", f"{part}_epoch", f"{part}_elbo").items()
        ):
            style = {"color": figures.MANY[i % len(figures.MANY)], "width": 1.5, "dash": dash}
            trace = {"type": "scatter", "mode": "lines", "name": f"{sample} {part}", "x": epoch, "y": elbo}
            traces.append(trace | {"line": style})
            rows.append(pd.DataFrame({"sample": sample, "part": part, "epoch": epoch, "elbo": elbo}))
    if traces:
        data = pd.concat(rows, ignore_index=True)
        caption = (
            "How to read it: the lower bound of the evidence that CellBender maximises; it should rise and level off, "
            f"in training (lines) and on held-out droplets (dots) alike. Behind it: "
            f"{captions.samples(data, results.study)}."
        )
        shown = figures.layout("epoch", "ELBO", legend={"orientation": "h", "y": -0.2, "yanchor": "top"})
        alt = "Training curves of CellBender, two lines per sample"
        blocks.append(figures.Figure("cellbender", "CellBender's training", caption, alt, traces, shown, data, 420))
    for row in summary.itertuples():
        said = row.warnings if getattr(row, "warnings", None) and isinstance(row.warnings, str) else None
        if not row.succeeded:
            blocks.append(Text(f"CellBender failed for {row.sample}: {row.reason}.", "warning"))
        elif said:
            blocks.append(Text(f"CellBender, {row.sample}: {said}.", "warning"))
    return [*blocks, Table("cellbender_table", "CellBender", summary, "samples/*/*.cellbender.json", folded=True)]


def doublets(results, colours):
    """Doublets called per sample and where the threshold came from."""
    table = results.summaries("doublets")
    if table is None:
        return []
    blocks = []
    count = next((c for c in ("n_doublets", "n_predicted", "n_predicted_doublets", "n_called") if c in table), None)
    rate = next((c for c in ("doublet_rate", "rate", "fraction_doublets", "detected_rate") if c in table), None)
    if rate is None and count and "n_cells" in table:
        rate, table = "doublet_rate", table.assign(doublet_rate=table[count] / table["n_cells"])
    if rate:
        blocks.append(
            figures.bars(
                "doublets",
                table[["sample", rate]],
                "sample",
                {rate: "called"},
                title="Doublets called",
                caption=(
                    "How to read it: share of cells called doublets and removed; 0 where the sample is too small or "
                    "the scores "
                    "show no second peak (the table says which). Behind it: "
                    f"{captions.samples(table, results.study, {rate: 'known'})}."
                ),
                alt="Bars of the share of doublets per sample",
                y="share of cells",
                percent=True,
            )
        )
    blocks.append(Table("doublets_table", "Doublets per sample", table, "samples/*/*.doublets.json"))
    lineages = results.table("cohort/doublets.tsv")
    if lineages is not None and lineages["n_doublets"].any():
        shown = lineages[lineages["n_doublets"] > 0]
        blocks.append(Table("doublet_lineages", "Doublets by label", shown, "cohort/doublets.tsv", folded=True))
    return blocks


def annotation(results, colours):
    """Lineages of all cells: the map of the cohort, shares per sample, and the labels' quality."""
    blocks = _embeddings(results, colours)
    counts = results.table("composition/counts.tsv")
    if counts is not None:
        rows = counts[counts["level"] == "lineage"]
        wide = rows.pivot_table(index="sample", columns="lineage", values="n_cells", aggfunc="sum", sort=False)
        shares = wide.div(wide.sum(axis=1), axis=0).reindex(results.sample_names)[results.lineages()]
        blocks.append(
            figures.bars(
                "lineages",
                shares.reset_index(),
                "sample",
                {x: x for x in shares.columns},
                colours.lineage,
                title="Lineages per sample",
                caption=(
                    "How to read it: share of each lineage among the cells of a sample. Shares hide changes of the "
                    "total; the "
                    "section on composition says what follows from them. Behind it: "
                    f"{captions.samples(captions.drawn(shares, list(shares)).reset_index(), results.study)}."
                ),
                alt="Stacked bars of lineage shares per sample",
                y="share of cells",
                stacked=True,
                percent=True,
            )
        )
    labels = results.summaries("labels")
    if labels is not None:
        for row in labels.to_dict("records"):
            if isinstance(row.get("warnings"), str) and row["warnings"]:
                blocks.append(Text(f"{row['sample']}: {row['warnings']}", "warning"))
        blocks.append(Table("labels", "Annotation per sample", labels, "samples/*/*.labels.json", folded=True))
    models = results.table("cohort/models.tsv")
    if models is not None and len(models):
        blocks += _model_tables(models)
    for name, title in (
        ("transfer", "Labels of one compartment predicted in another"),
        ("mixing", "Mixing of samples in the embedding"),
        ("clusters", "Clusters"),
    ):
        table = results.table(f"cohort/{name}.tsv")
        if table is not None and len(table):
            blocks.append(Table(name, title, table, f"cohort/{name}.tsv", folded=True))
    warnings = results.table("cohort/warnings.tsv")
    if warnings is not None:
        blocks += [Text(" ".join(map(str, row)), "warning") for row in warnings.fillna("").itertuples(index=False)]
    return blocks


def _model_tables(models):
    """How much each further model disagrees, and a cross-table of broad lineages per model."""
    broad = models[models["level"] == "lineage_broad"].fillna({"other_name": "not in the map"})
    blocks = []
    for model, rows in broad.groupby("model", sort=False):
        agreed = rows.loc[rows["name"] == rows["other_name"], "n_cells"].sum()
        share = agreed / rows["n_cells"].sum()
        blocks.append(Text(f"{model} names the same broad lineage for {share:.1%} of the cells. It decides nothing."))
        wide = rows.pivot_table(index="name", columns="other_name", values="n_cells", aggfunc="sum", fill_value=0)
        wide.index.name, wide.columns.name = "broad lineage that stands", None
        title = f"Broad lineages (rows) and what {model} calls the cells (columns)"
        blocks.append(Table(f"model_{model}", title, wide.reset_index(), "cohort/models.tsv", folded=True))
    return blocks


def _embeddings(results, colours):
    cells, umap = results.table("cohort/cells.tsv.gz"), results.table("cohort/umap.tsv.gz")
    if cells is None:
        return []
    if "umap_1" not in cells:
        if umap is None or "umap_1" not in umap:
            return []
        key = next((c for c in ("cell", "barcode", "cell_id") if c in cells and c in umap), None)
        keys = [k for k in ("sample", key) if k and k in cells and k in umap]
        if not keys:
            return []
        new = [c for c in umap if c in keys or c not in cells]
        cells = cells.merge(umap[new], on=keys, how="inner", validate="one_to_one")
    cells = cells.dropna(subset=["umap_1", "umap_2"])
    if cells.empty:
        return []
    found = []
    donors = list(results.study.samples["donor"].unique())
    several = {donor: figures.MANY[i % len(figures.MANY)] for i, donor in enumerate(donors)}
    for by, palette, what in (
        ("lineage", colours.lineage, "lineage"),
        ("compartment", colours.compartment, "compartment"),
        ("condition", colours.condition, "condition"),
        ("donor", several, "donor"),
        ("leiden", _cluster_colours(cells), "cluster"),
    ):
        if by not in cells:
            continue
        found.append(
            figures.embedding(
                f"umap_{by}",
                cells,
                by,
                palette,
                title=f"All cells by {what}",
                caption=(
                    f"How to read it: {len(cells):,} cells in small squares, each in the colour of its commonest "
                    f"{what} (point "
                    "at it for how many cells and which share). Near squares have similar expression; distances "
                    "between far "
                    "groups mean little. For orientation only: no statistic uses this map. Behind it: "
                    f"{captions.samples(cells)}."
                ),
                alt=f"Map of all cells coloured by {what}",
            )
        )
    return found


def _cluster_colours(cells):
    """Clusters in the order of their numbers."""
    names = sorted(cells["leiden"].astype(str).unique(), key=lambda c: (len(c), c)) if "leiden" in cells else []
    return {name: figures.MANY[i % len(figures.MANY)] for i, name in enumerate(names)}


def composition(results, colours):
    """Changes of abundance within compartments and between them."""
    study, effects, blocks = results.study, results.table("composition/effects.tsv"), []
    summary = results.json("composition/composition.json")
    relative = len(effects) and effects["scale"].iloc[0] == "rel"
    if relative:
        blocks.append(
            Text(
                "Relative scale: cells_per_ul is not known for every sample, so a change means 'relative to the "
                "median lineage'; "
                "a fall of all lineages at once cannot be seen.",
                "warning",
            )
        )
    else:
        blocks.append(Text("Absolute scale: cells per microlitre, from cells_per_ul of the samplesheet."))
    blocks += [Text(w, "warning") for w in summary.get("warnings", []) if not relative]
    blocks.append(
        Text(
            "The changes of the lineages are drawn under questions 1 and 2; here are the broad lineages and all tables."
        )
    )
    for contrast in study.contrasts.itertuples(index=False):
        for level in [x for x in ("lineage", "lineage_broad") if (effects["level"] == x).any()]:
            name = f"within_{level}_{contrast.contrast}"
            if level == "lineage" and len(study.compartments) == 2:
                continue  # the figure of question 1
            blocks.append(_within_forest(results, colours, contrast, study.compartments, name, level))
            for compartment in study.compartments[1:] if level != "lineage" else []:
                name = f"between_{level}_{contrast.contrast}_{compartment}"
                blocks.append(_interaction_forest(results, colours, contrast, compartment, name, level))
    columns = [
        "level",
        "lineage",
        "contrast",
        "term",
        "compartment",
        "log2fc",
        "ci_low",
        "ci_high",
        "p_value",
        "q_value",
    ]
    columns += ["p_plain", "p_permutation", "permutation_floor", "mde80", "n_condition", "n_reference", "tier", "call"]
    columns += ["call_q", "note"]
    shown = effects[[c for c in columns if c in effects]]
    file = "composition/effects.tsv"
    blocks.append(
        Table(
            "composition_table",
            "All changes",
            shown,
            file,
            "p_permutation is exact and beside it stands the smallest value it could take.",
        )
    )
    single = results.table("composition/single_case.tsv")
    if single is not None and len(single):
        note = "Each donor of a small arm against the reference donors (Crawford and Howell 1998): no replicates."
        blocks.append(Table("single_case", "Single donors", single, "composition/single_case.tsv", note, folded=True))
    calls = results.table("composition/calls.tsv")
    if calls is not None and len(calls):
        held = calls[calls["holds"].astype(str).str.lower() == "true"]
        blocks.append(Table("calls_table", "Calls that hold", held, "composition/calls.tsv", folded=True))
    return [block for block in blocks if block is not None]


def expression(results, colours):
    """Genes that change, per lineage."""
    study, blocks = results.study, []
    for contrast in study.contrasts.itertuples(index=False):
        table = results.table(f"expression/{contrast.contrast}.parquet")
        file = f"expression/{contrast.contrast}.tsv.gz"
        if table is None:
            table = results.table(file)
        if table is None or table.empty:
            continue
        table = table.assign(lineage=table["lineage"].astype(str), term=table["term"].astype(str))
        title = _arms(contrast)
        blocks.append(_genes_found(table, contrast, title))
        between = table[(table["term"] == "interaction") & table["p_value"].notna()]
        for compartment, rows in between.groupby("compartment", sort=False, observed=True):
            n = captions.estimates(rows, contrast, " with both compartments")
            blocks.append(
                figures.volcano(
                    f"volcano_{contrast.contrast}_{compartment}",
                    rows,
                    title=f"Genes that change differently in {compartment}: {title}",
                    caption=(
                        "How to read it: one dot per gene of the lineage chosen at the top left; right of 0 it "
                        "rises more in "
                        f"{compartment} than in {study.reference_compartment}. "
                        f"Shown are {len(figures.thinned(rows)):,} of {len(rows):,}: of each lineage at most "
                        f"{figures.VOLCANO_GENES} genes with q <= .05, those of smallest p, and the others thinned. "
                        f"Behind it: {n}; single donors of the first genes are in the next figure."
                    ),
                    alt=f"Volcano plot of the interaction in {compartment}",
                )
            )
            blocks += _gene_donors(results, colours, contrast, compartment, rows)
        columns = ["lineage", "gene", "term", "compartment", "log2fc", "log2fc_shrunken", "se", "p_value", "q_value"]
        columns += ["q_global", "n_condition", "n_reference", "tier", "robust", "call"]
        top, cut = captions.first_rows(table[table["p_value"].notna()], "p_value")
        note = f"robust: sign and size stay when any one donor is left out. {cut}".strip()
        shown = top[[c for c in columns if c in top]]
        blocks.append(Table(f"genes_{contrast.contrast}", f"Top genes: {title}", shown, file, note))
    return blocks + _target(results, colours)


def _gene_donors(results, colours, contrast, compartment, rows):
    """Genes with the smallest p of the interaction, with every donor."""
    rows = rows.nsmallest(GENES_SHOWN, "p_value")
    values = results.log2_cpm(rows)
    if values is None:
        return []
    base = results.study.reference_compartment
    enough = values["n_cells"] >= float(results.json("pipeline_info/params.json").get("min_cells_pb") or 10)
    keys = ["lineage", "gene"]
    donors = _own_differences(values[enough], keys, "log2_cpm", contrast, compartment, base)
    rows, donors, series = _labelled(rows, donors, lambda x: x["lineage"] + ": " + x["gene"], compartment, base)
    rows = rows.assign(ci_low=rows["log2fc"] - 1.96 * rows["se"], ci_high=rows["log2fc"] + 1.96 * rows["se"])
    columns = ["label", "series", *keys, "log2fc", "ci_low", "ci_high", "p_value", "q_value", "tier"]
    return [
        figures.forest(
            f"genes_{contrast.contrast}_{compartment}",
            rows[[*columns, "n_condition", "n_reference"]],
            donors,
            list(rows["label"]),
            {series: compartment},
            colours,
            title=f"First genes that change differently in {compartment}, {_arms(contrast)}",
            caption=(
                f"How to read it: one line per lineage and gene, the {len(rows)} with the smallest p; right of 0 the "
                f"gene rises more in {compartment} than in {base}. Bars are the estimate plus and minus 1.96 standard "
                "errors of the count model. Open circles are single donors: their own difference of log2 counts per "
                "million between the compartments, relative to the mean of the reference donors. Behind it: "
                f"{captions.estimates(rows, contrast, ' with both compartments', donors)}."
            ),
            alt=f"Forest plot of the genes that change most between {compartment} and {base}",
            x="log2 fold change, difference between compartments",
        )
    ]


def _own_differences(values, keys, value, contrast, compartment, base):
    """Each donor's difference between two compartments, relative to the mean of the reference donors.

    Parameters
    ----------
    values : DataFrame
        ``donor, condition, compartment``, ``keys`` and ``value``: one row per donor, compartment and feature.

    Returns
    -------
    DataFrame
        ``keys, donor, condition, shown``; donors with both compartments, features that a reference donor has.
    """
    wide = values[values["condition"].isin([contrast.condition, contrast.reference])]
    wide = wide.pivot(index=[*keys, "donor", "condition"], columns="compartment", values=value)
    wide = wide.reindex(columns=[compartment, base])
    donors = (wide[compartment] - wide[base]).rename("difference").dropna().reset_index()
    mean = donors[donors["condition"] == contrast.reference].groupby(keys)["difference"].mean().rename("mean")
    donors = donors.join(mean, on=keys).dropna(subset=["mean"])
    return donors.assign(shown=donors["difference"] - donors["mean"])


def _labelled(rows, donors, label, compartment, base):
    """Estimates and donors with the ``label`` (a function of a table) of their line in a forest, and their series."""
    series = f"{compartment} minus {base}"
    rows, donors = (table.assign(label=label(table), series=series) for table in (rows, donors))
    return rows, donors, series


def _differences_forest(name, rows, values, value, contrast, compartment, base, colours, *, title, what, x):
    """Forest of the interaction of every lineage with the donors' own differences."""
    rows = rows[rows["estimate"].notna()].sort_values("estimate", ascending=False, kind="stable")
    if rows.empty:
        return []
    donors = _own_differences(values, ["lineage"], value, contrast, compartment, base)
    rows, donors, series = _labelled(rows, donors, lambda x: x["lineage"], compartment, base)
    donors = donors[donors["label"].isin(rows["label"])]
    n = captions.estimates(rows, contrast, " with both compartments", donors)
    caption = (
        f"How to read it: one line per lineage; right of 0 {what} rises more in {compartment} than in {base}. Bars are "
        "95 % confidence intervals, open circles single donors: their own difference between the compartments, "
        f"relative to the mean of the reference donors. Behind it: {n}."
    )
    return [
        figures.forest(
            name, rows, donors, list(rows["label"]), {series: compartment}, colours,
            title=title, caption=caption, alt=f"Forest plot per lineage of {what}, {series}", x=x, value="estimate",
        )
    ]  # fmt: skip


def _genes_found(table, contrast, title):
    place = table["term"].where(table["term"] != "interaction", "difference in " + table["compartment"].astype(str))
    found = (table["q_value"] <= 0.05).groupby([table["lineage"], place.str.replace("within:", "in ")]).sum()
    wide = found.unstack(fill_value=0)
    tested = table[table["p_value"].notna()]
    n = captions.per_arm(tested["n_condition"], tested["n_reference"], contrast)
    return figures.bars(
        f"genes_found_{contrast.contrast}",
        wide.reset_index(),
        "lineage",
        {c: c for c in wide.columns},
        title=f"Genes with q <= .05: {title}",
        caption=(
            "How to read it: number of genes per lineage that change within a compartment, and differently between "
            "compartments. Lineages with many cells find more: a low bar is not proof of no change. "
            f"Behind it: {n}."
        ),
        alt="Bars of the number of changed genes per lineage",
        y="genes",
    )


def _target(results, colours):
    """Expression of the target gene per lineage, and its relation to depletion."""
    table, relation = results.table("expression/target_gene.tsv"), results.table("expression/target_relation.tsv")
    if table is None or table.empty:
        return []
    gene = table["gene"].iloc[0]
    place = table["compartment"] + ", " + table["condition"]
    wide = table.assign(place=place).pivot_table(index="lineage", columns="place", values="mean_log2_cpm", sort=False)
    samples = captions.drawn(table, ["mean_log2_cpm"]).groupby(["compartment", "condition"], sort=False)["n_samples"]
    n = ", ".join(f"{' '.join(place)} {captions.span(counts)}" for place, counts in samples)
    note = "Descriptive: donors are few, and lineages are no replicates."
    blocks = [
        figures.heatmap(
            "target_gene",
            wide,
            title=f"Expression of {gene}",
            caption=(
                "How to read it: mean log2 counts per million over samples; grey, too few cells. Behind it: samples "
                f"{n}; their spread is in expression/target_gene.tsv."
            ),
            alt=f"Heat map of the expression of {gene} by lineage, compartment and condition",
            label="log2 CPM",
            data=table,
            symmetric=False,
        ),
        Table("target_table", f"{gene} per lineage", table, "expression/target_gene.tsv", note, folded=True),
    ]
    if relation is not None and len(relation):
        title = f"Are lineages with more {gene} depleted more?"
        blocks.append(Table("target_relation", title, relation, "expression/target_relation.tsv", note))
    return blocks


def migration(results, colours):
    """Migration scores: primary sets, then all sets per lineage."""
    study, effects, blocks = results.study, results.table("migration/effects.tsv"), []
    for contrast, compartment in results.contrasts():
        base = study.reference_compartment
        rows = effects[(effects["contrast"] == contrast.contrast) & (effects["lineage"] == "all")]
        series = {compartment: compartment, base: base}
        within = rows[rows["term"].isin([f"within:{c}" for c in series])]
        if len(within):
            within = within.assign(label=within["gene_set"], series=within["compartment"])
            donors = _score_donors(results, contrast, list(series))
            tiers = "; ".join(
                f"{c}: {captions.estimates(part, contrast, circles=_of_series(donors, c))}"
                for c, part in within.groupby("series", sort=False)
            )
            blocks.append(
                figures.forest(
                    f"sets_{contrast.contrast}_{compartment}",
                    within,
                    donors,
                    list(dict.fromkeys(within.sort_values("estimate", ascending=False)["label"])),
                    series,
                    colours,
                    title=f"Change of migration scores over all lineages, {_arms(contrast)}",
                    caption=(
                        "How to read it: one line per gene set; right of 0 the set rises. Bars are 95 % confidence "
                        "intervals, open "
                        f"circles single donors relative to the mean of the reference donors. Behind it: {tiers}."
                    ),
                    alt="Forest plot of migration scores per gene set and compartment",
                    x="change of the score (z-score points)",
                    value="estimate",
                )
            )
        between = effects[
            (effects["contrast"] == contrast.contrast)
            & (effects["term"] == "interaction")
            & (effects["compartment"] == compartment)
        ]
        scores = results.table("migration/scores.tsv")
        first = between.loc[between["primary"].astype(str).str.lower().eq("true"), "gene_set"]
        if len(first) and scores is not None:
            name = first.iloc[0]
            blocks += _differences_forest(
                f"set_lineages_{contrast.contrast}_{compartment}",
                between[between["gene_set"] == name],
                scores[scores["gene_set"] == name],
                "score",
                contrast,
                compartment,
                base,
                colours,
                title=f"{name} in each lineage: {compartment} against {base}, {_arms(contrast)}",
                what=f"the score of {name}",
                x="difference between compartments (z-score points)",
            )
        if len(between):
            wide = between.pivot_table(index="gene_set", columns="lineage", values="estimate", sort=False)
            blocks.append(
                figures.heatmap(
                    f"sets_by_lineage_{contrast.contrast}_{compartment}",
                    wide,
                    title=f"Difference between {compartment} and {base} per lineage",
                    caption=(
                        f"How to read it: orange, the set rises more in {compartment} than in {base}; blue, less; "
                        "grey, not testable. Behind it: "
                        f"{captions.estimates(captions.drawn(between, ['estimate']), contrast, ' with both compartments')}; single donors are in the figure above, those of all sets in "
                        "migration/scores.tsv."
                    ),
                    alt="Heat map of the interaction of migration scores by gene set and lineage",
                    label="points",
                    data=between[
                        ["gene_set", "lineage", "estimate", "ci_low", "ci_high", "p_value", "q_value", "tier"]
                    ],
                )
            )
    columns = [
        "gene_set",
        "primary",
        "lineage",
        "contrast",
        "term",
        "compartment",
        "estimate",
        "ci_low",
        "ci_high",
        "p_value",
    ]
    columns += ["q_value", "mde80", "n_condition", "n_reference", "tier", "call"]
    shown = effects.sort_values(["primary", "p_value"], ascending=[False, True], kind="stable")
    shown = shown[[c for c in columns if c in shown]]
    return [*blocks, Table("migration_table", "All scores", shown, "migration/effects.tsv")]


def _score_donors(results, contrast, compartments):
    scores = results.table("migration/scores.tsv")
    if scores is None:
        return None
    rows = scores[(scores["lineage"] == "all") & scores["compartment"].isin(compartments)]
    rows = rows[rows["condition"].isin([contrast.condition, contrast.reference])]
    keys = ["gene_set", "compartment"]
    reference = rows[rows["condition"] == contrast.reference].groupby(keys)["score"].mean().rename("reference_mean")
    rows = rows.join(reference, on=keys)
    shown = rows["score"] - rows["reference_mean"]
    return rows.assign(shown=shown, label=rows["gene_set"], series=rows["compartment"]).dropna(subset=["shown"])


def interactions(results, colours):
    """Centrality of lineages, groups of pairs, and single pairs."""
    study, blocks = results.study, []
    centrality = results.table("interactions/centrality_effects.tsv")
    shares = results.table("interactions/centrality.tsv")
    for contrast, compartment in results.contrasts():
        between = centrality[
            (centrality["contrast"] == contrast.contrast)
            & (centrality["term"] == "interaction")
            & (centrality["compartment"] == compartment)
        ]
        if between.empty:
            continue
        if shares is not None and len(shares):
            kind = "migration" if (between["network"] == "migration").any() else between["network"].iloc[0]
            own = shares[(shares["network"] == kind) & shares["share"].between(0, 1, inclusive="neither")]
            blocks += _differences_forest(
                f"hubs_{contrast.contrast}_{compartment}",
                between[between["network"] == kind],
                own.assign(logit=np.log(own["share"] / (1 - own["share"]))),
                "logit",
                contrast,
                compartment,
                study.reference_compartment,
                colours,
                title=f"Gain of a central role in the {kind} network of {compartment}, {_arms(contrast)}",
                what="the share of signalling (log-odds)",
                x="log-odds of the share, difference between compartments",
            )
        wide = between.pivot_table(index="lineage", columns="network", values="estimate", sort=False)
        n = captions.estimates(captions.drawn(between, ["estimate"]), contrast, " with both compartments")
        blocks.append(
            figures.heatmap(
                f"centrality_{contrast.contrast}_{compartment}",
                wide,
                title=f"Gain of a central role in {compartment}: {contrast.condition} against {contrast.reference}",
                caption=(
                    f"How to read it: orange, the share of signalling of a lineage rises more in {compartment} than in "
                    f"{study.reference_compartment} (log-odds of the share); blue, less; grey, too few cells. "
                    f"Behind it: {n}; single donors are in the figure above."
                ),
                alt="Heat map of the interaction of centrality by lineage and network",
                label="log-odds",
                data=between[["lineage", "network", "estimate", "ci_low", "ci_high", "p_value", "q_value", "tier"]],
            )
        )
    blocks += _share_dots(results, colours, shares)
    for compartment in study.compartments:
        blocks += _liana_pairs(results, colours, compartment)
    for contrast, compartment in results.contrasts():
        blocks += _top_edges(results, colours, contrast, compartment)
    for contrast in study.contrasts.itertuples(index=False):
        for compartment in [*study.compartments[1:], study.reference_compartment]:
            blocks += _networks(results, colours, contrast, compartment)
    predicted = "Predictions from expression: a pair means that both genes are expressed, not that cells touched."
    shared = "Predictions from expression: a share of the signalling that the expressed genes allow."
    for file, title, note, by in (
        ("centrality_effects", "Centrality, all comparisons", shared, "p_value"),
        ("groups", "Groups of pairs", predicted, "p_value"),
        ("effects", "Single pairs", predicted, "evidence"),
        ("cross_compartment", "Pairs across compartments: hypotheses, not findings", predicted, ""),
        ("not_testable", "Not tested, and why", "", ""),
    ):
        table = results.table(f"interactions/{file}.tsv")
        if table is not None and len(table):
            if "status" in table:
                tested = table[table["status"] == "tested"]
                note += f" {len(tested):,} of {len(table):,} pairs were tested." if len(tested) < len(table) else ""
                table = tested
            table, cut = captions.first_rows(table, by, largest=by == "evidence")
            blocks.append(Table(f"{file}_table", title, table, f"interactions/{file}.tsv", f"{note} {cut}".strip()))
    return blocks


def _share_dots(results, colours, shares):
    """Share of every lineage in every sample of the headline network: all donors behind the heat map."""
    if shares is None or shares.empty:
        return []
    network = "migration" if (shares["network"] == "migration").any() else shares["network"].iloc[0]
    rows = shares[shares["network"] == network]
    rows = rows[~rows["lineage"].isin(["unassigned", "other"])]
    traces = []
    for (condition, compartment), part in rows.groupby(["condition", "compartment"], sort=False):
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"{condition}, {compartment}",
                "x": part["share"],
                "y": part["lineage"],
                "text": part["sample"],
                "hovertemplate": "%{text}: %{x:.3f}<extra></extra>",
                "marker": {
                    "size": 9,
                    "color": colours.condition.get(condition, figures.GREY),
                    "symbol": colours.symbol.get(compartment, "circle"),
                    "opacity": 0.75,
                },
            }
        )
    lineages = rows["lineage"].nunique()
    axis = {"type": "category", "autorange": "reversed"}
    rows = captions.drawn(rows, ["share"])
    return [
        figures.Figure(
            "shares",
            f"Share of each lineage in the {network} network",
            "How to read it: one symbol per sample; the share of all signalling, sent and received, that a lineage "
            "takes part in. "
            f"The colour is the condition, the symbol the compartment. Behind it: {captions.samples(rows)}.",
            "Dots of the centrality share per lineage and sample",
            traces,
            figures.layout("share of signalling", "", yaxis=axis),
            rows[["sample", "donor", "compartment", "condition", "lineage", "share"]],
            150 + 30 * lineages,
        )
    ]


def _edge_label(table, suffix=""):
    """``source to target: ligand, receptor``; ``suffix`` of the two columns that name the genes."""
    genes = table[f"ligand{suffix}"] + ", " + table[f"receptor{suffix}"]
    return table["source"] + " to " + table["target"] + ": " + genes


def _liana_pairs(results, colours, compartment):
    """Pairs that LIANA ranks first in the samples of one compartment, with the place in every sample."""
    keys = ["source", "target", "ligand_complex", "receptor_complex"]
    first = [("compartment", "==", compartment), ("present", "==", True), ("magnitude_rank", "<=", 0.05)]
    columns = ["sample", "donor", "condition", *keys, "magnitude_rank"]
    rows = results.some_columns("interactions/liana.parquet", columns, first)
    if rows is None or rows.empty:
        return []
    rows = rows.astype({c: str for c in columns[:-1]})
    # every pair that ranks above one of these is among these: places are those in the whole sample
    rows["place"] = rows.groupby("sample")["magnitude_rank"].rank(method="min")
    rows["label"] = _edge_label(rows, "_complex")
    n = rows["sample"].nunique()
    pairs = rows.groupby("label")["place"].agg(["size", "median"])
    pairs = pairs[pairs["size"] * 2 >= n].sort_values(["median", "size"], ascending=[True, False], kind="stable")
    labels = list(pairs.index[:PAIRS_SHOWN])
    rows = rows[rows["label"].isin(labels)]
    traces = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": condition,
            "x": part["place"],
            "y": part["label"],
            "text": part["sample"],
            "hovertemplate": "%{text}: place %{x}<extra></extra>",
            "marker": {
                "size": 9,
                "color": colours.condition.get(condition, figures.GREY),
                "symbol": colours.symbol.get(compartment, "circle"),
                "opacity": 0.75,
            },
        }
        for condition, part in rows.groupby("condition", sort=False)
    ]
    shown = figures.layout(
        "place among the pairs of its sample (1 = strongest; log scale)",
        "",
        xaxis={"type": "log", "dtick": 1},
        yaxis={"type": "category", "categoryorder": "array", "categoryarray": labels[::-1]},
    )
    donors = rows.drop_duplicates("donor")["condition"].value_counts()
    drawn = captions.counted(rows["sample"].nunique(), "sample")
    return [
        figures.Figure(
            f"liana_{compartment}",
            f"Pairs that LIANA ranks first in {compartment}",
            "How to read it: one line per sending and receiving lineage with ligand and receptor, one symbol per "
            "sample: the place of the pair among all pairs of that sample by LIANA's magnitude. Places say what is "
            "strong within a sample; they depend on its other pairs and are not compared between conditions, which the "
            f"figures that follow do. Shown are the first {len(labels)} by median place of the {len(pairs):,} in the upper "
            f"5 % of at least half of the {n} samples. Behind it: {drawn} of {', '.join(f'{k} {c}' for c, k in donors.items())} donors.",
            f"Dots of the places of the first pairs in {compartment}, one per sample",
            traces,
            shown,
            rows[["label", *columns, "place"]].sort_values(["label", "sample"]),
            150 + 26 * len(labels),
        )
    ]


def _top_edges(results, colours, contrast, compartment):
    """Pairs of genes whose interaction differs most between the compartments, with every donor."""
    effects, scores = results.table("interactions/effects.tsv"), results.table("interactions/top_edges.tsv")
    if effects is None or scores is None or scores.empty:
        return []
    keys, base = ["source", "target", "ligand", "receptor"], results.study.reference_compartment
    scores = scores[(scores["contrast"] == contrast.contrast) & (scores["compared"] == compartment)]
    rows = effects[(effects["contrast"] == contrast.contrast) & (effects["compartment"] == compartment)]
    rows = rows[rows["term"] == "interaction"].merge(scores[keys].drop_duplicates(), on=keys)
    if rows.empty:
        return []
    donors = _own_differences(scores, keys, "score", contrast, compartment, base)
    rows, donors, series = _labelled(rows, donors, _edge_label, compartment, base)
    return [
        figures.forest(
            f"edges_{contrast.contrast}_{compartment}",
            rows,
            donors,
            list(rows["label"]),
            {series: compartment},
            colours,
            title=f"Pairs that change most in {compartment} against {base}, {_arms(contrast)}",
            caption=(
                "How to read it: one line per sending and receiving lineage with ligand and receptor; right of 0 the "
                f"pair rises more in {compartment} than in {base}. Bars are 95 % confidence intervals; lines are "
                "sorted by the evidence of change of ligand and receptor together. Open circles are single donors: "
                "their own difference between the compartments, relative to the mean of the reference donors. Behind "
                f"it: {captions.estimates(rows, contrast, ' with both lineages in both compartments', donors)}."
            ),
            alt=f"Forest plot of the pairs that change most, {series}",
            x="log2 fold change",
        )
    ]


def _networks(results, colours, contrast, compartment):
    """Who signals to whom in one compartment: network and heat map of each arm and their difference."""
    edges = results.table("interactions/network.tsv")
    if edges is None or edges.empty:
        return []
    kind = "migration" if (edges["network"] == "migration").any() else edges["network"].iloc[0]
    edges = edges[(edges["network"] == kind) & (edges["compartment"] == compartment)]
    edges = edges[edges["condition"].isin([contrast.condition, contrast.reference])]
    samples = edges.drop_duplicates("sample").set_index("sample")["condition"]
    arms = {c: list(samples.index[samples == c]) for c in (contrast.condition, contrast.reference)}
    present = edges.groupby(["condition", "source"])["sample"].nunique()
    common = [k for k in results.lineages() if all(2 * present.get((c, k), 0) >= len(arms[c]) for c in arms)]
    if len(common) < 3 or not all(arms.values()):
        return []
    edges = edges[edges["source"].isin(common) & edges["target"].isin(common)]
    drawn = edges.drop_duplicates("sample")["condition"].value_counts()
    edges = edges.assign(share=edges["strength"] / edges.groupby("sample")["strength"].transform("sum"))
    means = {
        condition: edges[edges["sample"].isin(members)]
        .groupby(["source", "target"])["share"]
        .mean()
        .unstack()
        .reindex(index=common, columns=common)
        .fillna(0.0)
        for condition, members in arms.items()
    }
    difference = f"{contrast.condition} minus {contrast.reference}"
    views = means | {difference: means[contrast.condition] - means[contrast.reference]}
    columns = {f"share in {c}": m.stack() for c, m in means.items()}
    data = pd.DataFrame(columns).assign(difference=lambda t: t.iloc[:, 0] - t.iloc[:, 1]).reset_index()
    data = data[data["source"] != data["target"]]
    both = {text: m + m.T for text, m in views.items()}
    behind = (
        f"Behind it: the mean of {drawn[contrast.condition]} {contrast.condition} and "
        f"{drawn[contrast.reference]} {contrast.reference} samples, the {len(common)} lineages that at least "
        "half of each have (the mean is over the samples that have both partners). The menu changes between the "
        "conditions and their difference."
    )
    widest = [max(m.to_numpy().max() for m in group) for group in ((both[c] for c in arms), (means[c] for c in arms))]
    node = max(both[c].to_numpy().sum(1).max() / 2 for c in arms)
    drawn, maps = {}, {}
    for text in views:
        arm = text != difference
        drawn[text] = figures.network(
            f"network_{contrast.contrast}_{compartment}",
            both[text],
            (widest[0], node) if arm else (widest[0] / 2, node / 2),
            title=f"Network of {kind} signalling in {compartment}",
            caption=(
                "How to read it: the wider a line, the larger the share of all signalling that runs between two "
                "lineages, in both directions together; the larger a lineage, the more it takes part in. In the "
                "difference, solid orange lines and circles rise with the condition, dotted blue lines and diamonds "
                f"fall, all drawn at twice the scale. {behind}"
            ),
            alt=f"Network of the lineages in {compartment}, lines as wide as their signalling",
            data=data,
            colour=colours.condition.get(text, figures.GREY) if arm else None,
        )
        maps[text] = figures.heatmap(
            f"strength_{contrast.contrast}_{compartment}",
            100 * views[text].where(~np.eye(len(common), dtype=bool)),
            title=f"Strength of {kind} signalling in {compartment}",
            caption=(
                "How to read it: rows send, columns receive; the number is the share of all signalling, in per cent "
                "(in the difference, percentage points: orange rises with the condition, blue falls). The diagonal, "
                f"signals of a lineage to itself, is not counted. {behind}"
            ),
            alt=f"Heat map of signalling from lineage to lineage in {compartment}",
            label="per cent" if arm else "points",
            data=data,
            symmetric=not arm,
            limit=100 * widest[1] if arm else None,
        )
    return [figures.switched(drawn), figures.switched(maps)]


def coupling(results, colours):
    """tau_U with the range over left-out donors and lineages, and the concordance of expression."""
    table, drivers, blocks = results.table("coupling/coupling.tsv"), results.table("coupling/drivers.tsv"), []
    for contrast, compartment in results.contrasts():
        own = table[(table["contrast"] == contrast.contrast) & (table["compartment"] == compartment)]
        own = own[(own["level"] == "lineage") & own["tau_u"].notna()]
        if own.empty or drivers is None:
            continue
        rows = drivers[(drivers["contrast"] == contrast.contrast) & (drivers["compartment"] == compartment)]
        rows = rows[rows["level"] == "lineage"].sort_values("tau_u", kind="stable")
        blocks.append(_leave_one_out(own.iloc[0], rows, contrast, compartment))
    blocks.append(Table("coupling_table", "Coupling", table, "coupling/coupling.tsv"))
    titles = {
        "drivers": "Without one lineage or donor",
        "concordance": "Concordance of expression",
        "edistance": "Distance between the arms' cells (E-distance)",
    }
    for name, title in titles.items():
        frame = results.table(f"coupling/{name}.tsv")
        if frame is not None and len(frame):
            blocks.append(Table(f"{name}_table", title, frame, f"coupling/{name}.tsv", folded=True))
    return blocks


def _leave_one_out(row, drivers, contrast, compartment):
    traces = []
    for kind, symbol, colour in (
        ("donor", "circle-open", figures.OKABE_ITO[1]),
        ("lineage", "diamond", figures.OKABE_ITO[0]),
    ):
        part = drivers[drivers["kind"] == kind]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"without one {kind}",
                "x": part["tau_u"],
                "y": "without " + part["left_out"].astype(str),
                "hovertemplate": "%{y}: %{x:.2f}<extra></extra>",
                "marker": {"symbol": symbol, "size": 9, "color": colour, "line": {"width": 2}},
            }
        )
    limits = {"type": "data", "symmetric": False, "array": [row["tau_high"] - row["tau_u"]]}
    limits |= {"arrayminus": [row["tau_u"] - row["tau_low"]], "thickness": 2, "width": 5}
    traces.append(
        {
            "type": "scatter",
            "mode": "markers",
            "name": "all",
            "x": [row["tau_u"]],
            "y": ["all"],
            "error_x": limits,
            "hovertemplate": "all: %{x:.2f}<extra></extra>",
            "marker": {"symbol": "square", "size": 11, "color": "#111"},
        }
    )
    return figures.Figure(
        f"tau_{contrast.contrast}_{compartment}",
        f"How much of the uncoupling hangs on one lineage or donor: {compartment}",
        "How to read it: tau_U is the spread, over lineages, of the difference between compartments (log2; 0 = "
        "coupled); the bar is "
        "its 95 % confidence interval. A point far left of 'all' names a lineage, or a donor, that the result hangs "
        "on. Behind it: "
        f"{captions.estimates(row.to_frame().T, contrast, ' with both compartments')}.",
        "Dots of tau_U with each lineage and each donor left out",
        traces,
        figures.layout("tau_U (log2)", "", yaxis={"type": "category"}, xaxis={"rangemode": "tozero"}),
        drivers,
        160 + 22 * (len(drivers) + 1),
    )


def skipped(results, colours):
    """What was left out and why."""
    table = results.table("skipped.tsv")
    if table.empty:
        return [Text("Nothing was left out.")]
    counts = table["stage"].value_counts()
    text = f"{len(table)} samples, lineages or comparisons were left out, each with its reason. By step: "
    text += ", ".join(f"{stage} {n}" for stage, n in counts.items()) + "."
    shown, cut = captions.first_rows(table, limit=4 * captions.ROWS_SHOWN)
    return [Text(text), Table("skipped_table", "Left out", shown, "skipped.tsv", cut)]


def make_report(results, template, title="", plotly=None):
    """The page as text.

    Parameters
    ----------
    results : Results
    template : Path
        Folder with ``report.html.j2``, ``methods.html.j2``, ``report.css``, ``report.js``, ``references.tsv`` and
        ``dictionary.tsv``.
    title : str
        Default: names of conditions and compartments.
    plotly : str, optional
        Source of plotly.js; default: that of the plotly package.

    Returns
    -------
    str

    Raises
    ------
    UserError
        The template folder lacks a file.
    """
    import jinja2

    template = Path(template)
    for name in ("report.html.j2", "methods.html.j2", "report.css", "report.js", "references.tsv"):
        if not (template / name).is_file():
            raise UserError(f"--template {template}: {name} is missing; give the folder assets/report of the pipeline")
    if plotly is None:
        from plotly.offline import get_plotlyjs

        plotly = get_plotlyjs()
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"cell": show, "sortable": sort_value, "numeric": is_numeric}
    sections = build_sections(results)
    dictionary = load_dictionary(template.parent / "dictionary.tsv")
    study, params = results.study, results.json("pipeline_info/params.json")
    drawn = [block for section in sections for block in section.blocks if block.kind == "figure"]
    unfinished = [s for s in sections if not s.finished]
    citations = Citations(template / "references.tsv")
    methods = environment.get_template("methods.html.j2").render(
        study=study,
        analysed=results.analysed if study is not None else None,
        params=params,
        cite=citations.cite,
        composition=results.json("composition/composition.json"),
        expression=results.json("expression/expression.json"),
        ambient=_methods_of(results.summaries("ambient")),
        models=_models_of(results.summaries("labels")),
        versions=dict(results_versions(results)),
        simulated=results.simulated,
    )
    if not title:
        title = "sc-compartments"
        if study is not None:
            title = f"{', '.join(study.contrasts['contrast'])}: {', '.join(study.compartments)}".replace("_", " ")
    return environment.get_template("report.html.j2").render(
        title=title,
        study=study,
        analysed=results.analysed if study is not None else None,
        simulated=results.simulated,
        sections=sections,
        unfinished=unfinished,
        lost=status.lost_samples(results.table("skipped.tsv")),
        failed=[
            (name, code)
            for stage, name, code in status.failed_tasks(results.table("pipeline_info/trace.tsv"))
            if stage in status.PER_SAMPLE
        ],
        meanings=lambda file: meanings(dictionary, file),
        exists=lambda file: bool(file) and "*" not in file and (results.root / file).exists(),
        methods=methods,
        references=citations.used(),
        params=pd.DataFrame([{"parameter": k, "value": _plain(v)} for k, v in sorted(params.items())]),
        versions=pd.DataFrame(results_versions(results), columns=["software", "version"]),
        files=output_files(results),
        css=(template / "report.css").read_text(encoding="utf-8"),
        js=(template / "report.js").read_text(encoding="utf-8"),
        plotly=plotly,
        figures=_script_json({f.name: figure_json(f) for f in drawn}),
    )


def figure_json(figure):
    """What the browser draws and offers as CSV."""
    data = figure.data.loc[:, [c for c in figure.data.columns if not str(c).startswith("_")]]
    columns = {str(c): figures.clean(data[c].astype(object).where(data[c].notna(), None).tolist()) for c in data}
    return {
        "data": figures.clean(figure.traces),
        "layout": figures.clean(figure.layout | {"height": figure.height}),
        "csv": columns,
    }


def _script_json(value):
    """JSON that may stand inside a script element."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


class Citations:
    """Numbered references in order of first use, from ``references.tsv`` (``key, text, doi``)."""

    def __init__(self, path):
        rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:] if line]
        self._all = {key: (text, doi) for key, text, doi in rows}
        self._used = []

    def cite(self, *keys):
        """``[1, 2]``; an unknown key is an error of the template."""
        for key in keys:
            if key not in self._all:
                raise KeyError(f"references.tsv has no '{key}'")
            if key not in self._used:
                self._used.append(key)
        return "[" + ", ".join(str(self._used.index(key) + 1) for key in keys) + "]"

    def used(self):
        """(text, doi) in order."""
        return [self._all[key] for key in self._used]


def _methods_of(ambient_table):
    return sorted(map(str, ambient_table["method"].dropna().unique())) if ambient_table is not None else []


def _models_of(labels):
    """Names and gene overlap of the annotation models: list of (name, version, lowest overlap)."""
    if labels is None or "model" not in labels:
        return []
    overlap = labels["model_gene_overlap"] if "model_gene_overlap" in labels else pd.Series(math.nan, labels.index)
    version = labels["model_version"] if "model_version" in labels else pd.Series("", labels.index)
    rows = pd.DataFrame({"model": labels["model"], "version": version.fillna(""), "overlap": overlap})
    return list(rows.groupby(["model", "version"])["overlap"].min().reset_index().itertuples(index=False, name=None))


def _plain(value):
    if value is None or value == "":
        return ""
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def results_versions(results):
    """(software, version) from ``pipeline_info/versions.yml``: lines ``PROCESS: package=version``."""
    path = results.root / "pipeline_info" / "versions.yml"
    found = {}
    for line in path.read_text().splitlines() if path.is_file() else []:
        package, _, version = line.rpartition(":")[2].strip().partition("=")
        if version:
            found.setdefault(package, set()).add(version)
    return [(package, ", ".join(sorted(versions))) for package, versions in sorted(found.items())]


def output_files(results):
    """All files of the folder but the report: path, size in kB, SHA-256 (not for very large ones)."""
    rows = []
    for path in sorted(results.root.rglob("*")):
        if path.is_file() and path.suffix != ".html" and "multiqc" not in path.parts:
            size = path.stat().st_size
            if size <= HASHED_BYTES:
                with open(path, "rb") as handle:
                    digest = hashlib.file_digest(handle, "sha256").hexdigest()
            else:
                digest = "not computed (large file)"
            rows.append(
                {"file": path.relative_to(results.root).as_posix(), "kB": round(size / 1024, 1), "sha256": digest}
            )
    return pd.DataFrame(rows, columns=["file", "kB", "sha256"])


def is_numeric(series):
    """True for numbers, not for booleans."""
    return pd.api.types.is_numeric_dtype(series) and not pd.api.types.is_bool_dtype(series)


def show(value):
    """A table cell as text: three significant digits, empty for missing."""
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    if isinstance(value, float | np.floating):
        if float(value).is_integer() and abs(value) < 1e15:
            return f"{int(value):,}"
        return f"{value:.3g}"
    return str(value)


def sort_value(value):
    """A number that the browser sorts by; empty for missing."""
    missing = value is None or value is pd.NA or (isinstance(value, float | np.floating) and not math.isfinite(value))
    return "" if missing else f"{value:.9g}"
