"""The functions of lib/*.nf, in both parsers: what enters a script, where a result belongs, why a task failed."""

import json
import re
import shlex
import subprocess

import pytest

from tests.support.runs import tracked, variables

pytestmark = pytest.mark.pipeline

HOSTILE = 'it\'s $(touch planted) `touch planted`; "two" \\ & | *'
SCRIPT = r'''
include { failedSteps ; failedTasks ; failures ; forgetFailures ; sampleFailed ; stepFailed } from './lib/failures'
include { locate ; placed ; samplesOf } from './lib/files'
include { changedModels ; modelsOf } from './lib/models'
include { laidOut ; leavesOut ; options ; parametersOf ; settingsOf ; withoutSteps ; wordsOf } from './lib/options'
include { everyWarning ; kept ; warned } from './lib/warnings'
include { warnedOnce } from './workflows/reads'

process SHOW {
    input:
    path files, stageAs: 'in/*'
    val text
    val given

    output:
    path 'words.txt', emit: words

    script:
    """
    printf '%s\\n' ${options(files: files, text: text, none: '', zero: 0, flag: true, off: false)} \\
        ${given} > words.txt
    """
}

def told(name, value) {
    log.info("TOLD ${groovy.json.JsonOutput.toJson([name, value])}")
}

// What --celltypist_model means, or the line that it ends with.
def meant(settings, text) {
    try {
        def given = settings + [celltypist_model: text]
        modelsOf(given).collect { compartment, path, byName -> [compartment, path.toString(), byName] }
    }
    catch (Exception problem) {
        causeOf(problem)
    }
}

def strandOf(said) {
    def made = java.nio.file.Files.createTempFile('', '.strand.json')
    made.text = groovy.json.JsonOutput.toJson([warning: said])
    made
}

def causeOf(problem) {
    problem.cause ? causeOf(problem.cause) : problem.message
}

workflow {
    def settings = settingsOf(params)
    told('expression', parametersOf(settings, 'compare_expression'))
    told('ambient', parametersOf(settings, 'choose_ambient'))
    told('texts', [settings.project, settings.title, settings.contact, settings.max_mt])
    warned('inspect_input', 's1', 'two\n  lines')
    warned('inspect_input', 's1', 'two\n  lines')
    kept('choose_ambient', '', 'not printed')
    told('warnings', everyWarning([[stage: 'merge_samples', sample: '', warning: 'first']]))
    def parts = ['expression', 'doublets'].collect { part -> leavesOut(settings, part) }
    warnedOnce(channel.of('', 'twice on Y', 'twice on Y').map { said -> [[:], strandOf(said)] })
    told('left out', parts + [withoutSteps(settings)])
    told('words', wordsOf(settings.simulate_options))
    told('no words', wordsOf(''))
    def hash = 'ab/0123456789abcdef0123456789abcd'
    def names = ['composition/effects.tsv', 'samples/ff/ff.qc.json', 'skipped.tsv']
    told('placed', names.collect { name -> placed("/bucket/work/${hash}/${name}")[0] })
    def (samples, problems) = samplesOf(file("${projectDir}/study.json"), file("${projectDir}/given"))
    told('samples', samples.collect { meta, inputs, others -> [meta, inputs.raw.toString(), others] })
    told('problems', problems)
    def there = file("${projectDir}/lists")
    told('matrix', ['GSM1_matrix.mtx.gz', 'other.mtx'].collect { one -> locate(one, there, 2, 'raw').toString() })
    told('lone matrix', locate('GSM2_matrix.mtx', there, 3, 'raw').problem)
    told('laid out', laidOut(['composition/effects.tsv', "samples/it's/x.json", 'skipped.tsv']))

    params.asked.each { name, text -> told(name, meant(settings, text)) }
    told('first use', changedModels(settings, [file("${projectDir}/first/models.tsv")]))
    told('same', changedModels(settings, [file("${projectDir}/first/models.tsv")]))
    told('changed', changedModels(settings, [file("${projectDir}/later/models.tsv")]))

    System.setProperty('sc-compartments.failed/another/run/read_counts/s9', 'of another run')
    def folder = file("${projectDir}/task")
    def task = [process: 'CELLS:READ_COUNTS', exitStatus: 1, attempt: 1, maxRetries: 2, memory: 4.GB, workDir: folder]
    told('killed', sampleFailed(task + [exitStatus: 137], [sample: 's1']))
    told('killed for good', sampleFailed(task + [exitStatus: 137, attempt: 3], [sample: 's1']))
    told('wrong', stepFailed(task + [process: 'COMPARE:COMPARE_COUPLING']))
    told('failures', failures())
    told('tasks', failedTasks())
    told('steps', failedSteps())
    forgetFailures()
    told('forgotten', failures())
    def given = parametersOf(settings, 'compare_expression')
    SHOW(channel.of(1).map { _one -> files("${projectDir}/given/*").toSorted() }, settings.target_gene, given)
    SHOW.out.words.subscribe { path -> told('script', path.readLines()) }
}
'''


