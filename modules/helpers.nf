// Small functions that main.nf reads parameters and paths with.

// A command-line `--flag false` is a Boolean on some Nextflow versions and a truthy string on others.
def isTrue(value) {
    value != null && value.toString().toLowerCase() == 'true'
}

// Files named by a parameter, separated by commas; an empty list when it is not set.
def filesOf(value, name) {
    value ? value.toString().tokenize(',').collect { text -> existing(file(text.trim()), "--${name}") } : []
}

// The table that a parameter may name instead of something built in; an empty list where it names no file.
def tableOf(value) {
    file(value).isFile() ? [file(value)] : []
}

def existing(path, place) {
    path.exists() ? path : error("${place}: there is no file ${path}; check the path")
}

// An input of the samplesheet: absolute, a URL, or relative to the samplesheet, else to the launch folder.
// What is wrong comes back as text: error() called in an included function would reach the user wrapped in an exception.
def locate(text, folder, row, column) {
    def place = "samplesheet row ${row}, column ${column}"
    def absolute = text.startsWith('/') || text.contains('://')
    def candidates = absolute ? [file(text)] : [folder.resolve(text), file("${launchDir}/${text}")]
    candidates.find { path -> path.exists() } ?: "${place}: there is no file '${text}' (looked for ${candidates.join(' and ')}); check the path"
}

// A row of samples.tsv as [meta, [column: file], problem or empty].
def sampleOf(row, folder) {
    def columns = ['raw', 'filtered', 'cellbender']
    def meta = row.findAll { name, value -> !(name in columns) && value }
    def inputs = columns.collectEntries { column -> [column, row[column] ? locate(row[column], folder, row.row, column) : []] }
    [meta, inputs, inputs.values().findAll { input -> input instanceof CharSequence }.join('; ')]
}

// The lines that steps wrote about what is wrong, as one; empty if nothing is.
def problemsIn(paths) {
    paths.collectMany { path -> path.readLines() }.findAll { line -> line }.unique().toSorted().join('; ')
}

// Where a per-sample file belongs in the results: its name is <sample>.<step>.<ext>[.gz].
def ofSample(path) {
    ["samples/${path.name.replaceFirst(/\.[^.]+\.[^.]+(\.gz)?$/, '')}/${path.name}".toString(), path]
}

// Shell lines that lay staged files out as a results folder.
def layOut(targets) {
    def folders = targets.collect { target -> "'results/${target.contains('/') ? target.replaceFirst('/[^/]*$', '') : '.'}'" }.unique().join(' ')
    def links = targets.withIndex().collect { target, n -> "ln -s \"\$PWD\"/staged/${n + 1}/* 'results/${target}'" }.join('\n    ')
    "mkdir -p ${folders}\n    ${links}"
}

// The first lines of a run: what is run, on what, where results go.
def banner() {
    def input = params.simulate ? "simulated cohort '${params.simulate}'" : params.input
    def lines = ["sc-compartments ${workflow.manifest.version}, profile ${workflow.profile}", "input   ${input}", "results ${params.outdir}", "work    ${workflow.workDir}"]
    (lines + (workflow.resume ? ['resumed: tasks that are done are not repeated'] : [])).join('\n')
}

// One line when everything in a channel is there; `#` in it becomes how many that are.
def announced(channel, words) {
    channel.count().filter { n -> n > 0 }.subscribe { n -> log.info("-- ${words.replace('#', n.toString())}") }
}

// The last lines of a run: the answers, what was left out, where to look.
def ending(outcome) {
    def words = [yes: 'yes', no: 'no', cannot_tell: 'cannot be told']
    def asked = (outcome.findings ?: []).findAll { row -> !row.lineage }
    def several = asked.collect { row -> [row.contrast, row.compartment] }.unique().size() > 1
    def answers = asked.collect { row ->
        "${row.question}. ${several ? "${row.contrast}, ${row.compartment}: " : ''}${(words[row.verdict] ?: row.verdict).toUpperCase()} (${row.tier}): ${row.statement}"
    }
    def skipped = outcome.skipped ?: []
    def samples = skipped.findAll { row -> row.sample && !row.lineage && !row.contrast && !(row.stage in ['run_cellbender', 'run_liana', 'score_centrality']) }.collect { row -> row.sample }.unique()
    def left = samples ? ["Without ${samples.size() == 1 ? 'sample' : 'samples'} ${samples.join(', ')}."] : []
    left += skipped ? ["${skipped.size()} reasons for what was left out: ${params.outdir}/skipped.tsv"] : []
    (answers + left + ["Report: ${params.outdir}/report.html"]).join('\n')
}

def usage(schema) {
    def groups = new groovy.json.JsonSlurper().parse(schema)['$defs'].values()
    def text = groups.collect { group ->
        def lines = group.properties.collect { name, value ->
            def choices = value['enum'] ? " (${value['enum'].join(', ')})" : ''
            def preset = value['default'] != null && value['default'] != '' ? " [${value['default']}]" : ''
            "  --${name.padRight(24)} ${value.description}${choices}${preset}"
        }
        "${group.title}\n${lines.join('\n')}"
    }
    "nextflow run sc-compartments --input samplesheet.csv --outdir results -profile <docker|podman|apptainer|local|slurm|...>\n\n${text.join('\n\n')}"
}
