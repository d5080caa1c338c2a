// Command lines: the one way by which values get into a script.

// A command-line `--flag false` is a Boolean on some Nextflow versions and a truthy string on others.
def isTrue(value) {
    value != null && value.toString().toLowerCase() == 'true'
}

// Whether the user asked to leave a part out. CHECK_DESIGN says it where --skip names none.
def leavesOut(settings, part) {
    part in textOf(settings.skip).tokenize(',').collect { one -> one.trim() }
}

// Steps that are left out -> the part that they belong to.
def withoutSteps(settings) {
    def steps = [
        SCORE_DOUBLETS: 'doublets',
        COMPARE_EXPRESSION: 'expression',
        RUN_LIANA: 'interactions',
        SCORE_CENTRALITY: 'interactions',
        COMPARE_INTERACTIONS: 'interactions',
    ]
    steps.findAll { _step, part -> leavesOut(settings, part) }
}

// name -> definition in nextflow_schema.json.
def definitions() {
    def groups = new groovy.json.JsonSlurper().parse(projectDir.resolve('nextflow_schema.json'))['$defs'].values()
    groups.collectEntries { group -> group.properties }
}

// The parameters, name -> value, for all that is not the entry workflow: texts as they were typed, where Nextflow made
// a number or a truth value of a name such as 01 or FALSE.
def settingsOf(given) {
    def known = definitions()
    (known.keySet() + given.keySet()).collectEntries { name ->
        [name, known[name]?.type == 'string' ? asTyped(name, given[name]) : given[name]]
    }
}

def asTyped(name, value) {
    def typed = typedWord(name)
    def changed = value instanceof Number || value instanceof Boolean && typed?.toLowerCase() == value.toString()
    // an option without its value is true, which is no text
    changed && typed ? typed : value == true ? value : value?.toString()
}

// A setting as text, empty where there is none.
def textOf(value) {
    value == null ? '' : value.toString()
}

// Places of --name, or --name=value, among the words of the command line.
def placesOf(name) {
    def words = workflow.commandLine.tokenize(' ')
    words.findIndexValues { word -> word == "--${name}" || word.startsWith("--${name}=") }.collect { n -> n as int }
}

// The word after --name on the command line, if it is there and is not an option itself; the last where several are.
def typedWord(name) {
    def words = workflow.commandLine.tokenize(' ')
    def found = placesOf(name).collect { n ->
        words[n].contains('=') ? words[n].replaceFirst('^[^=]*=', '') : words[n + 1]
    }
    def last = found ? found[-1] : null
    last && !(last =~ /^--?[a-zA-Z]/) ? last.replaceAll(/^['"]|['"]$/, '') : null
}

// A value as one word of the shell, whatever is in it.
def quoted(value) {
    "'${value.toString().replace("'", "'\\''")}'".toString()
}

// Options of a command: one value or several, or true for an option without any. What is not set is left out.
def options(given) {
    given
        .findAll { _name, value -> value || value instanceof Number }
        .collect { name, value -> value == true ? "--${name}" : "--${name} ${allQuoted([value].flatten())}" }
        .join(' ')
}

def allQuoted(values) {
    values.collect { value -> quoted(value) }.join(' ')
}

// Options that a step takes from the pipeline's parameters, by nextflow_schema.json: an input of its tasks, so that a
// changed parameter repeats the steps that take it, and no other.
def parametersOf(settings, step) {
    def taken = definitions().findAll { _name, value -> step in (value.step ?: []) }
    options(taken.collectEntries { name, one ->
        def value = one.type == 'boolean' ? isTrue(settings[name]) : textOf(settings[name])
        // what is true unless it is said not to be takes a word
        [name, one.default == true ? value.toString() : value]
    })
}

// Options in one text, as a user types them: split as a shell would, and no more of a shell than that.
def wordsOf(text) {
    def words = (text =~ /(?:'[^']*'|"[^"]*"|\S)+/).collect { word ->
        word.replaceAll(/'([^']*)'|"([^"]*)"/) { pair -> pair[1] ?: pair[2] ?: '' }
    }
    allQuoted(words)
}

// Shell lines that lay out files, staged as staged/1/*, staged/2/* ..., as the results folder, or another one.
def laidOut(places, root = 'results') {
    def targets = places.collect { place -> "${root}/${place}" }
    def folders = targets.collect { target -> quoted(target.replaceFirst('/[^/]*$', '')) }.unique()
    def links = targets.withIndex().collect { target, n -> "ln -s \"\$PWD\"/staged/${n + 1}/* ${quoted(target)}" }
    (["mkdir -p ${folders.join(' ')}"] + links).join('\n    ')
}
