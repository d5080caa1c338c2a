// What a run says on the console.

// The first lines: what is run, on what, where results go.
def banner(settings) {
    def named = settings.input ?: settings.study_file ?: ''
    def given = settings.simulate ? "simulated cohort '${settings.simulate}'" : named
    def lines = [
        "sc-compartments ${workflow.manifest.version}, profile ${workflow.profile}",
        settings.from ? "from    ${settings.from}" : "input   ${given}",
        "results ${settings.outdir}",
        "work    ${workflow.workDir}",
    ]
    (lines + (workflow.resume ? [resumed()] : [])).join('\n')
}

// What is resumed: Nextflow takes the last run of the launch folder, even one that asked for help or failed at once.
def resumed() {
    // until 26.04 the new parser hashes nothing of what `task.ext` holds: the code of steps
    if (System.getenv('NXF_SYNTAX_PARSER') == 'v2' && !workflow.nextflow.version.matches('>=26.04')) {
        return 'WARNING: resumed, but this Nextflow with NXF_SYNTAX_PARSER=v2 sees no changed code'
    }
    def (own, others) = runsHere().split { run -> run.session == workflow.sessionId.toString() }
    def done = own.collect { run -> run.tasks }.max() ?: 0
    def fuller = others.findAll { run -> run.tasks > done && inputOf(run.command) == inputOf(workflow.commandLine) }
    if (!fuller) {
        return 'resumed: tasks that are done are not repeated'
    }
    def last = fuller[-1]
    "WARNING: resumed is a run of ${done} tasks; that of ${last.time} has ${last.tasks}: to go on from it, stop this " +
        "one and use -resume ${last.session}"
}

// Earlier runs of the launch folder, as Nextflow remembers them; of a task it notes 17 bytes. Empty where it keeps that
// elsewhere.
def runsHere() {
    def history = launchDir.resolve('.nextflow/history')
    def rows = history.exists() ? history.readLines().collect { line -> line.split('\t', -1) } : []
    rows.findAll { row -> row.size() > 6 && row[2] != workflow.runName }.collect { row ->
        def index = launchDir.resolve(".nextflow/cache/${row[5]}/index.${row[2]}")
        def tasks = index.exists() ? index.size().intdiv(17) : 0
        [time: row[0], session: row[5], command: row[6], tasks: tasks]
    }
}

// What a command line names as its data.
def inputOf(command) {
    def words = command.tokenize(' =')
    def n = words.findIndexOf { word -> word in ['--input', '--simulate', '--from', '-params-file'] }
    n < 0 ? '' : words[n + 1]
}

// One line when everything in a channel is there; `#` in it becomes how many that are.
def announced(channel, words) {
    channel.count().filter { n -> n > 0 }.subscribe { n -> log.info("-- ${words.replace('#', n.toString())}") }
}

// The last lines: the answers, what was left out, what looks wrong, where to look.
def ending(settings, outcome, doubtful) {
    def out = settings.outdir
    if (settings.validate_only.toString() == 'true') {
        return 'Samplesheet, parameters, design and input files are fine.'
    }
    if (outcome.said) {
        return outcome.said.join('\n')
    }
    def page = ["Report: ${out}/report.html"]
    (answers(outcome.findings) + withouts(outcome.skipped, out) + warnings(doubtful, out) + page).join('\n')
}

def answers(findings) {
    def words = [yes: 'yes', no: 'no', cannot_tell: 'cannot be told']
    def asked = findings.findAll { row -> !row.lineage }
    def several = asked.collect { row -> [row.contrast, row.compartment] }.unique().size() > 1
    def said = asked.groupBy { row ->
        def where = several ? "${row.contrast}, ${row.compartment}: " : ''
        "${where}${(words[row.verdict] ?: row.verdict).toUpperCase()}: ${row.headline ?: row.statement}".toString()
    }
    // what is true of several questions is said once
    said.collect { text, rows -> "${rows.collect { row -> row.question }.unique().join(', ')}. ${text}" }
}

def withouts(skipped, out) {
    // steps that a sample must pass to be in the cohort, as in report/status.py
    def needed = ['count_reads', 'read_counts', 'call_cells', 'remove_ambient', 'import_cellbender', 'filter_cells']
    needed += ['score_doublets', 'annotate_cells', 'sum_sample', 'merge_samples']
    def lost = skipped.findAll { row -> row.sample && !row.lineage && !row.contrast && row.stage in needed }
    def samples = lost.collect { row -> row.sample }.unique()
    def first = samples ? ["Without ${samples.size() == 1 ? 'sample' : 'samples'} ${samples.join(', ')}."] : []
    first + (skipped ? ["${skipped.size()} reasons for what was left out: ${out}/skipped.tsv"] : [])
}

// What deserves a look, counted, the first of them in full: samples that may be swapped stand first in the table.
def warnings(rows, out) {
    def lines = rows.collect { row -> row.sample ? "${row.sample}: ${row.warning}".toString() : row.warning }
    def shown = 5
    def more = lines.size() > shown ? ["  ... and ${lines.size() - shown} more"] : []
    def first = lines ? ["${lines.size()} ${lines.size() == 1 ? 'warning' : 'warnings'} (${out}/warnings.tsv):"] : []
    first + lines.take(shown).collect { line -> "  ${line}" } + more
}

// All parameters, as nextflow_schema.json describes them.
def usage() {
    def groups = new groovy.json.JsonSlurper().parse(projectDir.resolve('nextflow_schema.json'))['$defs'].values()
    def texts = groups.collect { group ->
        def lines = group.properties.collect { name, value ->
            def choices = value['enum'] ? " (${value['enum'].join(', ')})" : ''
            def preset = value['default'] != null && value['default'] != '' ? " [${value['default']}]" : ''
            "  --${name.padRight(24)} ${value.description}${choices}${preset}"
        }
        "${group.title}\n${lines.join('\n')}"
    }
    def call = 'nextflow run sc-compartments --input samplesheet.csv --outdir results'
    "${call} -profile <docker|podman|apptainer|local|slurm|...>\n\n${texts.join('\n\n')}"
}
