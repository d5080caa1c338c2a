"""A copy of the page to share names nobody."""

import json
import re
import shutil

import pandas as pd
import pytest

from compartments.core import dictionary
from compartments.core.files import read_tsv, write_tsv
from compartments.report import shared
from compartments.report.html import make_report
from compartments.report.page import TEMPLATE
from compartments.report.provenance import Run
from compartments.report.results import Results
from compartments.study.plan import design_table
from tests.support.page import Page
from tests.support.sheets import study_of

SECRET = "Jane Doe"


@pytest.fixture(scope="module")
def copy(whole, tmp_path_factory):
    """Page, its copy, and what was said of it: of a run whose sheet, reasons and warnings name people and paths."""
    folder = tmp_path_factory.mktemp("shared") / "r"
    shutil.copytree(whole[0], folder)
    study = json.loads((folder / "study.json").read_text())
    for row in study["samples"]:
        row["patient"] = SECRET
    study["warnings"] = ["TR1 and UN2 are of /clinic/ward/list.csv; UN2_CSF is small"]
    (folder / "study.json").write_text(json.dumps(study))
    reasons = [("filter_cells", "UN3_CSF", "no cell of UN3_CSF (donor UN3) in /data/UN3.h5"), ("x", "", "TR2: few")]
    rows = pd.DataFrame(reasons, columns=["stage", "sample", "reason"]).assign(lineage="", contrast="")
    write_tsv(rows[["stage", "sample", "lineage", "contrast", "reason"]], folder / "skipped.tsv")
    run = Run(command="nextflow run . --input /clinic/sheet.csv", started="2026-01-02")
    page, _ = make_report(Results(folder), plotly="-", run=run)
    text, warnings = shared.make_copy(Results(folder), TEMPLATE, "", run, plotly="-")
    return folder, page, text, warnings


def names(folder):
    samples = read_tsv(folder / "samples.tsv")
    return [*samples["sample"], *samples["donor"].unique()]


def test_no_name_path_or_command_is_left(copy):
    folder, page, text, warnings = copy
    for secret in [*names(folder), "/clinic", "/data", "sheet.csv", "nextflow run", SECRET]:
        found = re.search(rf"(?<!\w){re.escape(secret)}", text)
        assert not found, (secret, text[max(0, found.start() - 80) : found.end() + 20])
    assert all(name in page for name in names(folder)) and "nextflow run" in page
    assert warnings == [] and "(path)" in text and "2026-01-02" in text


def test_numbers_are_those_of_the_page(copy):
    """The same figures and tables, row by row; a donor has one number everywhere."""
    _, page, text, _ = copy
    first, second = Page(page), Page(text)
    assert first.figures.keys() == second.figures.keys()
    codes = {}
    for name, figure in first.figures.items():
        other = second.figures[name]["csv"]
        for column, values in figure["csv"].items():
            if column in ("sample", "donor"):
                for one, two in zip(values, other[column], strict=True):
                    assert codes.setdefault(one, two) == two and one != two
            elif column != "left_out":
                assert values == other[column], (name, column)
    assert len(codes) == 18 and len(set(codes.values())) == 18
    assert first.column("composition_table", "log2fc") == second.column("composition_table", "log2fc")
    assert not any(table["linked"] for table in second.tables.values()) and "files" not in second.tables


def test_codes_tell_captures_and_conditions_apart(of_kind):
    study = of_kind("within").study
    codes = shared.codes_of(study, ["D1_blood_before", "left"])
    assert codes["donor"]["D1"] == "donor01" and codes["sample"]["D1_blood_before"] == "donor01_blood_before"
    assert codes["sample"]["left"] == "sample1" and len(set(codes["sample"].values())) == len(study.samples) + 1


def small(folder, donors):
    """Results of donors of these names: design, counts, reasons, warnings, drivers."""
    rows = [f"{d}_{c},{d},{c},{'MS' if i % 2 else 'HC'},x.h5" for i, d in enumerate(donors) for c in ("CSF", "blood")]
    text = "\n".join(["sample,donor,compartment,condition,raw", *rows])
    study = study_of(text, reference_condition="HC")
    study.save(folder / "study.json")
    for name in ("cohort", "composition", "coupling"):
        (folder / name).mkdir()
    write_tsv(design_table(study), folder / "design.tsv")
    counts = pd.DataFrame(
        {"sample": study.samples["sample"].iloc[0], "level": "lineage", "lineage": ["B", "CD4_T", "NK"]}
    )
    write_tsv(counts.assign(n_cells=9), folder / "composition/counts.tsv")
    said = f"the samples of donor {donors[0]} differ in sex (blood F, CSF M)"
    warnings = pd.DataFrame({"stage": "merge_samples", "sample": [f"{donors[0]}_CSF", ""]})
    lines = [said, "B cells of few samples; 1,001 cells, 0.4711001"]
    write_tsv(warnings.assign(warning=lines), folder / "cohort/warnings.tsv")
    left_out = [("lineage", "all"), ("lineage", "B"), ("donor", donors[0])]
    drivers = pd.DataFrame(left_out, columns=["kind", "left_out"]).assign(lineage="B", compartment="CSF", tau_u=0.5)
    write_tsv(drivers, folder / "coupling/drivers.tsv")
    return Results(folder, [row for row in dictionary.load() if row["type"] == "text"])


