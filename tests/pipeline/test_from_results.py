"""``--from``: what is handed on to the command, what is refused before it is called, and stub runs."""

import json
import shutil
import subprocess

import pytest

from tests.support.published import publish
from tests.support.runs import nextflow, trace, variables
from tests.support.sheets import GOOD

pytestmark = pytest.mark.pipeline

SCRIPT = """
include { carriedTo ; givenOf ; optionsOf ; problemOf ; stateOf } from './lib/again'
include { settingsOf } from './lib/options'
include { problemsOfParameters } from './lib/parameters'

def told(name, value) {
    log.info("TOLD ${groovy.json.JsonOutput.toJson([name, value])}")
}

workflow {
    def settings = settingsOf(params)
    told('given', givenOf(settings).toSorted())
    told('options', optionsOf(settings, givenOf(settings)))
    told('files', carriedTo(settings, givenOf(settings))[0].findAll { place -> place.startsWith('files/') })
    params.asked.each { name, more ->
        def other = settings + more
        told(name, problemOf(other, givenOf(other)))
    }
    told('labels alone', problemsOfParameters(settings + [from: null, labels: 'l.tsv'])[-1])
    told('state', stateOf(file('first')))
    file('first/pipeline_info/trace.tsv').text = 'another'
    told('state of a run repeated', stateOf(file('first')))
    file('first/samples.tsv').append('more')
    told('state of other results', stateOf(file('first')))
}
"""
LINEAGES = "celltypist_immune_all_low_lineage.tsv"
# name -> parameters in place of those that are fine
ASKED = {
    "fine": {},
    "not of a comparison": {"input": "sheet.csv", "simulate": "demo", "validate_only": True},
    "no folder": {"from": "gone"},
    "the same folder": {"outdir": "first"},
    "within it": {"outdir": "first/cohort"},
    "another's": {"outdir": "other"},
    "asked before": {"outdir": "again"},
    "asked otherwise": {"outdir": "again", "covariates": "sex"},
    "a slope taken back": {"trend": False},
    "two of a name": {"pathways": "own sets.gmt,other/own sets.gmt"},
}


@pytest.fixture(scope="module")
def folder(project, tmp_path_factory):
    """Launch folder with published results ``first`` of small tables, without cells."""
    folder = tmp_path_factory.mktemp("from")
    publish(folder / "first", GOOD)
    (folder / "own sets.gmt").write_text("SET\tsource\tCD3D\tCD3E\n")
    place = folder / "first/pipeline_info/params.json"
    more = {"gene_sets": "own sets.gmt", "regulators": "gone.tsv", "lr_resource": "consensus"}
    place.write_text(json.dumps(json.loads(place.read_text()) | more))
    return folder


def crate(folder, **given):
    """A results folder whose run was given these parameters."""
    folder.mkdir()
    graph = [{"@id": "#run", "name": "x"}]
    graph += [{"@id": f"#param/{name}", "value": value} for name, value in given.items()]
    (folder / "ro-crate-metadata.json").write_text(json.dumps({"@graph": graph}))


@pytest.fixture(scope="module")
def told(project, folder):
    """What the functions say of a command line, a file of parameters, and other settings."""
    shutil.copytree(folder, folder := folder.with_name("functions"))
    (project / "asking.nf").write_text(SCRIPT)
    (folder / "other").mkdir()
    (folder / "other/own sets.gmt").touch()
    (folder / "l.tsv").touch()
    place = folder / "first/pipeline_info/params.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | {"trend": True}))
    same = {"equiv_margin": "1", "covariates": "a'ge", "trend": "true", "label_overrides": "l.tsv"}
    defaults = {"relative_reference": "mode", "zoom_resolution": "0.5", "calibrate": "auto"}
    lineage_map = str(project / "assets" / LINEAGES)
    others = {"n_perms": "1000", "lr_resource": "consensus", "lineage_map": lineage_map, "paper": "true"}
    crate(folder / "again", **{"from": "first"}, **same, **defaults, **others)
    # equiv_margin as preset: given all the same
    given = {"equiv_margin": 1, "covariates": "a'ge", "trend": True, "min_cells_pb": None, "asked": ASKED}
    (folder / "given.json").write_text(json.dumps(given))
    words = ["--from", "first", "--outdir", "new", "--label_overrides", "l.tsv", "-params-file", "given.json"]
    command = [str(project / "tools/nextflow"), "run", str(project / "asking.nf"), "-ansi-log", "false", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=variables())
    lines = [line.partition("TOLD ")[2] for line in done.stdout.splitlines() if "TOLD " in line]
    assert len(lines) == len(ASKED) + 7, done.stdout[-4000:] + done.stderr
    return dict(map(json.loads, lines))


