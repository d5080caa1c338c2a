"""Samplesheets as spreadsheets, programs and hands leave them."""

import io
import zipfile

import openpyxl

from tests.bad_inputs.designed import GOOD, HEADER, LINES, fine, with_column, wrong

HABITS, COMMENTS, LETTERS, ALIKE = (
    "habits of spreadsheets",
    "comments and headers",
    "encodings of text",
    "names that nearly agree",
)
NUMBERS, PARTS, NAMES, FREE = (
    "numbers in sheets",
    "sheets with parts missing",
    "names that become file names",
    "free text",
)
OWN, TWICE, LEVELS, UNITS, COVARIATES = (
    "columns named like the pipeline's",
    "a file given twice",
    "levels of the design",
    "units of cells",
    "covariates",
)
OTHER = "sheets of other pipelines"


def table():
    """The good sheet as a list of rows of cells."""
    return [line.split(",") for line in GOOD.splitlines()]


def workbook():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", "<x/>")
    return data.getvalue()


def workbook_of(*tables):
    book, data = openpyxl.Workbook(), io.BytesIO()
    for rows in tables:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(row)
    book.save(data)
    return data.getvalue()


def notes(value, row=0, before=True):
    """A column of free text, before or behind the files; ``value`` in one row, quoted."""
    quote = '"' + value.replace('"', '""') + '"'
    lines = [[*line.split(",")] for line in [HEADER, *LINES]]
    at = 4 if before else 5
    for i, line in enumerate(lines):
        line.insert(at, "note" if i == 0 else quote if i == row + 1 else "fine")
    return "\n".join(map(",".join, lines)) + "\n"


def keeps(value):
    """The note as it is kept: line ends and tabs may become blanks, nothing else."""
    return {"raw": [line.split(",")[-1] for line in LINES]}