# name -> value of --celltypist_model
ASKED = {
    "for compartments": "blood=Immune_All_Low, CSF=own.pkl",
    "with its ending": "Immune_All_Low.pkl",
    "a file with a comma": "a, b.pkl",
    "from a folder": "models of the site/Immune_All_Low.pkl",
    "of the results before": "Theirs",
    "of the bundle": "Bundled",
    "badly spelled": "immune all-low",
    "of no kind": "Nothing_Like_It",
    "not here": "Adult_COVID19_PBMC",
    "no such path": "models of the site/None.pkl",
}
SHA = {"Immune_All_Low.pkl": "a" * 64, "Theirs.pkl": "b" * 64, "New.pkl": "c" * 64}


def write_models(folder, project):
    """Models at hand, digests of first uses beside them and in the results, and what two later runs used.

    The project lies in a bundle, whose models are beside it.
    """
    site = folder / "models of the site"
    bundled = [project.parent / "models" / name for name in ("Bundled.pkl", "Immune_All_Low.pkl")]
    for path in (folder / "own.pkl", folder / "a, b.pkl", site / "Immune_All_Low.pkl", site / "Theirs.pkl", *bundled):
        path.parent.mkdir(exist_ok=True)
        path.write_text("model")
    (project / ".revision").write_text("of a bundle")
    (site / "SHA256SUMS").write_text(f"{SHA['Immune_All_Low.pkl']}  Immune_All_Low.pkl\n")
    used = {"first": SHA | {"own.pkl": "d" * 64}, "later": SHA | {"Theirs.pkl": "e" * 64, "own.pkl": "f" * 64}}
    for run, digests in used.items():
        (project / run).mkdir()
        rows = [f"{name}\t{sha}\t{'false' if name == 'own.pkl' else 'true'}" for name, sha in digests.items()]
        (project / run / "models.tsv").write_text("\n".join(["model\tsha256\tby_name", *rows, ""]))
    before = folder / "out" / "pipeline_info" / "models.tsv"
    before.parent.mkdir(parents=True)
    before.write_text(f"model\tsha256\tby_name\nTheirs.pkl\t{SHA['Theirs.pkl']}\ttrue\nown.pkl\t{'0' * 64}\tfalse\n")


@pytest.fixture(scope="module", params=["v1", "v2"])
def told(request, tmp_path_factory):
    """What the script says: name -> value."""
    folder = tmp_path_factory.mktemp(request.param)
    project = tracked(folder / "project")
    (project / "functions.nf").write_text(SCRIPT)
    for name in ("task", "given"):
        (project / name).mkdir()
    (project / "task" / ".command.err").write_text("first\nERROR: no   cells\n\n")
    for name in ("a b.tsv", "it's.tsv"):
        (project / "given" / name).write_text("")
    (project / "lists").mkdir()
    for name in ("GSM1_matrix.mtx.gz", "GSM1_barcodes.tsv.gz", "GSM1_genes.tsv", "GSM2_matrix.mtx", "other.mtx"):
        (project / "lists" / name).write_text("")
    rows = [
        {"sample": "a", "donor": "A", "row": 2, "note": HOSTILE, "rbc_per_ul": 0.0, "batch": None, "raw": "a b.tsv"}
    ]
    rows += [{"sample": f"s{n}", "row": n, "raw": f"{n}.h5", "filtered": ""} for n in range(3, 25)]
    rows[0]["filtered"], rows[-1]["raw"] = "/nowhere/x.h5", "sub/24.h5"
    (project / "study.json").write_text(json.dumps({"samples": rows}))
    given = {"target_gene": HOSTILE, "allow_mixed_ambient": "false", "simulate_options": "--scale 0.8 --x 'a b' c$(d)"}
    write_models(folder, project)
    given |= {"skip": "expression, interactions"}
    given |= {"asked": ASKED, "models": "models of the site", "outdir": "out"}
    (folder / "params.json").write_text(json.dumps(given))
    words = [project / "tools" / "nextflow", "run", project / "functions.nf", "-ansi-log", "false"]
    done = subprocess.run(
        [*map(str, words), "-profile", "local", "-params-file", "params.json", "--project", "007", "--title", "FALSE"],
        cwd=folder,
        capture_output=True,
        text=True,
        env=variables(NXF_SYNTAX_PARSER=request.param),
    )
    found = dict(json.loads(line) for line in re.findall(r"TOLD (.*)", done.stdout))
    assert "script" in found, done.stdout + done.stderr
    assert not list(folder.rglob("planted"))
    return found | {"folder": folder, "log": done.stdout + done.stderr}


