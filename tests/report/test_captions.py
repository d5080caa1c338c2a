"""What a caption claims is what is drawn: donors, samples and rows, in a whole run and in runs with gaps."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from compartments.core.files import read_tsv
from compartments.report import captions
from compartments.report.results import Results
from compartments.study.study import Contrast
from tests.support import results as synthetic_results
from tests.support.tables import write

CONTRAST = Contrast("treated_vs_untreated", "treated", "untreated")
GAPS = {
    "whole": {},
    "lost": {"lost": ("TR1_CSF",)},
    "absent": {"absent": (("pDC", "TR1_blood"), ("NK", "TR1_blood"), ("CD4 T", "UN2_CSF"))},
    "three": {"arms": (("treated", 3), ("other", 2), ("untreated", 3)), "compartments": ("blood", "CSF", "node")}
    | {"lost": ("TR2_node", "UN1_CSF"), "absent": (("pDC", "TR1_blood"),)},
}
SAMPLES = re.compile(r"([\d,]+) samples? of ([\d,]+) donors?")
DONORS = re.compile(r"(\d+)(?: to (\d+))? (\w+) and (\d+)(?: to (\d+))? (\w+) donors")


@pytest.fixture(scope="module", params=list(GAPS))
def run(request, call, tmp_path_factory):
    """Folder, study and page of a run with gaps."""
    folder = tmp_path_factory.mktemp(request.param) / "results"
    study = synthetic_results.make(folder, **GAPS[request.param])
    said, page = call(folder)
    assert "WARNING" not in said
    return SimpleNamespace(folder=folder, study=study, page=page, name=request.param)


def said_of(caption):
    """The claim behind a figure."""
    assert caption.startswith("How to read it:") and caption.count("Behind it: ") == 1, caption
    return caption.partition("Behind it: ")[2]


def points(trace):
    """(key, text) of everything that a trace draws: values that are missing draw nothing."""
    x, y = trace.get("x") or [], trace.get("y") or trace.get("median") or []
    text = trace.get("text") or trace.get("customdata") or [""] * len(x)
    return [(a, b, t) for a, b, t in zip(x, y, text, strict=True) if a is not None and b is not None]


def samples_drawn(figure, names):
    """Samples of which a figure draws anything: they name a bar, a box, a dot or a line."""
    found = {trace.get("name", "").split(" ")[0] for trace in figure["data"]}
    for trace in figure["data"]:
        found |= {str(value) for point in points(trace) for value in point}
        found |= set(trace.get("customdata") or []) if isinstance((trace.get("customdata") or [0])[0], str) else set()
    return found & set(names)


def spans(numbers):
    """Smallest and largest number, as a caption says them."""
    numbers = [int(n) for n in numbers if pd.notna(n)]
    return (min(numbers), max(numbers))


def claimed(match):
    """(condition, smallest, largest) of both arms."""
    a, b, one, c, d, other = match.groups()
    return [(one, (int(a), int(b or a))), (other, (int(c), int(d or c)))]


def test_samples_and_donors_said_are_drawn(run):
    donors = run.study.samples.set_index("sample")["donor"]
    seen = 0
    for name, figure in run.page.figures.items():
        match = SAMPLES.search(said_of(run.page.captions[name]))
        if not match:
            continue
        seen += 1
        if name.startswith("umap_"):
            drawn = set(read_tsv(run.folder / "cohort" / "cells.tsv.gz")["sample"])
            assert sum(figure["csv"]["n_cells"]) == len(read_tsv(run.folder / "cohort" / "cells.tsv.gz"))
        else:
            drawn = samples_drawn(figure, donors.index)
        assert tuple(map(int, match.groups())) == (len(drawn), donors[list(drawn)].nunique()), name
    assert seen >= 12
    if run.name == "lost":
        assert "11 samples of 6 donors" in run.page.captions["lineages"]


def test_donors_of_paired_dots_are_drawn(run):
    seen = 0
    for name, figure in run.page.figures.items():
        said = said_of(run.page.captions[name])
        pairs = re.findall(r"(\w+) (\d+) \+ (\d+)", said)
        for compartment, *numbers in pairs:
            conditions = re.search(r"donors \((\w+) \+ (\w+)\)", said).groups()
            for condition, number in zip(conditions, numbers, strict=True):
                (trace,) = [t for t in figure["data"] if t.get("name") == condition]
                drawn = {text for _, _, text in points(trace) if text.endswith(f", {compartment}")}
                assert len(drawn) == int(number), (name, compartment, condition)
                seen += 1
    assert seen >= 8
    if run.name == "lost":
        assert "CSF 1 + 4, blood 2 + 4 donors" in run.page.captions["q3_treated_vs_untreated_CSF"]
    if run.name == "three":
        assert "CSF 3 + 2, blood 2 + 3 donors" in run.page.captions["q4_treated_vs_untreated_CSF"]


def estimates_behind(run, name, figure, compartment):
    """Estimates that a figure draws, with their donors: from its data, else from the table it was made of."""
    rows = pd.DataFrame({k: pd.Series(v, dtype=object) for k, v in figure["csv"].items()})
    if "n_condition" in rows:
        rows = rows[rows["more_donors"] == 0] if "more_donors" in rows else rows
        return rows[rows["series"] == compartment] if compartment else rows
    contrast, _, there = re.match(r"[a-z0-9_]*?(\w+_vs_untreated)(_(\w+))?$", name).groups()
    contrast = contrast[contrast.index("other" if "other" in contrast else "treated") :]
    file = {"q5": "composition/effects", "sets": "migration/effects", "centrality": "interactions/centrality_effects"}
    file = next((f for start, f in file.items() if name.startswith(start)), None)
    if file is None:
        table = pd.read_parquet(run.folder / "expression" / f"{contrast}.parquet")
        return table[table["p_value"].notna()]
    table = read_tsv(run.folder / f"{file}.tsv")
    table = table[table["contrast"] == contrast]
    if name.startswith("q5"):
        table = table[table["level"] == "lineage"]
        return table[(table["term"] == f"within:{compartment}") & table["lineage"].isin(rows["lineage"])]
    return table[(table["term"] == "interaction") & (table["compartment"] == there) & table["estimate"].notna()]


def test_donors_behind_estimates_are_those_of_the_estimates(run):
    seen = set()
    for name, figure in run.page.figures.items():
        said = said_of(run.page.captions[name])
        if name.startswith("tau_"):
            row = read_tsv(run.folder / "coupling" / "coupling.tsv")
            row = row[
                [f"tau_{c}_{there}" == name for c, there in zip(row["contrast"], row["compartment"], strict=True)]
            ]
            row = row.iloc[0]
            assert said.startswith(f"{row['n_condition']} ") and f" and {row['n_reference']} untreated donors" in said
            continue
        for part in said.split("; "):
            match = DONORS.search(part)
            if not match or part.startswith("circles"):
                continue
            compartment = part.partition(":")[0] if ":" in part[: match.start()] else ""
            rows = estimates_behind(run, name, figure, compartment)
            for (_, span), column in zip(claimed(match), ("n_condition", "n_reference"), strict=True):
                assert span == spans(rows[column]), (name, column)
            tiers = re.search(r"\(([a-z, ]+)\)", part)
            assert tiers is None or set(tiers.group(1).split(", ")) == set(rows["tier"]), name
            seen.add(name.split("_")[0])
    assert {"q1", "q2", "q5", "power", "genes", "volcano", "sets", "set", "centrality", "hubs", "edges"} <= seen


def circles_drawn(figure):
    """(label, height of its line, condition) -> donors whose circles are on the line."""
    axis = figure["layout"]["yaxis"]
    places = dict(zip(axis["tickvals"], axis["ticktext"], strict=True))
    found = {}
    for trace in figure["data"]:
        if trace.get("name", "").startswith("donors, "):
            for _, y, text in points(trace):
                donor, series = text.split(", ", 1)
                label = places[min(places, key=lambda v: abs(v - y))]
                found.setdefault((label, series, trace["name"].removeprefix("donors, ")), set()).add(donor)
    return found


def test_circles_of_forests_are_counted(run):
    """A caption either names the circles, or every estimate has as many as it has donors."""
    seen, named = 0, 0
    for name, figure in run.page.figures.items():
        if "ticktext" not in figure["layout"]["yaxis"] or not any(
            trace.get("name", "").startswith("donors, ") for trace in figure["data"]
        ):
            continue
        circles, rows = circles_drawn(figure), figure["csv"]
        # which fit p-values are of is said of no number of donors
        said = re.sub(r"; p-values of .*", "", said_of(run.page.captions[name]))
        for part in re.split(r"; (?!circles)", said):
            series = part.partition(":")[0] if ":" in part else ""
            lines = [(a, b) for a, b in zip(rows["label"], rows["series"], strict=True) if series in ("", b)]
            for condition, span in claimed(list(DONORS.finditer(part))[-1]):
                assert span == spans(len(circles.get((*line, condition), ())) for line in lines), (name, part)
                seen += 1
            named += "circles of" in part
    assert seen >= 10 and (named == 0 or run.name != "whole")


def test_circles_of_the_coupling_are_counted(run):
    for name, figure in run.page.figures.items():
        if name.startswith("q5"):
            match = list(DONORS.finditer(run.page.captions[name].partition("circles of ")[2]))[-1]
            for condition, span in claimed(match):
                (trace,) = [t for t in figure["data"] if t.get("name") == f"donors, {condition}"]
                texts = pd.Series([text.split(", ") for *_, text in points(trace)])
                drawn = pd.DataFrame(texts.tolist(), columns=["lineage", "donor"]).groupby("lineage")["donor"].nunique()
                assert span == spans(drawn.reindex(figure["csv"]["lineage"], fill_value=0)), name


def test_samples_behind_means_and_places(run):
    """Networks are means of samples; LIANA's places name samples and the donors of each condition."""
    edges = read_tsv(run.folder / "interactions" / "network.tsv").query("network == 'migration'")
    networks = [name for name in run.page.figures if name.startswith(("network_", "strength_"))]
    for name in networks:
        one, a, b, other = re.search(
            r"mean of (\d+) (\w+) and (\d+) (\w+) samples", said_of(run.page.captions[name])
        ).group(1, 2, 4, 3)
        rows = edges[edges["compartment"] == name.split("_")[-1]].drop_duplicates("sample")["condition"].value_counts()
        assert (int(one), int(other)) == (rows[a], rows[b]), name
        lineages = re.search(r"the (\d+) lineages", run.page.captions[name]).group(1)
        assert int(lineages) == len(set(run.page.figures[name]["csv"]["source"]))
    assert networks
    for name, figure in run.page.figures.items():
        if name.startswith("liana_"):
            caption, csv = run.page.captions[name], pd.DataFrame(figure["csv"])
            assert f"Behind it: {csv['sample'].nunique()} samples of" in caption
            for condition, rows in csv.groupby("condition"):
                assert f"{rows['donor'].nunique()} {condition}" in said_of(caption)
            assert f"first {csv['label'].nunique()} by median place of the " in caption
    target = said_of(run.page.captions["target_gene"])
    csv = pd.DataFrame(run.page.figures["target_gene"]["csv"])
    for place, rows in csv.groupby(["compartment", "condition"]):
        low, high = spans(rows["n_samples"])
        assert f"{' '.join(place)} {low}" + (f" to {high}" if high > low else "") in target


