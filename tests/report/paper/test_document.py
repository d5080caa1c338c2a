"""The document: every section, at most 25 pages, nothing cut."""

import re

import pytest
from pypdf import PdfReader

from compartments.report.blocks import Table, Text
from compartments.report.paper.arrangement import arranged
from compartments.report.paper.document import TALLEST_FIRST, figures_of, height_of, leading
from compartments.report.paper.pdf import missing

MOST_PAGES = 25
OTHERS = ["Methods", "Parameters, versions, files"]


@pytest.fixture(scope="module")
def pages(printed):
    """Text of every page; words torn at the end of a line are not mended."""
    assert missing() == "", "install what the message names: make setup"
    return [" ".join(page.extract_text().split()) for page in PdfReader(printed[0] / "report.pdf").pages]


def test_all_sections_on_few_pages(printed, pages):
    """The list of sections is that of the page: none is left out to save paper."""
    _, sections = printed
    reader = PdfReader(printed[0] / "report.pdf")
    outline = [entry.title for entry in reader.outline if not isinstance(entry, list)]
    named = [title.removesuffix(" simulated data") for title in outline]
    assert named == [section.title for section in sections] + OTHERS
    assert len(pages) <= MOST_PAGES
    assert {tuple(round(float(side)) for side in page.mediabox[2:]) for page in reader.pages} == {(595, 842)}
    assert reader.metadata.title.endswith("(simulated data)") and "/CreationDate" not in reader.metadata


def test_the_first_page_answers(printed, pages):
    _, sections = printed
    first = pages[0]
    for number in range(1, 6):
        assert re.search(rf"\b{number}\. ", first)
    answered = [row for _, _, _, row in sections[0].blocks[0].rows]
    assert len(answered) > 5
    for row in answered:
        assert " ".join((row["headline"] or row["statement"][:150]).split())[:60] in first
    assert re.search(rf"{sections[0].title} 2\b", first), "the first page ends with its page"
    assert "Contents:" in first and f"1 of {len(pages)}" in first and "Simulated data" in first
    assert all(f"{page} of {len(pages)}" in text for page, text in enumerate(pages, 1))
    for section in sections:
        start = next(
            n for n, text in enumerate(pages[1:], 2) if re.search(rf"{re.escape(section.title)} simulated", text)
        )
        assert re.search(rf"{re.escape(section.title)}\W{{0,2}}{start}\b", first), section.title


def test_the_page_leads_to_the_document(printed):
    """Where it is made; else there is no link."""
    page = (printed[0] / "report.html").read_text()
    assert '<a href="report.pdf">report.pdf</a>' in page


def test_no_number_of_a_table_is_broken(printed, pages):
    """A p of a table stands in one piece."""
    numbers = {
        cell
        for s in printed[1]
        for part in arranged(s.blocks)
        for t in part.tables
        for row in t.rows
        for cell, is_number in zip(row, t.numeric, strict=True)
        if is_number and "e-" in cell
    }
    text = " ".join(pages)
    assert len(numbers) > 20 and [number for number in numbers if number not in text] == []


def test_every_figure_table_and_paragraph_is_there(printed, pages):
    """Every block of every section: figures by title, tables by title and file, texts by their first words."""
    _, sections = printed
    text = squeezed("".join(pages))
    for section in sections:
        for block in section.blocks:
            if isinstance(block, Table):
                assert squeezed(block.title) in text and (not block.file or squeezed(block.file) in text), block.title
            elif isinstance(block, Text):
                assert squeezed(block.text)[:40] in text, block.text
    figures = figures_of(sections)
    assert all(squeezed(figure.words.title) in text for figure in figures)
    first = [figure.name for figure in leading(sections)]
    laid = [f for s in sections for part in arranged(s.blocks, first) for row in part.rows for f in row]
    assert sorted([f.name for f in laid] + first) == sorted(f.name for f in figures)


def test_what_is_made_smaller_on_the_first_page_is_whole_in_its_section(printed, pages):
    _, sections = printed
    text = squeezed("".join(pages[1:]))
    for figure in leading(sections):
        svg = (printed[0] / "figures" / f"{figure.name}.svg").read_bytes()
        assert (squeezed(figure.words.printed) in text) == (height_of(svg) > TALLEST_FIRST), figure.name
    assert height_of(b'<svg xmlns="x" width="252pt" height="72pt"') == pytest.approx(25.4)


def squeezed(text):
    """Without blanks, which end of lines add and take."""
    return re.sub(r"\s|\u200b", "", text)


def test_the_same_results_give_the_same_document(printed):
    """From the very drawings: the figures' own bytes are held in test_drawing."""
    content = (printed[0] / "report.pdf").read_bytes()
    assert b"/ModDate" not in content and b"/CreationDate" not in content
