// Command lines: the one way by which values get into a script.

// A command-line `--flag false` is a Boolean on some Nextflow versions and a truthy string on others.
def isTrue(value) {
    value != null && value.toString().toLowerCase() == 'true'
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

// Options that a step takes from the pipeline's parameters, by nextflow_schema.json. They get into a script through the
// directive `ext given:`, because the cache looks at the values of `task.ext` that a script names, not at function
// calls: a changed parameter repeats the steps that take it.
def parametersOf(step) {
    def groups = new groovy.json.JsonSlurper().parse(file("${projectDir}/nextflow_schema.json"))['$defs'].values()
    def all = groups.collectMany { group -> group.properties.collect { name, value -> [name, value] } }
    def taken = all.findAll { _name, value -> step in (value.step ?: []) }
    options(taken.collectEntries { name, one -> [name, one.type == 'boolean' ? isTrue(params[name]) : params[name]] })
}

// Options in one text, as a user types them: split as a shell would, and no more of a shell than that.
def wordsOf(text) {
    def words = (text =~ /(?:'[^']*'|"[^"]*"|\S)+/).collect { word ->
        word.replaceAll(/'([^']*)'|"([^"]*)"/) { pair -> pair[1] ?: pair[2] ?: '' }
    }
    allQuoted(words)
}

// Shell lines that lay out files, staged as staged/1/*, staged/2/* ..., as the results folder.
def laidOut(places) {
    def targets = places.collect { place -> "results/${place}" }
    def folders = targets.collect { target -> quoted(target.replaceFirst('/[^/]*$', '')) }.unique()
    def links = targets.withIndex().collect { target, n -> "ln -s \"\$PWD\"/staged/${n + 1}/* ${quoted(target)}" }
    (["mkdir -p ${folders.join(' ')}"] + links).join('\n    ')
}
