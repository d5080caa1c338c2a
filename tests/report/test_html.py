"""The page as a whole: complete, offline, the same for the same input, and safe."""

import re
import shutil

import pandas as pd
import pytest

from compartments.core.files import read_tsv, write_tsv
from compartments.report.html import make_report
from compartments.report.paper.tables import ROWS
from tests.support import results as synthetic_results
from tests.support.page import SECTIONS, Page


def test_every_section_is_there_and_complete(whole):
    _, page, said = whole
    assert [i for i in page.ids if i in SECTIONS] == SECTIONS
    assert "did not finish" not in page.words and "WARNING" not in said
    assert "This run is incomplete" not in page.words
    assert len(page.figures) >= 20


def test_nothing_is_loaded_from_elsewhere(whole):
    _, page, _ = whole
    assert [source for source in page.loaded if not source.startswith("data:")] == []
    style = re.search(r"<style>(.*?)</style>", page.source, re.S).group(1)
    assert "url(" not in style and "@import" not in style


def test_links_lead_to_files_and_sections(whole):
    folder, page, _ = whole
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in page.ids
        elif not link.startswith("https://doi.org/"):
            assert (folder / link).is_file(), link
    linked = {table["file"] for table in page.tables.values() if table["linked"]}
    assert "composition/effects.tsv" in page.links and "findings.tsv" in linked
    for table in page.tables.values():
        assert (
            (folder / table["file"]).is_file() if table["linked"] else not (folder / (table["file"] or "?")).is_file()
        )


def test_headings_do_not_skip_levels(whole):
    _, page, _ = whole
    assert page.headings[0] == 1 and page.headings.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(page.headings, page.headings[1:], strict=False))


def test_captions_say_how_to_read_and_who_is_behind(whole):
    _, page, _ = whole
    captions = re.findall(r"<figcaption>(.*?)<button", page.source, re.S)
    assert len(captions) == len(page.figures)
    for caption in captions:
        assert "How to read it:" in caption and re.search(r"Behind it: .*\d", caption, re.S), caption
    assert page.source.count('role="group" aria-label="') == len(page.figures)


def test_on_paper_no_banner_covers_text_and_tables_say_how_they_were_cut(whole):
    _, page, _ = whole
    style = re.search(r"<style>(.*?)</style>", page.source, re.S).group(1)
    paper = style[style.index("@media print") :]
    assert ".mark { position: static; }" in paper and "fixed" not in paper
    assert "table-header-group" in paper
    for table in page.tables.values():
        note, rows = table["printed"]["note"], len(table["printed"]["rows"])
        cut = re.search(r"Printed are the (?:first )?(\d+) of ([\d,]+) rows", note)
        assert bool(cut) == (table["rows"] > ROWS) and rows == min(ROWS, table["rows"])
        assert not cut or (int(cut[1]), int(cut[2].replace(",", ""))) == (rows, table["rows"])
        assert not cut or (table["file"] or "report.html") in note
    assert any(table["rows"] > ROWS for table in page.tables.values())
    for summary in re.findall(r'<details class="folded.*?<summary>(.*?)</summary>', page.source, re.S):
        assert "not printed" in summary


def test_simulated_is_marked_everywhere(whole, call, tmp_path):
    _, page, _ = whole
    assert page.source.count('<span class="sim">simulated data</span>') == len(SECTIONS)
    assert "Simulated data: every number" in page.words and "(simulated data)</title>" in page.source
    synthetic_results.make(tmp_path / "r", simulated=False)
    _, real = call(tmp_path / "r")
    assert 'class="sim"' not in real.source and "Simulated data" not in real.words
    assert "(simulated data)</title>" not in real.source


def test_empty_folder_still_gives_a_page(call, tmp_path):
    (tmp_path / "r").mkdir()
    _, page = call(tmp_path / "r", findings=False)
    assert "This run is incomplete" in page.words and [i for i in page.ids if i in SECTIONS] == SECTIONS
    assert page.figures == {}


def test_text_from_tables_is_escaped(whole, call, tmp_path):
    shutil.copytree(whole[0], tmp_path / "r")
    evil = "</script><script>alert(1)</script><img src=http://x.example/y>"
    write_tsv(
        pd.DataFrame([{"stage": "x", "sample": "", "lineage": evil, "contrast": "", "reason": evil}]),
        tmp_path / "r" / "skipped.tsv",
    )
    counts = read_tsv(tmp_path / "r" / "composition" / "counts.tsv")
    write_tsv(counts.replace({"lineage": {"pDC": evil}}), tmp_path / "r" / "composition" / "counts.tsv")
    _, page = call(tmp_path / "r", findings=False)
    assert evil not in page.source
    assert [source for source in page.loaded if not source.startswith("data:")] == []
    assert evil in page.figures["lineages"]["csv"]