def test_parameters_of_a_step_are_those_of_the_schema_that_are_set(told):
    assert shlex.split(told["expression"]) == ["--min_cells_pb", "10", "--target_gene", HOSTILE]
    assert shlex.split(told["ambient"]) == ["--ambient_method", "auto"], "a flag that is false is left out"


def test_a_text_is_what_was_typed(told):
    """Nextflow makes a number of 007 and a truth value of FALSE."""
    assert told["texts"] == ["007", "FALSE", None, 20]


def test_what_deserves_a_look_is_kept_once_behind_what_the_cohort_shows(told):
    rows = [tuple(row.values()) for row in told["warnings"]]
    assert rows == [
        ("merge_samples", "", "first"), ("choose_ambient", "", "not printed"), ("inspect_input", "s1", "two lines"),
    ]  # fmt: skip


def test_a_warning_of_the_index_is_said_once(told):
    assert told["log"].count("WARN: twice on Y") == 1


def test_parts_that_are_left_out_take_their_steps_with_them(told):
    expression, doublets, steps = told["left out"]
    assert (expression, doublets) == (True, False)
    interactions = dict.fromkeys(["RUN_LIANA", "SCORE_CENTRALITY", "COMPARE_INTERACTIONS"], "interactions")
    assert steps == {"COMPARE_EXPRESSION": "expression"} | interactions


def test_a_matrix_named_itself_goes_with_its_names(told):
    """Those of the same prefix, as in GEO; a lone one is one line."""
    names = ("GSM1_matrix.mtx.gz", "GSM1_barcodes.tsv.gz", "GSM1_genes.tsv")
    given, other = told["matrix"]
    assert re.findall(r"[^/\[]+?(?=[,\]])", given) == list(names) and other.endswith("/lists/other.mtx")
    assert told["lone matrix"].startswith("'GSM2_matrix.mtx' lies there without GSM2_barcodes.tsv (or .gz); copy")


def test_whatever_a_value_holds_the_script_gets_it_as_one_word(told):
    expected = ["--files", "in/a b.tsv", "in/it's.tsv", "--text", HOSTILE, "--zero", "0", "--flag"]
    assert told["script"] == [*expected, "--min_cells_pb", "10", "--target_gene", HOSTILE]


def test_options_in_one_text_are_split_as_a_shell_would(told):
    assert shlex.split(told["words"]) == ["--scale", "0.8", "--x", "a b", "c$(d)"]
    assert told["no words"] == ""


def test_a_result_belongs_where_its_task_named_it(told):
    assert told["placed"] == ["composition/effects.tsv", "samples/ff/ff.qc.json", "skipped.tsv"]


def test_samples_are_taken_from_the_study_as_it_was_read(told):
    meta, raw, others = told["samples"][0]
    assert meta == {"sample": "a", "donor": "A", "row": "2", "note": HOSTILE, "rbc_per_ul": "0.0"}
    assert raw.endswith("/given/a b.tsv") and others and told["samples"][1][2]


