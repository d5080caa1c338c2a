"""What the steps that show results are given: the results folder, the template, and what is told of the run."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from compartments.core.errors import UserError
from compartments.core.options import Options

if TYPE_CHECKING:
    from compartments.report.provenance import Run
    from compartments.report.results import Results

TEMPLATE = Path(__file__).resolve().parents[3] / "assets" / "report"


class Shown(NamedTuple):
    """Results, and how they are shown."""

    results: "Results"
    template: Path
    title: str
    run: "Run"
    schema: Path | None


def parser(step: str, description: str | None) -> Options:
    """The options that the steps share."""
    options = Options(step, description)
    options.add_argument("--results", required=True, metavar="DIR", help="results folder; every part is optional")
    options.add_argument("--template", type=Path, metavar="DIR", help="folder with the page's template [assets/report]")
    options.add_argument(
        "--dictionary", type=Path, metavar="FILE", help="what the columns mean [dictionary.tsv beside the template]"
    )
    options.add_argument("--schema", type=Path, metavar="FILE", help="nextflow_schema.json [that of the pipeline]")
    options.add_argument("--logo", type=Path, metavar="FILE", help="picture in the head of the page: PNG, SVG or JPEG")
    options.add_argument("--command", help="command line of the run")
    options.add_argument("--started", help="date and time of its start")
    options.add_argument("--palette", type=Path, metavar="FILE", help="colours and order of lineages")
    return options


def shown(given: argparse.Namespace) -> Shown:
    """What those options name.

    Raises
    ------
    UserError
        A file or folder that is not there, or is not what it should be.
    """
    from compartments.core import dictionary
    from compartments.core.palette import read_palette
    from compartments.core.pictures import logo_of
    from compartments.findings import names
    from compartments.report import provenance
    from compartments.report.html import check_template
    from compartments.report.results import Results

    template = given.template or TEMPLATE
    rows = given.dictionary or template.parent / "dictionary.tsv"
    if not Path(given.results).is_dir():
        raise UserError(f"--results {given.results}: no such folder")
    check_template(template)
    if given.schema and not given.schema.is_file():
        raise UserError(f"--schema {given.schema}: no such file; give nextflow_schema.json of the pipeline")
    if not rows.is_file():
        raise UserError(f"--dictionary {rows}: no such file; give assets/dictionary.tsv of the pipeline")
    palette = read_palette(given.palette).told(names.lineage) if given.palette else None
    logo = logo_of(given.logo) if given.logo else ""
    run = provenance.Run(given.project or "", given.contact or "", given.command or "", given.started or "", logo)
    results = Results(given.results, dictionary.load(rows), palette)
    return Shown(results, template, given.title or "", run, given.schema)