def test_the_study_that_was_analysed_is_counted(run):
    """Header, section on the design, and methods say how many samples came to the end."""
    kept = run.study.samples[~run.study.samples["sample"].isin(GAPS[run.name].get("lost", ()))]
    samples, donors = len(kept), kept["donor"].nunique()
    assert f"{samples} samples, {donors} donors; compartments" in run.page.words
    assert f"{samples} samples of {donors} donors were analysed" in run.page.words
    if samples < len(run.study.samples):
        assert f"({samples} samples of {donors} donors analysed)" in run.page.words
    both = (kept.groupby("donor")["compartment"].nunique() > 1).sum()
    assert f"{both} donors with more than one compartment count" in run.page.words


def test_cut_tables_say_how_they_were_cut(call, tmp_path):
    """By which column, how many of how many rows; nothing of p-values where a table has none."""
    folder = tmp_path / "r"
    synthetic_results.make(folder)
    many = pd.DataFrame({"reason": [f"reason {i}" for i in range(300)], "kind": "few"})
    write(many, folder, "interactions/not_testable.tsv")
    write(pd.DataFrame({"ligand": "A", "log2fc": np.arange(270.0)}), folder, "interactions/cross_compartment.tsv")
    effects = read_tsv(folder / "interactions" / "effects.tsv")
    effects = pd.concat([effects] * 60, ignore_index=True)
    effects["evidence"] = np.linspace(-3, 2, len(effects))
    effects.loc[:9, "status"] = "lost"
    write(effects, folder, "interactions/effects.tsv")
    skipped = pd.DataFrame({"stage": "x", "reason": [f"r {i}" for i in range(1200)]})
    write(skipped, folder, "skipped.tsv")
    _, page = call(folder)
    tested = len(effects) - 10
    wanted = {
        "not_testable_table": f"The first 250 of {len(many)} rows in the order of the file",
        "cross_compartment_table": "The first 250 of 270 rows in the order of the file",
        "effects_table": f"{tested} of {len(effects)} pairs were tested. "
        f"The first 250 of {tested} rows by evidence, largest size first",
        "genes_treated_vs_untreated": "The first 250 of 2,700 rows by p_value, smallest first",
        "skipped_table": "The first 1,000 of 1,200 rows in the order of the file",
    }
    for table, sentence in wanted.items():
        assert sentence in page.note(table), page.note(table)
        assert page.rows(table) == (1000 if table == "skipped_table" else 250)
    assert "p-values; the file" not in page.words and "The first" not in page.note("centrality_effects_table")
    assert "a pair means" not in page.note("centrality_effects_table")
    assert "a pair means" in page.note("effects_table") and "Predictions" not in page.note("not_testable_table")


