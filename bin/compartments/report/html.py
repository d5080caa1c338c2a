"""The report: one HTML file that opens offline, made from the tables of a results folder.

Every part of the folder is optional: a section whose tables are missing says so. The page holds plotly.js once, all
figures as JSON and the data behind each; nothing is loaded from elsewhere.
"""

import json
from pathlib import Path
from typing import Any

from compartments.core.dictionary import meanings
from compartments.core.errors import UserError
from compartments.report import listing, methods, provenance, status
from compartments.report.blocks import Table
from compartments.report.citations import Citations
from compartments.report.contents import build_sections
from compartments.report.figures.style import Figure
from compartments.report.page import TEMPLATE, Page
from compartments.report.results import Results
from compartments.study.study import Study

FILES = ["report.html.j2", "methods.html.j2", "report.css", "report.js", "references.tsv", "blocks", "words"]
FILES += ["print.html.j2", "print.css", "names.tsv"]


def check_template(folder: Path) -> None:
    """See that a folder is a template of the page.

    Raises
    ------
    UserError
        It lacks a file.
    """
    for name in FILES:
        if not (folder / name).exists():
            raise UserError(f"--template {folder}: {name} is missing; give the folder assets/report of the pipeline")


def make_report(
    results: Results,
    template: Path = TEMPLATE,
    title: str = "",
    plotly: str = "",
    run: provenance.Run | None = None,
    schema: Path | None = None,
) -> tuple[str, list[str]]:
    """The page as text, and what could not be made.

    Parameters
    ----------
    results : Results
    template : Path
        Folder that passes :func:`check_template`.
    title : str
        Default: names of conditions and compartments.
    plotly : str
        Source of plotly.js; default: that of the plotly package.
    run : Run
        Default: nothing is known of it.
    schema : Path
        ``nextflow_schema.json``; default: that of the pipeline.

    Returns
    -------
    text : str
    warnings : list of str
        One for each section that a table of another version cost.
    """
    import jinja2

    from compartments.report.paper.drawing import crowded

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    page, citations = Page(results, template), Citations(template / "references.tsv")
    sections = build_sections(page)
    figures = [block for section in sections for block in section.blocks if isinstance(block, Figure)]
    listed = provenance.tables(results.root, page.parameters, listed=results.complete)
    tables = [block for section in sections for block in section.blocks if isinstance(block, Table)] + listed
    defaults = provenance.defaults(schema or provenance.SCHEMA)
    text = environment.get_template("methods.html.j2").render(methods.values_of(page, citations, defaults))
    html = environment.get_template("report.html.j2").render(
        title=title or title_of(results.study),
        study=results.study,
        analysed=results.analysed,
        simulated=results.simulated,
        sections=sections,
        unfinished=[section for section in sections if not section.finished],
        doubtful=status.doubtful_samples(results.usable("cohort/warnings.tsv")),
        lost=status.lost_samples(results.usable("skipped.tsv")),
        exists=results.has,
        wide={figure.name for figure in figures if crowded(figure)},
        methods=text,
        references=citations.used(),
        paste=f"{methods.as_text(text)}\n\nReferences\n\n{citations.as_text()}\n",
        bibtex=citations.as_bibtex() + "\n",
        run=run or provenance.Run(),
        workflow=provenance.workflow(results.root),
        changed=provenance.parameters_table(provenance.changed(page.parameters, defaults)),
        models=results.usable("pipeline_info/models.tsv"),
        listed=listed,
        css=(template / "report.css").read_text(encoding="utf-8"),
        js=(template / "report.js").read_text(encoding="utf-8"),
        plotly=plotly or _plotly(),
        figures=script_json({figure.name: figure.json() for figure in figures}),
        tables=script_json({table.name: _data_of(table, results) for table in tables}),
    )
    return html, [section.warning for section in sections if section.warning]


def _data_of(table: Table, results: Results) -> dict[str, Any]:
    known = meanings(results.dictionary, table.file) if table.file else {}
    return listing.data_of(table, known, linked=results.has(table.file))


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return get_plotlyjs()


def title_of(study: Study | None) -> str:
    """What is compared, and the compartments."""
    if study is None:
        return "sc-compartments"
    return f"{', '.join(study.contrasts['contrast'])}: {', '.join(study.compartments)}".replace("_", " ")


def script_json(value: Any) -> str:
    """JSON that may stand inside a script element."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
