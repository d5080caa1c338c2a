"""The results as a copy of the page to share may show them: donors and samples recoded, no path, command or file list.

Donors get numbers, samples the number of their donor with compartment and condition; the same in every table, summary
and sentence. Of the samplesheet only what the page is about is left: columns of the user's own are not.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from compartments.findings import names
from compartments.report import provenance
from compartments.report.html import make_report
from compartments.report.page import TEMPLATE
from compartments.report.results import COUNTS, SENTENCES, Results
from compartments.study.study import Study

KEPT = ["sample", "donor", "compartment", "condition", "group", "batch", "cells_per_ul", "simulated"]
NAMED = ("sample", "donor", "left_out")  # columns with nothing but such a name in a cell
LISTS = ("donors_condition", "donors_reference")
# columns of what is compared: never of a donor
KEYS = (
    "lineage", "compartment", "condition", "group", "contrast", "term", "reference", "gene", "gene_set", "level",
    "source", "target", "ligand", "receptor", "network", "group_reference", "reference_compartment", "tier", "kind",
)  # fmt: skip
LETTER = re.compile(r"[^\W\d_]")
LONG = 4  # digits of a number that is a name rather than a count
UNSAID = "(left out of this copy: it may name a donor)"


def codes_of(study: Study | None, folders: list[str]) -> dict[str, dict[str, str]]:
    """Codes of donors and samples: ``donor`` and ``sample`` -> name -> code.

    Parameters
    ----------
    folders : list of str
        Samples that the results have and the study lacks.
    """
    rows = [] if study is None else study.samples.to_dict("records")
    donors = list(dict.fromkeys(str(row["donor"]) for row in rows))
    digits = max(2, len(str(len(donors))))
    donor = {name: f"donor{number:0{digits}d}" for number, name in enumerate(donors, 1)}
    several = pd.Series([(row["donor"], row["compartment"]) for row in rows], dtype=object).value_counts()
    sample: dict[str, str] = {}
    for row in rows:
        parts = [donor[str(row["donor"])], row["compartment"]]
        parts += [row["condition"]] if several[(row["donor"], row["compartment"])] > 1 else []
        code = "_".join(map(str, parts))
        same = sum(known == code or known.startswith(f"{code}_capture") for known in sample.values())
        sample[str(row["sample"])] = f"{code}_capture{same + 1}" if same else code
    sample |= {name: f"sample{number}" for number, name in enumerate((f for f in folders if f not in sample), 1)}
    return {"donor": donor, "sample": sample}


class Shared(Results):
    """Results that name no donor, sample or path; parts of the folder that only name such things are missing."""

    complete = False

    def __init__(self, results: Results, template: Path = TEMPLATE) -> None:
        super().__init__(results.root, results.dictionary, results.palette)
        self._whole = results
        self.codes = codes_of(results.study, results.sample_names)
        self._shared: dict[str, pd.DataFrame | None] = {}
        both = self.codes["donor"] | self.codes["sample"]
        own = " ".join(" ".join((word, word.replace("_", " "))) for word in _words_of(results, template))
        #: names that a sentence may hold and mean something else
        self.doubtful = [name for name in both if LETTER.search(name) and (len(name) < 2 or _word(name).search(own))]
        numbers = [name for name in both if not LETTER.search(name) and not _like_a_name(name)]
        self._in_text = {name: code for name, code in both.items() if name not in {*self.doubtful, *numbers}}
        self._any, self._unsure = _any_of(self._in_text), _any_of(self.doubtful)
        self._beside = _any_of(both, r"(?<=\bdonor )|(?<=\bsample )")

    def said(self, text: str) -> str:
        """A sentence with codes in place of names, and no path; a name that may mean else stays but after "donor"."""
        both = self.codes["donor"] | self.codes["sample"]
        text = re.sub(r"(?<!\w)(?:~|\.{1,2})?/[^\s,;:)'\"]+", "(path)", text)
        text = self._beside.sub(lambda found: both[found[1]], text)
        return self._any.sub(lambda found: self._in_text[found[1]], text)

    def told(self, text: str) -> str:
        """A warning or reason, as :meth:`said`; without its words where one may be the name of a donor."""
        text = self.said(text)
        return UNSAID if self._unsure.search(text) else text

    def table(self, file: str) -> pd.DataFrame | None:
        if file not in self._shared:
            table = super().table(file)
            self._shared[file] = None if table is None else self._recoded(table)
        return self._shared[file]

    def some_columns(self, file: str, columns: list[str], filters: list[tuple[str, str, Any]]) -> pd.DataFrame | None:
        table = super().some_columns(file, columns, filters)
        return None if table is None else self._recoded(table)

    def log2_cpm(self, wanted: pd.DataFrame) -> pd.DataFrame | None:
        table = super().log2_cpm(wanted)
        return None if table is None else self._recoded(table)

    def json(self, file: str) -> dict[str, Any]:
        parts = file.split("/")
        if parts[0] == "samples":  # samples/<sample>/<sample>.<step>.json, by its code
            name = self._names[parts[1]]
            return self._values(super().json("/".join([parts[0], name, parts[2].replace(parts[1], name, 1)])))
        if file == "pipeline_info/params.json":
            return {name: value for name, value in super().json(file).items() if not _names_something(value)}
        return self._values(super().json(file))

    def has(self, file: str) -> bool:
        """Nothing lies beside a copy."""
        return False

    def limits(self) -> pd.DataFrame | None:
        table = self._whole.limits()
        return None if table is None else self._recoded(table)

    @cached_property
    def sample_names(self) -> list[str]:
        return [self.codes["sample"][name] for name in self._whole.sample_names]

    @cached_property
    def _names(self) -> Mapping[str, str]:
        return {code: name for name, code in self.codes["sample"].items()}

    @cached_property
    def study(self) -> Study | None:
        study = self._whole.study
        if study is None:
            return None
        columns = [column for column in study.samples if column in (*KEPT, *study.covariates)]
        samples = self._recoded(study.samples[columns])
        return replace(study, samples=samples, warnings=[self.told(text) for text in study.warnings])

    def _recoded(self, table: pd.DataFrame) -> pd.DataFrame:
        """A table with codes."""
        both, told = self.codes["donor"] | self.codes["sample"], dict[str, pd.Series]()
        for column in table.columns.difference(["cell"]):
            values = table[column]
            if column in KEYS or (column not in NAMED and pd.api.types.is_numeric_dtype(values)):  # flags, too
                continue
            codes = {value: self._told(column, value, both) for value in values.dropna().unique()}
            told[column] = values.astype(object).map(codes)
            if column == "left_out" and "kind" in table:  # a lineage may be called as a donor
                told[column] = told[column].where(table["kind"] == "donor", values.astype(object))
        return table.assign(**told)

    def _told(self, column: str, value: Any, both: Mapping[str, str]) -> Any:
        """A cell with its code, or with those of the names in it."""
        if column in NAMED:
            return self.codes.get(column, both).get(str(value), value)
        if column in LISTS:
            return self._listed(value)
        if not isinstance(value, str):
            return value
        return self.told(value) if column in SENTENCES else self.said(value)

    def _listed(self, text: Any) -> str:
        """Donors of a cell, separated by commas or semicolons."""
        parts = re.split(r"([,;]\s*)", str(text))
        return "".join(self.codes["donor"].get(part.strip(), part) for part in parts)

    def _values(self, value: Any, key: str = "") -> Any:
        """The values of a summary with codes: names, and sentences that name them."""
        if isinstance(value, dict):
            return {self._in_text.get(name, name): self._values(one, name) for name, one in value.items()}
        if isinstance(value, list):
            return [self._values(one, key) for one in value]
        if isinstance(value, str) and key not in KEYS:
            return self._told(key, value, self._in_text)
        return value


def _names_something(value: Any) -> bool:
    """A parameter that may be a path, or names of the user's own."""
    return isinstance(value, str | list | dict) and bool(re.search(r"[/\\~]|\.\w{2,}$|,", str(value)))


