"""What a section is built from: the results, their study, colours, and the words."""

from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from compartments.findings import designs
from compartments.report import listing
from compartments.report.blocks import Table, Text
from compartments.report.codes import Codes
from compartments.report.figures.style import Colours, Words
from compartments.report.results import Results
from compartments.report.words import Wording
from compartments.study.parameters import names_in
from compartments.study.study import CHANGE, COMPARTMENTS, Contrast, Study
from compartments.study.terms import Term

TEMPLATE = Path(__file__).resolve().parents[3] / "assets" / "report"


class Page:
    """Tables, colours and words for the sections.

    Parameters
    ----------
    results : Results
    template : path
        Folder that holds ``words``.
    """

    def __init__(self, results: Results, template: Path = TEMPLATE) -> None:
        self.results = results
        self.wording = Wording(template / "words")
        self.codes = Codes.read(template / "names.tsv")

    @property
    def study(self) -> Study:
        """The study; a page without one builds no section that asks for it."""
        if self.results.study is None:
            raise ValueError("the results folder has no study")
        return self.results.study

    @property
    def base(self) -> str:
        """The reference compartment."""
        return self.study.reference_compartment

    @property
    def terms(self) -> list[Term]:
        """Every question to the donors, in the order of the study."""
        return self.results.terms

    @cached_property
    def shown(self) -> list[Term]:
        """Those between compartments; of one compartment those within it."""
        several = self.results.study is not None and len(self.study.compartments) > 1
        return [term for term in self.terms if term.across or not several]

    @property
    def of_one_condition(self) -> bool:
        """True if compartments are compared and nothing else."""
        return bool(self.terms) and all(term.kind == COMPARTMENTS for term in self.terms)

    def term(self, contrast: str, name: str, compartment: str) -> Term:
        """One of the terms."""
        wanted = {"contrast": contrast, "term": name, "compartment": compartment}
        return next(term for term in self.terms if term.keys == wanted)

    def within(self, term: Term) -> list[Term]:
        """Terms of its contrast within its compartment and the reference compartment."""
        places = (term.compartment, self.base)
        own = [each for each in self.terms if each.contrast == term.contrast and not each.across]
        return sorted((each for each in own if each.compartment in places), key=lambda t: t.compartment == self.base)

    @cached_property
    def colours(self) -> Colours:
        return Colours(self.study, self.results.lineages(), self.results.palette)

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """Parameters of the run, ``{}`` if they are not known."""
        return self.results.json("pipeline_info/params.json")

    @property
    def skipped(self) -> list[str]:
        """Parts, named as their sections, that the run was asked to leave out (``--skip``)."""
        return names_in(self.parameters.get("skip"))

    def table(self, file: str) -> pd.DataFrame | None:
        """A table of the results, ``None`` if it is missing or has no row."""
        table = self.results.table(file)
        return None if table is None or table.empty else table

    def needed(self, file: str) -> pd.DataFrame:
        """A table that the section lists among its ``NEEDS``: it is there."""
        table = self.results.table(file)
        if table is None:
            raise ValueError(f"{file} is not among the NEEDS of this section")
        return table

    def words(self, key: str, behind: str, term: Term | None = None, **values: Any) -> Words:
        """Words of a figure: :meth:`Wording.figure`, in those of a term."""
        if term is None:
            return self.wording.figure(key, behind, **values)
        return self.wording.figure(key, behind, variant_of(term), **self.phrases(term) | values)

    def phrases(self, term: Term) -> dict[str, Any]:
        """What the words of figures say of a term: who is compared, and what its circles are."""
        contrast = designs.of_term(term)
        values = {"compartment": term.compartment, "base": self.base, "arms": designs.compared(contrast)}
        values |= {
            "condition": contrast.condition,
            "reference": contrast.reference,
            "series": series_of(term, self.base),
        }
        part = f"{'across' if term.across else 'within'}_{'own' if term.one_arm else 'two'}"
        variant = {CHANGE: "change", COMPARTMENTS: "apart"}.get(term.kind, "")
        values["second"] = term.arms[-1]
        values["theirs"] = " of their cohort" if self.results.cohorts else ""
        return values | {"circles": self.wording.get("shared.circles", part, values, variant)}

    def text(self, key: str, level: str = "note", **values: Any) -> Text:
        """A paragraph."""
        return Text(self.wording.get(key, "text", values), level)

    def listing(
        self,
        key: str,
        frame: pd.DataFrame,
        file: str,
        *,
        name: str = "",
        cut: str = "",
        folded: bool = False,
        **values: Any,
    ) -> Table:
        """A table with its title and note.

        Parameters
        ----------
        name : str
            Default: that of the entry.
        cut : str
            How it was cut, as :func:`captions.first_rows` says it.
        """
        note = self.wording.get(key, "note", values) if self.wording.has(key, "note") else ""
        title = self.wording.get(key, "title", values)
        told = self.codes.told(listing.in_words(frame, self.results.study))
        headings = {column: self.codes.column(column) for column in map(str, told)}
        return Table(name or key.partition(".")[2], title, told, file, f"{note} {cut}".strip(), folded, headings)


def variant_of(term: Term) -> str:
    """Which variant of words fits: ``apart`` of compartments compared, ``alone`` of changes within one."""
    if term.kind == COMPARTMENTS:
        return "apart"
    return "" if term.across else "alone"


def series_of(term: Term, base: str) -> str:
    """Name of the estimates of a term in a figure."""
    return f"{term.compartment} minus {base}" if term.across else term.compartment


def tagged(contrast: Contrast, compartment: str) -> str:
    """End of a figure's name."""
    return f"{contrast.contrast}_{compartment}"


def flags(column: pd.Series) -> pd.Series:
    """``true`` of a table as a truth."""
    return column.astype(str).str.lower().eq("true")