FOUR = [["a", "b", "c", "d"][i // 2] for i in range(8)]
AGES = ["31", "42", "53", "64"]


def ages(*values):
    return with_column("age", lambda i: (list(values) + AGES[len(values) :])[i // 2])


AGE = {"params": {"covariates": "age"}}

ROWS = [
    fine("S00 plain", "control", GOOD, n=8),
    fine("S01 byte order mark", HABITS, "\ufeff" + GOOD),
    fine("S02 CRLF", HABITS, GOOD.replace("\n", "\r\n")),
    fine("S03 CR alone", HABITS, GOOD.replace("\n", "\r")),
    fine("S04 semicolons", HABITS, GOOD.replace(",", ";")),
    fine("S05 sep=;", HABITS, "sep=;\n" + GOOD.replace(",", ";")),
    fine("S06 tabs", HABITS, GOOD.replace(",", "\t")),
    fine("S07 rows of commas at the end", HABITS, GOOD + "\n\n,,,,\n"),
    fine("S18 all quoted", HABITS, "\n".join(",".join(f'"{cell}"' for cell in line) for line in table()) + "\n"),
    fine("S41 blanks behind rows", HABITS, "\n".join(line + "   " for line in GOOD.splitlines()) + "\n"),
    fine("S42 mixed line ends", HABITS, GOOD.replace("\n", "\r\n", 3)),
    fine("S44 end mark of DOS", HABITS, GOOD + "\x1a"),
    wrong(
        "S19 names of rows from R",
        HABITS,
        "\n".join(f'"{i}",{line}' if i else f'"",{line}' for i, line in enumerate(GOOD.splitlines())) + "\n",
        "row 1: an unnamed column between named ones",
    ),
    wrong(
        "S32 a comma in a cell",
        HABITS,
        GOOD.replace("a/csf.h5", "a/csf.h5,thawed, twice"),
        "row 2: 7 fields but the header has 5; quote",
    ),
    wrong("a quote not closed", HABITS, GOOD.replace("b_csf,b", 'b_csf,"b'), "row 4: .*close the quote"),
    fine("S08 header behind a hash", COMMENTS, "#" + GOOD),
    fine(
        "S09 comment with commas before tabs",
        COMMENTS,
        "# cohort A, frozen, 2025, v2, final\n" + GOOD.replace(",", "\t"),
    ),
    fine("S10 comment first", COMMENTS, "# cohort A\n" + GOOD),
    fine("two rows commented out", COMMENTS, GOOD.replace("\nd_", "\n#d_"), n=6),
    wrong(
        "S17 capitals in the header",
        COMMENTS,
        GOOD.replace(HEADER, "Sample , Donor,Compartment,Condition,Raw"),
        "rename '(S|s)ample ?' to 'sample'",
    ),
    wrong("01 patient", COMMENTS, GOOD.replace("donor", "patient", 1), "rename 'patient' to 'donor'"),
    fine("S11 UTF-16", LETTERS, GOOD.encode("utf-16")),
    wrong(
        "S12 Latin-1",
        LETTERS,
        GOOD.replace("a/csf.h5", "Jürgen/csf.h5").encode("latin-1"),
        "row 2: not text in UTF-8 .*save it as CSV UTF-8",
    ),
    wrong("S13 a workbook", LETTERS, workbook, "(?i)excel|spreadsheet|xlsx"),
    fine("a workbook with its sheet", LETTERS, lambda: workbook_of(table()), n=8),
    wrong("a workbook with two sheets", LETTERS, lambda: workbook_of(table(), table()), "2 sheets have cells"),
    fine("S14 hard blanks", LETTERS, GOOD.replace("a_csf,a,", "a_csf,\u00a0a\u00a0,"), kept={"donor": FOUR}),
    fine("S15 a character without width", LETTERS, GOOD.replace("a_csf,a,", "a_csf,a\u200b,"), kept={"donor": FOUR}),
    fine(
        "S16 the same in the header",
        LETTERS,
        GOOD.replace("sample,donor", "sample,donor\u200b", 1),
        kept={"donor": FOUR},
    ),
    wrong(
        "one within a name", LETTERS, GOOD.replace("a_csf,a,", "a_csf,a\u200bb,"), r"row 2, column donor: 'a\\u200bb'"
    ),
    wrong("S45 null bytes", LETTERS, GOOD.replace("a_csf", "a_\x00csf"), "row 2: a null character"),
    wrong(
        "S20 donors differ in case",
        ALIKE,
        GOOD.replace("a_blood,a,", "a_blood,A,"),
        "column donor: 'A' and 'a' differ only in case",
    ),
    fine(
        "S21 zeros eaten",
        ALIKE,
        GOOD.replace(",a,", ",01,").replace("a_blood,01,", "a_blood,1,"),
        note="'01' .* and '1' .*nearly agree",
    ),
    fine(
        "S22 a dash or a line",
        ALIKE,
        GOOD.replace(",a,", ",P-1,").replace("a_blood,P-1,", "a_blood,P_1,"),
        note="'P-1' .* and 'P_1' .*nearly agree",
    ),
    wrong(
        "S23 samples differ in case", ALIKE, GOOD.replace("a_blood,", "A_CSF,"), "'A_CSF' .*'a_csf' .*(case|capital)"
    ),
    fine(
        "06c a hyphen in a condition",
        ALIKE,
        GOOD.replace("b,CSF,control", "b,CSF,con-trol"),
        note="'con-trol' .*'control' .*nearly agree|'control' .*'con-trol' .*nearly agree",
    ),
    fine(
        "06d a letter lost",
        ALIKE,
        GOOD.replace("treated", "natalizumab").replace("d,CSF,natalizumab", "d,CSF,natalizumb"),
        note="natalizum.*nearly agree",
    ),
    wrong(
        "06d with --strict",
        ALIKE,
        GOOD.replace("treated", "natalizumab").replace("d,CSF,natalizumab", "d,CSF,natalizumb"),
        "nearly agree.*--strict",
        params={"strict": True},
    ),
    wrong(
        "06 conditions differ in case",
        ALIKE,
        GOOD.replace("b,CSF,control", "b,CSF,Control"),
        "'[Cc]ontrol' and '[Cc]ontrol' differ only in case",
    ),
    fine(
        "numbers tell donors apart",
        ALIKE,
        GOOD.replace(",a,", ",P1,").replace(",b,", ",P10,").replace(",c,", ",P11,"),
        note="!nearly agree",
    ),
    wrong(
        "S26 decimal commas",
        NUMBERS,
        with_column("cells_per_ul", "1,2").replace(",", ";").replace("1;2", "1,2"),
        "row 2, column cells_per_ul: '1,2' is not a positive number",
    ),
    wrong(
        "S27 thousands",
        NUMBERS,
        with_column("cells_per_ul", '"2,100"'),
        "row 2, column cells_per_ul: '2,100' is not a positive number",
    ),
    wrong(
        "S28 more than",
        NUMBERS,
        with_column("cells_per_ul", ">5000"),
        "row 2, column cells_per_ul: '>5000' is not a positive number",
    ),
    wrong(
        "S29 none expected",
        NUMBERS,
        with_column("expected_cells", "0"),
        "row 2, column expected_cells: '0' is not a positive whole number",
    ),
    fine("S30 1E+04", NUMBERS, with_column("expected_cells", "1E+04"), kept={"expected_cells": ["10000"] * 8}),
    wrong("infinite cells", NUMBERS, with_column("cells_per_ul", "inf"), "row 2, column cells_per_ul: 'inf' is not"),
    wrong(
        "S33 a column twice",
        PARTS,
        "\n".join(f"{line},{line.rsplit(',', 1)[1]}" for line in GOOD.splitlines()),
        "column 'raw' is there twice",
    ),
    wrong("S34 header alone", PARTS, HEADER + "\n", "has a header but no sample"),
    wrong("S35 empty", PARTS, "", "is empty"),
    wrong("comments alone", PARTS, "# nothing\n# more\n", "is empty"),
    wrong("no files", PARTS, GOOD.replace("a/csf.h5", ""), r"row 2 \(sample 'a_csf'\): no input; give"),
    wrong("a condition left empty", PARTS, GOOD.replace("b,CSF,control", "b,CSF,"), "row 4, column condition: empty"),
    wrong(
        "S36 a page of the web",
        OTHER,
        "<!DOCTYPE html><html><body>404</body></html>",
        "column 'sample' is missing|HTML|web page",
    ),
    wrong("S39 reads", OTHER, GOOD.replace("raw", "fastq_1", 1).replace(".h5", ".fastq.gz"), "fastq_1"),
    wrong("S40 scdownstream", OTHER, "sample,filtered,unfiltered\nx,a.h5,b.h5\n", "column 'donor' is missing"),
    fine("S24 dates", NAMES, GOOD.replace("a_csf,", "2-Mar,").replace("a_blood,", "3-Mar,")),
    wrong(
        "S25 dates with slashes",
        NAMES,
        GOOD.replace("a_csf,", "3/2/2024,"),
        "row 2, column sample: '3/2/2024' may hold letters",
    ),
    wrong("S47 blanks", NAMES, GOOD.replace("treated", "anti CD52"), "column condition: 'anti CD52' may hold letters"),
    fine("S48 plus", NAMES, GOOD.replace("treated", "CD4+")),
    wrong("S49 umlauts", NAMES, GOOD.replace(",a,", ",Müller,"), "column donor: 'Müller' may hold letters"),
    wrong("S50 too long", NAMES, GOOD.replace("a_csf,", "x" * 260 + ","), "260 characters"),
    fine("S31 NA is a name", NAMES, GOOD.replace("treated", "NA"), levels=[["NA", "control"]]),
    fine(
        "F1 words that are values elsewhere",
        NAMES,
        GOOD.replace("a_csf,a", "1001,001")
        .replace("a_blood,a", "01,001")
        .replace("b_csf,", "NA,")
        .replace("b_blood,", "nan,")
        .replace("c_csf,", "null,")
        .replace("c_blood,", "TRUE,")
        .replace("d_csf,", "1e5,"),
        kept={"sample": ["1001", "01", "NA", "nan", "null", "TRUE", "1e5", "d_blood"]},
    ),
    fine("S54 a line break", FREE, notes("late\nclotted"), kept=keeps("late\nclotted")),
    fine("P08d a line break behind", FREE, notes("first\nsecond", before=False)),
    fine("P08c a tab", FREE, notes("tab\there"), kept=keeps("tab\there")),
    fine("P08b quotes", FREE, notes('said "fine"'), kept=keeps("")),
    fine("a comma, a hash, a backslash", FREE, notes("#1, \\ twice"), kept=keeps("")),
    fine("CRLF within a cell", FREE, notes("a\r\nb").replace("\nb_", "\r\nb_"), kept=keeps("")),
    fine("HTML", FREE, notes("<script>alert(1)</script>"), kept=keeps("")),
    fine("S51 lineage", OWN, with_column("lineage", "B-ALL"), note="'lineage' .*called 'sheet_lineage'"),
    fine("S53 cell", OWN, with_column("cell", "nuclei"), note="'cell' .*called 'sheet_cell'"),
    fine("M5b barcode", OWN, with_column("barcode", "BC1"), note="'barcode' .*called"),
    fine("M4b index", OWN, with_column("index", "7")),
    wrong("S52 a slash", OWN, with_column("CD4/CD8", "2"), "row 1: column 'CD4/CD8' holds '/'"),
    wrong("M4 _index", OWN, with_column("_index", "2"), "row 1: column '_index'"),
    wrong("an empty name", OWN, with_column("", "2").replace("raw,\n", "raw, ,x\n"), "unnamed column|fields"),
    wrong(
        "S43 two donors",
        TWICE,
        GOOD.replace("b/csf.h5", "a/csf.h5"),
        "row 4, column raw: 'a/csf.h5' is already in row 2 .*twice",
    ),
    wrong(
        "spelled otherwise", TWICE, GOOD.replace("b/csf.h5", "b/../a/./csf.h5"), "row 4, column raw: .*already in row 2"
    ),
    wrong(
        "18 a sample twice",
        TWICE,
        GOOD.replace("b_csf,", "a_csf,"),
        "row 4, column sample: 'a_csf' is already in row 2",
    ),
    fine(
        "P06 0",
        LEVELS,
        GOOD.replace("control", "0").replace("treated", "1"),
        params={"reference_condition": 0},
        levels=[["1", "0"]],
    ),
    fine(
        "P07 01",
        LEVELS,
        GOOD.replace("control", "01").replace("treated", "02"),
        params={"reference_condition": 1},
        levels=[["02", "01"]],
    ),
    fine(
        "P09 FALSE",
        LEVELS,
        GOOD.replace("control", "FALSE").replace("treated", "TRUE"),
        params={"reference_condition": False},
        levels=[["TRUE", "FALSE"]],
    ),
    wrong(
        "09 no obvious reference",
        LEVELS,
        GOOD.replace("control", "IIH").replace("treated", "natalizumab"),
        "no obvious reference: choose one with --reference_condition",
    ),
    wrong("a reference in capitals", LEVELS, GOOD, "did you mean 'control'", params={"reference_condition": "Control"}),
    wrong(
        "07 each arm in one compartment",
        LEVELS,
        GOOD.replace("a,blood,treated", "a,blood,control")
        .replace("d,blood,treated", "d,blood,control")
        .replace("b,CSF,control", "b,CSF,treated")
        .replace("c,CSF,control", "c,CSF,treated"),
        "no contrast has a donor in both arms",
    ),
    wrong(
        "all of one kind",
        LEVELS,
        GOOD.replace("control", "treated").replace("CSF", "blood").replace("csf,", "x,"),
        "nothing to compare",
    ),
    fine(
        "23c blood per litre",
        UNITS,
        with_column("cells_per_ul", lambda i: "6.4" if i % 2 else "2"),
        note="cells_per_ul of blood is 6.4 .*10\\^9 per litre",
    ),
    fine(
        "blood per ml",
        UNITS,
        with_column("cells_per_ul", lambda i: "6400000" if i % 2 else "2"),
        note="cells_per_ul of blood .*per ml",
    ),
    fine(
        "one sample per ml",
        UNITS,
        with_column("cells_per_ul", lambda i: "2000" if i == 2 else "6400" if i % 2 else "2"),
        note="cells_per_ul of b_csf is 2000.*another unit",
    ),
    fine(
        "23b one is missing",
        UNITS,
        with_column("cells_per_ul", lambda i: "" if i == 2 else "64"),
        note="cells_per_ul is missing for b_csf",
    ),
    fine(
        "CSF per millilitre",
        UNITS,
        with_column("cells_per_ul", lambda i: "6400" if i % 2 else "2000"),
        "cells_per_ul of CSF is 2000 .*cells per ml",
    ),
    fine("cells in thousands", UNITS, with_column("expected_cells", "5"), "expected_cells: 5 cells.*thousands"),
    wrong("23d cells_per_uL", UNITS, with_column("cells_per_uL", "64"), "'cells_per_uL' looks like 'cells_per_ul'"),
    fine("C1 every age another", COVARIATES, ages(), note="!confounded", **AGE),
    wrong("C2 more than 89", COVARIATES, ages(">89"), "row 2, column age: '>89' is not a number", **AGE),
    wrong(
        "C2 a decimal comma", COVARIATES, ages('"34,5"'), "row 2, column age: '34,5' is not a number.*write 34.5", **AGE
    ),
    wrong("C2 years", COVARIATES, ages("34 y"), "row 2, column age: '34 y' is not a number", **AGE),
    fine("C2 not known", COVARIATES, ages("n/a"), note="age is not known for every sample of a", **AGE),
    fine(
        "C3 sex in two spellings",
        COVARIATES,
        with_column("sex", lambda i: ["F", "f", "M", "m"][i // 2]),
        note="sex.*nearly agree|sex.*case|sex.*F and f",
        params={"covariates": "sex"},
    ),
    wrong(
        "--covariates Age", COVARIATES, ages(), "--covariates 'Age' .*did you mean 'age'", params={"covariates": "Age"}
    ),
    fine("S46 sex in another language", COVARIATES, with_column("sex", "weiblich"), note="column sex: 'weiblich'"),
]