def make_copy(
    results: Results,
    template: Path,
    title: str,
    run: provenance.Run,
    schema: Path | None = None,
    plotly: str = "",
) -> tuple[str, list[str]]:
    """The page to share, and which names it may still have: as :func:`html.make_report`."""
    hidden = Shared(results, template)
    run = run._replace(command="", paper="")
    page, _warnings = make_report(hidden, template, hidden.said(title), plotly=plotly, run=run, schema=schema)
    told = page[: page.index("<script>")] + page[page.rindex("</script>") :]
    unsure = [
        f"'{name}' names a donor or sample and is a word of the results, too: what may mean either is left out of the "
        "copy to share; another name in the samplesheet keeps it"
        for name in hidden.doubtful
    ]
    return page, unsure + [
        f"'{name}' still stands in the copy to share: look whether it is meant"
        for name in remaining(told, hidden.codes)
        if name not in hidden.doubtful
    ]


def remaining(page: str, codes: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Names of donors and samples that still stand as words in the text of a page.

    Parameters
    ----------
    page : str
        Without its scripts, but with its data.
    codes : mapping
        As of :func:`codes_of`.
    """
    # of one or two digits nobody could tell the name from the numbers
    names = [name for of in codes.values() for name in of if len(name) > (1 if LETTER.search(name) else 2)]
    return [name for name in names if any(not _is_value(page, found) for found in _word(name).finditer(page))]


def _is_value(page: str, found: re.Match[str]) -> bool:
    """A number of the page's data, which stands there without quotes."""
    around = page[found.start() - 1 : found.start()], page[found.end() : found.end() + 1]
    return not LETTER.search(found[1]) and around[0] in (*"[,:",) and around[1] in (*"],}",)


def _word(name: str) -> re.Pattern[str]:
    return _any_of([name])


def _any_of(names: Iterable[str], before: str = r"(?<!\w)") -> re.Pattern[str]:
    """Any of these names as a word, the longest first; a part of a number (``7`` of ``0.7`` and ``7,000``) is none."""
    found = sorted(names, key=len, reverse=True)
    each = "|".join(re.escape(name) + ("" if LETTER.search(name) else r"(?![.,]\d)") for name in found)
    number = r"(?<!\d[.,])"
    return re.compile(rf"(?:{before}){number}({each})(?!\w)" if found else r"(?!)")


def _like_a_name(digits: str) -> bool:
    """Whether a name without letters is one in a sentence, too, such as that of a hospital: no count looks like it."""
    return len(digits) >= LONG or digits.startswith("0") or not digits.isdigit()


def _words_of(results: Results, template: Path) -> set[str]:
    """What the results and the page's own sentences say: lineages, compartments, conditions, contrasts, words."""
    study, counts = results.study, results.usable(COUNTS)
    found = {*names.LINEAGES, *map(names.lineage, names.LINEAGES)}
    if counts is not None:
        found |= {*counts["lineage"].dropna()}
    if study is not None:
        found |= {str(value) for column in KEYS if column in study.samples for value in study.samples[column].dropna()}
        found |= {str(value) for value in study.contrasts[["contrast", "condition", "reference"]].to_numpy().ravel()}
    for path in (template / "words").glob("*.toml"):
        found |= set(re.findall(r"\w+", path.read_text("utf-8")))
    return found


def place_of(page: Path) -> Path:
    """``report_shared.html`` beside ``report.html``."""
    return page.with_name(f"{page.stem}_shared{page.suffix}")