def test_shown_of_all_genes(run):
    for name, figure in run.page.figures.items():
        if name.startswith("volcano_"):
            shown, every = re.search(r"Shown are ([\d,]+) of ([\d,]+)", run.page.captions[name]).groups()
            drawn = sum(len(points(trace)) for trace in figure["data"])
            contrast, compartment = name.removeprefix("volcano_").rsplit("_", 1)
            table = pd.read_parquet(run.folder / "expression" / f"{contrast}.parquet")
            table = table[(table["term"] == "interaction") & (table["compartment"] == compartment)]
            assert (int(shown.replace(",", "")), int(every.replace(",", ""))) == (drawn, len(table))


def test_spans_and_nouns():
    assert captions.span([2, 2.0, np.nan]) == "2" and captions.span([4, 2, 3]) == "2 to 4" and captions.span([]) == "0"
    assert captions.counted(1, "sample") == "1 sample" and captions.counted(1200, "row") == "1,200 rows"


def test_samples_without_a_value_are_not_counted():
    table = pd.DataFrame({"sample": ["a", "b", "c"], "donor": ["x", "x", "y"], "called": [3, 2, np.nan]})
    table["kept"] = [1, np.nan, np.nan]
    names = {"called": "called", "kept": "kept"}
    assert captions.samples(table) == "3 samples of 2 donors"
    assert captions.samples(table, series=names) == "2 samples of 1 donor (kept: 1)"