def test_same_input_same_page(whole, call, tmp_path):
    shutil.copytree(whole[0], tmp_path / "r")
    (tmp_path / "r" / "report.html").unlink()
    _, page = call(tmp_path / "r", findings=False)
    assert page.source == whole[1].source


def test_size_does_not_grow_with_cells(call, tmp_path):
    """The map is binned and the quality plots are quantiles: ten times the cells, about the same page."""
    sizes = []
    for cells in (300, 3000):
        synthetic_results.make(tmp_path / str(cells), cells=cells)
        call(tmp_path / str(cells))
        sizes.append((tmp_path / str(cells) / "report.html").stat().st_size)
    assert sizes[1] < 15e6 and sizes[1] - sizes[0] < 1.5e6


def points_drawn(figure):
    """Symbols that stand for samples: of a box or bar that with it, and not those of means."""
    traces = [t for t in figure["data"] if t.get("mode", "markers").startswith("markers") and t.get("name") != "mean"]
    return sum(sum(y is not None for y in t.get("y") or t["median"]) for t in traces)


@pytest.mark.parametrize("kind", ["within", "mixed", "change", "trend", "one_condition", "one_compartment"])
def test_pages_of_every_design_are_whole(of_kind, kind):
    """No section is unfinished, nothing is missing in a sentence, names are unique; many answers stand by question."""
    results = of_kind(kind).results
    text, warnings = make_report(results, plotly="-")
    page = Page(re.sub(r"<pre[^>]*>@article.*?</pre>", "", text, flags=re.S))
    assert warnings == [] and "This run is incomplete" not in page.words
    assert len(page.ids) == len(set(page.ids)) and not re.search(r"\bnan\b|None(?! of)|\{|\}", page.words)
    assert all(figure["data"] for figure in page.figures.values())
    glance = text[text.index('<ol class="glance">') : text.index('id="question-1"')]
    n_items = len(re.findall(r'<div class="\w+"><p>', glance))
    assert ('class="data overview"' in text) == (kind in ("change", "trend"))
    findings = read_tsv(results.root / "findings.tsv")
    assert n_items == findings["lineage"].isna().sum() > 4
    seen = 0
    for name, figure in page.figures.items():  # what is said is drawn
        said = re.search(r"Behind it: ([\d,]+) samples? of (\d+) donors?", page.captions[name])
        if said and {"sample", "donor"} <= set(figure["csv"]):
            drawn = pd.DataFrame(figure["csv"]).drop_duplicates("sample")
            assert (len(drawn), drawn["donor"].nunique()) == tuple(map(int, said.groups())), name
            if name.startswith("q"):
                assert points_drawn(figure) == len(drawn), name
                seen += 1
    assert seen or kind in ("one_condition", "one_compartment")
    assert glance.count("Which lineages are depleted") == 1 and glance.count('href="#question-1"') == 1
    if kind in ("within", "mixed", "trend"):
        return
    with_condition = {"change": "own difference", "one_condition": "CSF against blood", "one_compartment": "treated"}
    assert with_condition[kind] in page.words[page.words.rindex("Study.") :]


def test_a_donor_against_a_donor_is_described_and_nothing_is_claimed(call, tmp_path):
    """One sample of each condition: a page that is whole, and says that there is too little to compare."""
    arms = (("treated", 1), ("untreated", 1))
    synthetic_results.make(tmp_path / "r", cells=5, arms=arms, compartments=("blood",))
    said, page = call(tmp_path / "r")
    assert "WARNING" not in said and [i for i in page.ids if i in SECTIONS] == SECTIONS
    panels = page.source[page.source.index('<ul class="panels">') :].split("</ul>")[0]
    assert set(re.findall(r'<li class="(\w+)">', panels)) == {"cannot_tell"}
    assert "with too few donors to test; 1 treated v 1 untreated donors, descriptive" in page.words


@pytest.mark.long
def test_300_samples_are_usable(call, tmp_path):
    """A figure for each compartment, a field to find a sample, no list cut, and a page that opens."""
    arms = (("treated", 75), ("untreated", 75))
    study = synthetic_results.make(tmp_path / "r", cells=20, arms=arms)
    said, page = call(tmp_path / "r")
    assert "WARNING" not in said and len(page.source) < 15e6
    for start in ("cells", "lineages", "rank_curves", "quality_pct_mt", "ambient", "removed"):
        parts = [page.figures[f"{start}_{place}"] for place in study.compartments]
        assert {s for part in parts for s in part["csv"]["sample"]} == set(study.samples["sample"])
    assert page.source.count('<option value="') == 300 and page.rows("samples") == 300
