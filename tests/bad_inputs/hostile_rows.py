"""Names, paths and texts that try to do harm: they stay texts."""

import os
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd

from compartments.core.files import read_json, read_tsv, write_json, write_tsv
from tests.bad_inputs import toy
from tests.bad_inputs.counted import refused
from tests.bad_inputs.designed import GOOD, LINES, fine, wrong
from tests.bad_inputs.record import Row, call, one_line, read_text
from tests.support import results

NAMES, PATHS, HTML, ACCESS = "hostile names", "hostile paths", "HTML in texts", "HDF5 access"
RAW = [line.rsplit(",", 1)[1] for line in LINES]
COMMAND, QUOTES = "$(touch ran)/`id`;a.h5", 'O\'Brien "1" (2).h5'
CLIMBS = (
    "../../x",
    "/etc/x",
    "..",
    ".hidden",
    "-rf",
    "a;id",
    "$(id)",
    "`id`",
    "a|b",
    "a b",
    "a\\b",
    "<b>",
    "a&b",
    "a'b",
)


def named(text, column="sample"):
    """The good sheet with that name in its first row."""
    quote = '"' + text.replace('"', '""') + '"'
    place = {"sample": "a_csf,", "donor": ",a,", "condition": ",treated,"}[column]
    return GOOD.replace(place, place.replace(place.strip(","), quote), 1)


def path_of(text):
    """The good sheet with that file in its first row."""
    return GOOD.replace("a/csf.h5", '"' + text.replace('"', '""') + '"', 1)


def payload(n):
    """Text that would be an element or an attribute, if it were taken for HTML."""
    return f'"\'></script><xss{n} onload=alert(1)>&lt; xssa{n}="1'


TEXTS = {
    1: ("lineage", "lineage_broad", "label", "display_label", "celltypist_label"),
    2: ("reason", "note", "notes", "warning", "message", "doubt"),
    3: ("gene", "gene_set", "set", "ligand", "receptor", "pair", "group", "signature"),
    4: ("method", "chemistry", "software", "version", "question", "answer", "kind", "remark"),
}


@cache
def hostile_page(base):
    """A report of results in whose tables every text of a kind ends with its payload, and so does the title."""
    folder = base / "results"
    results.make(folder, cells=5)
    results.answer(folder)
    for path in [*folder.rglob("*.tsv"), *folder.rglob("*.tsv.gz")]:
        table = read_tsv(path)
        for n, columns in TEXTS.items():
            for column in [one for one in columns if one in table and pd.api.types.is_string_dtype(table[one])]:
                table[column] = table[column].map(lambda text, n=n: f"{text}{payload(n)}", na_action="ignore")
        write_tsv(table, path)
    for path in folder.rglob("*.json"):
        values = read_json(path)
        if path.name == "params.json":
            write_json(values | {"input": payload(5)}, path)
        elif isinstance(values, dict) and "notes" in values:
            write_json(values | {"notes": payload(2)}, path)
    options = ("--title", payload(6), "--out", folder / "report.html", "--multiqc", base / "multiqc")
    done = call("make_report", "--results", folder, *options, folder=base)
    assert not done.fell, done.fell
    return (folder / "report.html").read_text()


class Elements(HTMLParser):
    """Names of all elements and attributes of a page, and its text outside scripts."""

    def __init__(self, page):
        super().__init__()
        self.names, self.text, self.inside = set(), [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.names |= {tag, *(name for name, _ in attrs)}
        self.inside = tag

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside not in ("script", "style"):
            self.text.append(data)


@cache
def elements(base):
    return Elements(hostile_page(base))


def shown(name, n):
    return Row(name, HTML, lambda folder: folder.parent, check_page, {"n": n, "exit": 0, "stage": "make_report"})


def check_page(row: Row, made: Path, folder: Path) -> None:
    page, n = elements(made), row.expect["n"]
    assert not {f"xss{n}", f"xssa{n}"} & page.names, "a text of the study became an element of the page"
    assert f"<xss{n} onload" in "".join(page.text), "the text is not shown as it is"


def forbidden(folder):
    """A file that another user may not read, looked at as that user."""
    made = toy.h5(folder / "m.h5")
    made.chmod(0)
    return made


def check_forbidden(row: Row, made: Path, folder: Path) -> None:
    if os.getuid() != 0:
        return check_line(row, made, folder)
    places = [folder, *folder.parents]
    for place in places[:-2]:  # the way there is open to all
        place.chmod(place.stat().st_mode | 0o711)
    folder.chmod(0o777)
    os.seteuid(65534)
    try:
        return check_line(row, made, folder)
    finally:
        os.seteuid(0)


def check_line(row: Row, made: Path, folder: Path) -> None:
    given = ("--sample", "s1", "--column", "raw", "--path", made)
    done = call("inspect_input", *given, folder=folder)
    assert not done.fell, done.fell
    one_line(read_text(folder / "problems.txt"), row.expect["line"], "inspect_input")


ROWS = [
    *(
        wrong(f"sample {text}", NAMES, named(text), "row 2, column sample: '.*' may hold letters, digits")
        for text in CLIMBS
    ),
    wrong("a line break in a name", NAMES, named("a\nb"), "row 2, column sample: 'a.*b' may hold letters"),
    wrong("a donor that climbs", NAMES, named("../a", "donor"), "row 2, column donor: '../a' may hold letters"),
    wrong("a condition with a command", NAMES, named("$(id)", "condition"), "column condition: .* may hold letters"),
    fine("a path with a command", PATHS, path_of(COMMAND), kept={"raw": [COMMAND, *RAW[1:]]}),
    fine("a path with quotes", PATHS, path_of(QUOTES), kept={"raw": [QUOTES, *RAW[1:]]}),
    fine("a path up", PATHS, path_of("../../data/a.h5"), kept={"raw": ["../../data/a.h5", *RAW[1:]]}),
    wrong("S38 a path of Windows", PATHS, path_of("C:\\data\\a.h5"), "row 2, column raw: .*written as on Windows"),
    fine("a path with a line break", PATHS, path_of("a\nb.h5"), kept={"raw": ["a b.h5", *RAW[1:]]}),
    refused("no counts at the end of the way", PATHS, lambda folder: Path("/etc/passwd"), "not an HDF5 file"),
    refused("a device", PATHS, lambda folder: Path("/dev/null"), "not (a file|an HDF5 file)|no such file"),
    refused(
        "P11b a link to nowhere",
        PATHS,
        lambda folder: (os.symlink("nowhere", folder / "m.h5"), folder / "m.h5")[1],
        "m.h5: (no such file|a link to)",
    ),
    shown("lineages", 1),
    shown("reasons and notes", 2),
    shown("genes and gene sets", 3),
    shown("parameters", 5),
    shown("the title", 6),
    Row(
        "R84 no permission",
        ACCESS,
        forbidden,
        check_forbidden,
        {"line": "no permission to read it", "exit": 0, "stage": "inspect_input"},
    ),
]
