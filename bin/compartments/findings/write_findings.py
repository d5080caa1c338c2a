"""Answer the five questions of a study in plain sentences, from the effects tables: findings.tsv."""

import argparse
from pathlib import Path

from compartments.core.contract import Contract
from compartments.core.errors import UserError
from compartments.core.files import read_json, read_tsv
from compartments.core.options import Options
from compartments.core.vocabulary import ALPHA, COMBINED

STEP = "write_findings"
EFFECTS = ["contrast", "term", "compartment", "ci_low", "ci_high", "q_value", "tier"]
# option: place in the results folder, and the columns that the rooms read and cannot do without
TABLES = {
    "composition": (
        "composition/effects.tsv",
        [*EFFECTS, "level", "lineage", "scale", "log2fc", "se", "df", "call", "call_p", "call_q"],
    ),
    "calls": (
        "composition/calls.tsv",
        ["level", "lineage", "contrast", "compartment", "call", "p_value", "q_value", "holds"],
    ),
    "single_case": (
        "composition/single_case.tsv",
        ["level", "lineage", "contrast", "term", "outside_reference_range"],
    ),
    "migration": ("migration/effects.tsv", [*EFFECTS, "gene_set", "primary", "lineage", "estimate", "call"]),
    "centrality": ("interactions/centrality_effects.tsv", [*EFFECTS, "network", "lineage", "estimate", "call"]),
    "groups": ("interactions/groups.tsv", [*EFFECTS, "group", "source", "target"]),
    "coupling": (
        "coupling/coupling.tsv",
        ["contrast", "compartment", "level", "scale", "tau_u", "tau_low", "tau_high", "tier", "verdict"],
    ),
    "drivers": ("coupling/drivers.tsv", ["contrast", "compartment", "level", "left_out", "kind", "tau_u"]),
}
OTHERS = {"study": "study.json", "composition_json": "composition/composition.json"}


def arguments() -> argparse.Namespace:
    """Command line: a folder of results, or tables one by one."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--results", metavar="DIR", help="results folder; the options below name single files instead")
    for name, place in (OTHERS | {name: place for name, (place, _) in TABLES.items()}).items():
        parser.add_argument(f"--{name}", metavar="FILE", help=f"[DIR/{place}; absent: said to be unfinished]")
    parser.add_argument(
        "--equiv_margin", type=float, help="margin of equivalence, log2 [as in composition.json, else 1]"
    )
    parser.add_argument("--alpha", type=float, default=ALPHA, help="largest q of a claim")
    given = parser.parse_args()
    if given.equiv_margin is not None and given.equiv_margin <= 0:
        raise UserError(f"--equiv_margin {given.equiv_margin:g} is not positive; give a fold change in log2, as 1")
    if not 0 < given.alpha < 1:
        raise UserError(f"--alpha {given.alpha:g} is not between 0 and 1")
    return given


def find(given: argparse.Namespace, name: str, place: str) -> Path | None:
    """The file that an option names, else that of the results folder where it is there."""
    named = getattr(given, name)
    if named and not Path(named).is_file():
        raise UserError(f"--{name} {named}: no such file")
    path = Path(named or Path(given.results or ".", place))
    return path if named or (given.results and path.is_file()) else None


def main() -> None:
    """Write ``findings.tsv`` from the tables that are there."""
    given = arguments()

    from compartments.findings.answers import answer_all
    from compartments.findings.rows import Tables
    from compartments.study.parameters import names_in
    from compartments.study.study import Study

    study, composition_json = (find(given, name, place) for name, place in OTHERS.items())
    if not study:
        raise UserError("study.json is missing: give --study, or --results with the folder that holds it")
    summary = read_json(composition_json) if composition_json else {}
    tables = {}
    for name, (place, required) in TABLES.items():
        path = find(given, name, place)
        tables[name] = read_tsv(path, required) if path else None
    together = bool(given.results) and Path(given.results, COMBINED).is_file()
    read = Tables(**tables, composition_summary=summary, skipped=tuple(names_in(given.skip)), together=together)
    answers = answer_all(Study.load(study), read, given.alpha, given.equiv_margin)
    Contract.of(STEP).write(answers, "findings.tsv")