def test_all_files_that_are_not_there_are_named_in_one_line(told):
    """Folder by folder, the one that is not there itself by the nearest above that is."""
    alone, together = told["problems"].split("; check the path; ")
    assert alone.startswith("samplesheet row 2, column filtered: there is no file '/nowhere/x.h5' (looked for /nowhere")
    assert together.startswith("samplesheet: there are no files '3.h5' (row 3, column raw), '4.h5' (row 4, column raw)")
    assert together.count("row ") == 20 and "'sub/24.h5'" not in together
    folders = re.search(r"'22.h5' \(row 22, column raw\) and 2 more in (\S+) or (\S+); check the paths$", together)
    assert folders[1].endswith("/project/given") and folders[2] != folders[1]
    assert "\n" not in told["problems"]


def test_staged_files_are_laid_out_as_the_results_folder(told, tmp_path):
    for n in (1, 2, 3):
        (tmp_path / "staged" / str(n)).mkdir(parents=True)
        (tmp_path / "staged" / str(n) / "file").write_text(str(n))
    subprocess.run(["bash", "-euo", "pipefail", "-c", told["laid out"]], cwd=tmp_path, check=True)
    found = {str(path.relative_to(tmp_path / "results")): path.read_text() for path in tmp_path.glob("results/**/*.*")}
    assert found == {"composition/effects.tsv": "1", "samples/it's/x.json": "2", "skipped.tsv": "3"}


def test_models_are_files_or_names_for_all_or_for_a_compartment(told):
    here, site = told["folder"], told["folder"] / "models of the site"
    low = str(site / "Immune_All_Low.pkl")
    assert told["for compartments"] == [["blood", low, True], ["CSF", str(here / "own.pkl"), False]]
    assert told["with its ending"] == [["", low, True]]
    assert told["a file with a comma"] == [["", str(here / "a, b.pkl"), False]]
    assert told["from a folder"] == [["", low, False]]
    assert told["of the results before"] == [["", str(site / "Theirs.pkl"), True]]
    assert told["of the bundle"] == [["", str(here / "models" / "Bundled.pkl"), True]]


def test_a_model_that_cannot_be_had_is_one_line(told):
    here, bundle = told["folder"] / "models of the site", told["folder"] / "models"
    assert told["badly spelled"].endswith(f"no model of this name in {here} or {bundle}; did you mean Immune_All_Low?")
    assert told["of no kind"].startswith("ERROR: --celltypist_model: there is no file Nothing_Like_It, and no model")
    assert told["no such path"] == f"ERROR: --celltypist_model: there is no file {here}/None.pkl; check the path"
    offline = f"no Adult_COVID19_PBMC.pkl in {here} or {bundle}, and this run is offline (NXF_OFFLINE); get https://"
    assert told["not here"].startswith(f"ERROR: --celltypist_model Adult_COVID19_PBMC: {offline}")
    assert told["not here"].endswith(
        "COVID19_PBMC_Wilk/v1/Adult_COVID19_PBMC.pkl on a machine with internet and put it as "
        f"Adult_COVID19_PBMC.pkl into {here}"
    )


def test_a_named_model_is_held_to_its_first_use(told):
    """In the folder of models or in earlier results; a model that is given by its path may change."""
    here = told["folder"]
    assert told["first use"] == told["same"] == ""
    first, fix = told["changed"].split("; ", 1)
    line = "model Theirs.pkl is not the file of its first use (SHA-256 eeeeeeeeeeee..., bbbbbbbbbbbb... in "
    assert first.startswith(line) and first.removeprefix(line).startswith(str(here))
    assert fix == "get that file again, or delete its line there to go on with the new one"
    noted = (here / "models of the site" / "SHA256SUMS").read_text().splitlines()
    assert noted == [f"{SHA[name]}  {name}" for name in ("Immune_All_Low.pkl", "Theirs.pkl", "New.pkl")]


def test_reasons_of_failed_tasks_are_kept_for_the_run_and_no_longer(told):
    assert told["killed"] == "retry"
    assert told["killed for good"] == told["wrong"] == "ignore"
    killed = "the task failed (exit status 137, attempt 3): killed, most likely out of memory "
    killed += "(it had 4 GB); give more with --max_memory"
    wrong = "the task failed (exit status 1, attempt 1): no cells"
    assert told["failures"] == [["compare_coupling", "", wrong], ["read_counts", "s1", killed]]
    assert told["tasks"] == [f"compare_coupling\t\t\t\t{wrong}", f"read_counts\ts1\t\t\t{killed}"]
    assert told["steps"] == [f"compare_coupling: {wrong}"]
    assert told["forgotten"] == []