def test_circles_are_named_where_they_differ():
    rows = pd.DataFrame({"label": ["a", "b"], "series": "s", "n_condition": 2, "n_reference": [3, 4], "tier": "x"})
    circles = pd.DataFrame(
        [(label, "s", donor, arm) for label in "ab" for donor, arm in (("1", "treated"), ("2", "treated"))],
        columns=["label", "series", "donor", "condition"],
    )
    text = captions.estimates(rows, CONTRAST, " there", circles)
    assert text == "2 treated and 3 to 4 untreated donors there (x); circles of 2 treated and 0 untreated donors"


def test_engines_are_named_with_what_they_were_used_for():
    rows = pd.DataFrame({"engine": ["pydeseq2", "voom", "pydeseq2", "voom", "pydeseq2"], "lineage": [*"BTBKB"]})
    assert captions.engines(rows, rows["lineage"]) == "; p-values of pydeseq2, in T, K of voom"
    assert captions.engines(rows[:1], rows["lineage"][:1]) == "; p-values of pydeseq2"
    assert captions.engines(rows[:0], rows["lineage"][:0]) == ""


def test_first_rows_are_sorted_by_what_they_say():
    table = pd.DataFrame({"p": [0.3, np.nan, 0.1, 0.2], "z": [1.0, -5.0, 2.0, np.nan]})
    shown, text = captions.first_rows(table, "p", limit=2)
    assert shown["p"].tolist() == [0.1, 0.2] and "first 2 of 4 rows by p, smallest first" in text
    shown, text = captions.first_rows(table, "z", largest=True, limit=2)
    assert shown["z"].tolist() == [-5.0, 2.0] and "largest size first" in text
    assert captions.first_rows(table, limit=4)[1] == ""


def test_analysed_samples_are_those_with_cells(run):
    lost = set(GAPS[run.name].get("lost", ()))
    assert set(Results(run.folder).analysed["sample"]) == set(run.study.samples["sample"]) - lost