def test_donors_called_as_lineages_compartments_or_conditions_leave_those_alone(tmp_path):
    """A donor called B is no reason to say donor01 of B cells."""
    results = small(tmp_path, ["B", "T", "NK", "MS", "CSF", "P7"])
    results.dictionary = [row | {"need": "optional"} for row in results.dictionary]
    copy = shared.Shared(results)
    for name in ("B", "T", "NK", "MS", "CSF"):
        assert name in copy.doubtful
    assert "P7" not in copy.doubtful and copy.said("P7 lacks B") == "donor06 lacks B"
    assert list(copy.table("composition/counts.tsv")["lineage"]) == list(
        results.table("composition/counts.tsv")["lineage"]
    )
    drivers = copy.table("coupling/drivers.tsv")
    assert list(drivers["left_out"]) == ["all", "B", "donor01"] and set(drivers["compartment"]) == {"CSF"}
    assert copy.study.compartments == ["blood", "CSF"] and set(copy.study.samples["condition"]) == {"MS", "HC"}
    assert list(copy.study.samples["donor"].unique()) == [f"donor0{n}" for n in range(1, 7)]
    # a sentence that may mean the donor is not told; one that says "donor B" is, by its number
    assert copy.told("few B cells") == shared.UNSAID and copy.told("donor B left") == "donor donor01 left"
    assert copy.said("donor B has few B cells in CSF") == "donor donor01 has few B cells in CSF"
    assert list(copy.table("cohort/warnings.tsv")["warning"]) == [shared.UNSAID, shared.UNSAID]


def test_donors_with_the_numbers_of_a_hospital_are_numbered_anew(tmp_path):
    results = small(tmp_path, ["4711001", "001", "1e5", "12-2020", "7", "True"])
    results.dictionary = [row | {"need": "optional"} for row in results.dictionary]
    design = results.table("design.tsv")
    names = {name for column in shared.LISTS for text in design[column].dropna() for name in text.split(",")}
    assert names == {"4711001", "001", "1e5", "12-2020", "7", "True"}  # as they are written
    copy = shared.Shared(results)
    recoded = copy.table("design.tsv")
    names = {name for column in shared.LISTS for text in recoded[column].dropna() for name in text.split(",")}
    assert names == {f"donor0{n}" for n in range(1, 7)}
    first, second = copy.table("cohort/warnings.tsv")["warning"]
    assert first == "the samples of donor donor01 differ in sex (blood F, CSF M)"
    assert second == "B cells of few samples; 1,001 cells, 0.4711001"  # no part of a number is a name
    assert copy.said("7 of 12-2020, donor 7") == "7 of donor04, donor donor05"


def test_names_of_digits_that_stay_are_told():
    codes = {"donor": {"4711001": "donor01", "101": "donor02", "12": "donor03"}, "sample": {}}
    assert shared.remaining('donor 4711001, 12 cells, {"x":[101,4711001],"n":101}, 1,101 cells, 0.101', codes) == [
        "4711001"
    ]
    assert shared.remaining('{"donors":["101"]}', codes) == ["101"]


def test_a_name_that_stays_is_told():
    codes = {"donor": {"B": "donor01", "Anna": "donor02", "7": "donor03"}, "sample": {}}
    assert shared.remaining("Anna had 7 B cells", codes) == ["Anna"]


def test_beside_the_page(tmp_path):
    assert shared.place_of(tmp_path / "report.html").name == "report_shared.html"


def test_the_step_writes_both_and_a_logo(whole, tmp_path, execute):
    (tmp_path / "logo.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    done = execute("make_report", "--results", str(whole[0]), "--logo", "logo.svg", "--pseudonyms")
    assert done.returncode == 0, done.stderr
    page, copied = ((tmp_path / name).read_text() for name in ("report.html", "report_shared.html"))
    assert 'src="data:image/svg+xml;base64,' in page and "TR1" in page and "TR1" not in copied
    for name, reason in (("none.png", "no such file"), ("logo.gif", "give a PNG, SVG or JPEG")):
        if name == "logo.gif":
            (tmp_path / name).write_bytes(b"GIF89a")
        done = execute("make_report", "--results", str(whole[0]), "--logo", name)
        assert done.returncode != 0 and reason in done.stderr and len(done.stderr.splitlines()) == 1
