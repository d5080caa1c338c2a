"""The report as one document to print: a page that answers, then every section."""

import re
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from compartments.report import methods, provenance, status
from compartments.report.blocks import Answer, Glance, Section
from compartments.report.citations import Citations
from compartments.report.figures.style import Figure
from compartments.report.html import title_of
from compartments.report.page import Page
from compartments.report.paper.arrangement import arranged
from compartments.report.paper.drawing import MM

TALLEST_FIRST = 76  # millimetres of a figure on the first page
HEIGHT = re.compile(rb'<svg [^>]*?height="([\d.]+)pt"')
FONTS = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")  # those of matplotlib: paper looks the same on every machine


def figures_of(sections: list[Section]) -> list[Figure]:
    """All figures of the report in their order."""
    return [block for section in sections for block in section.blocks if isinstance(block, Figure)]


def leading(sections: list[Section]) -> list[Figure]:
    """Figures of the first page: those of the first answer and of the last that has one."""
    questions = next((section.blocks for section in sections if section.name == "questions"), [])
    answered = [
        block
        for before, block in zip(questions, questions[1:], strict=False)
        if isinstance(before, Answer) and isinstance(block, Figure)
    ]
    return answered if len(answered) < 3 else [answered[0], answered[-1]]


def height_of(svg: bytes) -> float:
    """Millimetres of a drawing of :func:`drawing.files_of`."""
    found = HEIGHT.search(svg)
    return float(found[1]) / MM if found else 0.0


def document(
    page: Page,
    sections: list[Section],
    drawings: Mapping[str, bytes],
    template: Path,
    title: str,
    run: provenance.Run,
    defaults: dict[str, Any],
) -> str:
    """The document as HTML without a script, everything it shows within.

    Parameters
    ----------
    drawings : mapping of str to bytes
        SVG of every figure of ``sections``.
    defaults : dict
        Of the pipeline's parameters.
    """
    results, citations = page.results, Citations(template / "references.tsv")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    first = leading(sections)
    # what is made smaller there is printed in its section, too
    names = [figure.name for figure in first if height_of(drawings[figure.name]) <= TALLEST_FIRST]
    text = environment.get_template("methods.html.j2").render(methods.values_of(page, citations, defaults))
    return environment.get_template("print.html.j2").render(
        title=title or title_of(results.study),
        study=results.study,
        analysed=results.analysed,
        simulated=results.simulated,
        glance=next((b for section in sections for b in section.blocks if isinstance(b, Glance)), Glance([])),
        first=first,
        tallest_first=TALLEST_FIRST,
        sections=[(section, arranged(section.blocks, names)) for section in sections],
        elsewhere=names,
        unfinished=[section for section in sections if not section.finished],
        doubtful=status.doubtful_samples(results.usable("cohort/warnings.tsv")),
        lost=status.lost_samples(results.usable("skipped.tsv")),
        drawings={name: f"data:image/svg+xml;base64,{b64encode(svg).decode()}" for name, svg in drawings.items()},
        methods=text,
        references=citations.used(),
        run=run,
        workflow=provenance.workflow(results.root),
        changed=provenance.parameters_table(provenance.changed(page.parameters, defaults)),
        params=provenance.parameters_table(page.parameters),
        models=results.usable("pipeline_info/models.tsv"),
        versions=provenance.software(results.root),
        css=(template / "print.css").read_text(encoding="utf-8"),
        fonts=_fonts(),
    )


def _fonts() -> list[str]:
    import matplotlib

    folder = Path(matplotlib.get_data_path(), "fonts", "ttf")
    return [(folder / name).as_uri() for name in FONTS]