def test_what_is_given_and_nothing_else_is_handed_on(told):
    assert told["given"] == ["covariates", "equiv_margin", "from", "label_overrides", "outdir", "trend"]
    assert told["options"] == "--covariates 'a'\\''ge' --equiv_margin '1' --label_overrides 'l.tsv' --trend"


def test_files_that_parameters_name_go_with_the_task(told):
    """Those that are given, those of the earlier run that are still there, and those of its pipeline."""
    wanted = {"label_overrides/l.tsv", "gene_sets/own sets.gmt", f"lineage_map/{LINEAGES}"}
    assert set(told["files"]) == {f"files/{place}" for place in wanted}


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ("fine", ""),
        ("not of a comparison", "--from compares published results again and does not take --input, --simulate, --val"),
        ("no folder", "--from gone: there is no such folder; give the results folder (--outdir) of a run"),
        ("the same folder", "--outdir first is in the results that --from names; give the new results a folder of"),
        ("within it", "--outdir first/cohort is in the results that --from names; "),
        ("another's", "--outdir other holds other results, and nothing is overwritten; give a new folder"),
        ("asked before", ""),
        ("asked otherwise", "--outdir again holds other results, and nothing is overwritten; give a new folder"),
        ("a slope taken back", "--trend false: with --from the slope that first asks for stays; leave it out"),
        ("two of a name", "--pathways names several files own sets.gmt; rename them"),
        ("labels alone", "--labels is given without --from, the results whose cells it names; give both, or"),
    ],
)
def test_what_cannot_be_asked_is_one_line(told, asked, line):
    assert told[asked].startswith(line) and bool(told[asked]) == bool(line) and "\n" not in told[asked]


def test_results_that_say_the_same_repeat_nothing(told):
    assert told["state"] == told["state of a run repeated"] != told["state of other results"]


def run(project, folder, *words):
    return nextflow(project, folder, "-profile", "local", "--from", "first", *words)


def test_stubs_appear_in_the_new_folder_and_are_not_repeated(project, folder):
    words = ("-stub", "--outdir", "new", "--equiv_margin", "0.8")
    first = run(project, folder, *words)
    assert first.code == 0 and "The new report: new/report.html" in first.text, first.text[-3000:]
    assert list(trace(folder / "new")["status"]) == ["COMPLETED"]
    places = {"report.html", "changes.tsv", "findings.tsv", "pipeline_info/compare.json", "ro-crate-metadata.json"}
    assert {place for place in places if (folder / "new" / place).is_file()} == places
    again = run(project, folder, *words, "-resume")
    assert again.code == 0 and list(trace(folder / "new")["status"]) == ["CACHED"], again.text[-3000:]


def test_a_mistake_that_the_command_finds_is_one_line_and_leaves_nothing(project, folder):
    done = run(project, folder, "--outdir", "none", "--covariates", "weight")
    (line,) = [line for line in done.text.splitlines() if "ERROR" in line]
    assert line.startswith("ERROR: --covariates 'weight' is not a column") and done.code != 0
    assert not (folder / "none").exists()
