// Parameters before anything runs: names that do not exist, options of Nextflow's own, units. Their values are checked
// by CHECK_DESIGN, which a wrong unit would keep from running.

include { definitions ; placesOf ; textOf ; typedWord } from './options'

// One sentence per problem.
def problemsOfParameters(settings) {
    def known = definitions()
    def unknown = settings.keySet().findAll { name -> !(name in known) }.toSorted()
    def empty = known.findAll { name, value -> value.type == 'string' && settings[name] == 'true' && !typedWord(name) }
    unknown.collect { name -> unknownName(name, known.keySet()) } +
        empty.collect { name, _value -> "--${name} has no value; give one after it" } +
        labelsAlone(settings) + bothInputs(settings) +
        columnAlone(settings) + keyAlone(settings) + indexOfOther(settings) +
        ['max_memory', 'max_time'].collectMany { name -> problemOfLimit(settings, name) } +
        problemOfCpus(settings) + problemOfWorkFolder() + problemOfSetup()
}

// Tasks find their code by PATH, which colons part; what else a path cannot hold is Nextflow's.
def problemOfWorkFolder() {
    def folder = workflow.workDir
    def plain = folder.toUri().scheme == 'file'
    def found = plain ? folder.toString().toList().find { one -> one in [':', '$', '\\'] } : null
    found ? ["the work folder '${folder}' has '${found}' in its path; give another with -work-dir"] : []
}

// An environment that another account installed, whose Python lies where this one may not read.
def problemOfSetup() {
    def python = projectDir.resolve('.tools/core/bin/python')
    def there = java.nio.file.Files.isSymbolicLink(python)
    if (!there || java.nio.file.Files.isExecutable(python) || !workflow.profile.tokenize(',').contains('local')) {
        return []
    }
    def real = java.nio.file.Files.readSymbolicLink(python)
    ["this account may not run ${real}, the Python of ${projectDir}/.tools: let whoever installed it repeat `make " +
        "setup` after removing .tools, or use a container profile"]
}

// Nextflow takes --max-mt and --maxMt for other parameters than --max_mt, and nothing would read them.
def unknownName(name, known) {
    def kebab = name.replaceAll(/([a-z0-9])([A-Z])/, '$1-$2').replace('_', '-').toLowerCase()
    def snake = kebab.replace('-', '_')
    def typed = placesOf(kebab) ? kebab : name
    if (kebab in nextflowOptions()) {
        return "unknown parameter --${typed}; with one hyphen it is an option of Nextflow: -${kebab}"
    }
    def near = snake in known ? [snake] : known.toList().closest(snake)
    "unknown parameter --${typed}; ${near ? "did you mean --${near[0]}?" : 'see --help'}"
}

// Of `nextflow run`.
def nextflowOptions() {
    def settings = ['c', 'C', 'config', 'entry', 'latest', 'name', 'offline', 'params-file', 'plugins', 'profile']
    def running = ['ansi-log', 'bg', 'preview', 'queue-size', 'r', 'resume', 'revision', 'stub', 'stub-run', 'w']
    def others = ['bucket-dir', 'cache', 'output-dir', 'with-report', 'with-timeline', 'with-trace', 'work-dir']
    settings + running + others
}

// The samplesheet of one and the cohort of the other: a run can be of one only.
def bothInputs(settings) {
    def name = settings.input ? 'input' : 'study_file'
    def sentence = "--${name} ${settings[name]} would not be read: the run is of the simulated cohort " +
        "'${settings.simulate}'; leave out -profile demo or test and --simulate, or leave out --${name}"
    (settings.input || settings.study_file) && settings.simulate ? [sentence] : []
}

// Labels of all cells are for results that are there.
def labelsAlone(settings) {
    settings.labels && !settings.from
        ? ['--labels is given without --from, the results whose cells it names; give both, or --label_overrides']
        : []
}

// The column of a reference that is not there; what a reference without a column has, only a look into it tells.
def columnAlone(settings) {
    settings.label_reference_column && !settings.label_reference
        ? ['--label_reference_column is given without --label_reference, whose column it is; give both']
        : []
}

// A study in one file, and what tells its samples: neither says anything without the other.
def keyAlone(settings) {
    def telling = ['sample_key', 'sample_table', 'hashtags']
    def alone = (telling + 'obs_columns').find { name -> settings[name] && !settings.study_file }
    def lacking = settings.study_file && telling.count { name -> settings[name] } != 1
    def key = '--study_file needs one of --sample_key, the column of obs that has its samples, --sample_table and ' +
        '--hashtags'
    def said = alone ? ["--${alone} is given without --study_file, whose samples it tells; give both".toString()] : []
    said + (lacking ? [key] : [])
}

// An index that the counter cannot read.
def indexOfOther(settings) {
    settings.star_index && settings.counter == 'alevin-fry'
        ? ['--star_index is of STAR, and --counter is alevin-fry; give --fasta and --gtf instead of --star_index']
        : []
}

// A limit in units that Nextflow reads, and enough for one step: 4 would be 4 bytes, 10 ten milliseconds.
def problemOfLimit(settings, name) {
    def memory = name == 'max_memory'
    def text = textOf(settings[name])
    def forms = memory ? "64.GB, '64 GB', 512.MB" : "48.h, '48 h', 30.m, 2d"
    def form = memory ? /(?i)\d+(\.\d+)?[. ]?[MGTP]B?/ : /\d+(\.\d+)?[. ]?(s|m|min|h|hours?|d|days?)( ?\d+ ?[smhd])*/
    if (!text.matches(form)) {
        return ["--${name} is '${text}': give a number with its unit, as in ${forms}"]
    }
    // what CHECK_DESIGN and the steps of the cohort begin with; a time that no step ends in
    def given = memory ? text.toUpperCase() as nextflow.util.MemoryUnit : text as nextflow.util.Duration
    def enough = memory ? given >= 2.GB : given >= 10.m
    def least = memory ? '2.GB' : '10.m'
    enough ? [] : ["--${name} is '${text}': a step needs at least ${least}; give what the largest machine or queue has"]
}

def problemOfCpus(settings) {
    def text = textOf(settings.max_cpus)
    text.matches(/[1-9]\d*/) ? [] : ["--max_cpus is '${text}'; give a whole number above 0"]
}
