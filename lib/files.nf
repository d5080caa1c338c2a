// Files that parameters and samplesheets name, and results as one step hands them to the next.

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
// What is wrong comes back as text: an error() of an included function would reach the user wrapped in an exception.
def locate(text, folder, row, column) {
    def place = "samplesheet row ${row}, column ${column}"
    def absolute = text.startsWith('/') || text.contains('://')
    def candidates = absolute ? [file(text)] : [folder.resolve(text), file("${launchDir}/${text}")]
    def missing = "there is no file '${text}' (looked for ${candidates.join(' and ')}); check the path"
    candidates.find { path -> path.exists() } ?: "${place}: ${missing}"
}

// The samples of study.json as [[meta, [column: file], whether others are of its specimen]], and all that is wrong with
// their files. Values are text: what check_design has read is not read again by other rules.
def samplesOf(study, folder) {
    def rows = new groovy.json.JsonSlurper().parse(study).samples.collect { row ->
        row.collectEntries { name, value -> [name, value == null ? '' : value.toString()] }
    }
    def samples = rows.collect { row -> sampleOf(row, folder) + [hasOthers(row, rows)] }
    def problems = samples.collect { sample -> sample[2] }.findAll { problem -> problem }
    def rest = problems.size() > 20 ? ["and ${problems.size() - 20} more samples"] : []
    def found = samples.collect { meta, inputs, _problem, others -> [meta, inputs, others] }
    [found, (problems.take(20) + rest).join('; ')]
}

// A row of the samplesheet as [meta, [column: file], problem or empty].
def sampleOf(row, folder) {
    def columns = ['raw', 'filtered', 'cellbender']
    def meta = row.findAll { name, value -> !(name in columns) && value }
    def inputs = columns.collectEntries { column ->
        [column, row[column] ? locate(row[column], folder, row.row, column) : []]
    }
    [meta, inputs, inputs.values().findAll { input -> input instanceof CharSequence }.join('; ')]
}

// What is kept of a file to see whether other samples have its cells: nothing unless it is the one that tells cells.
def askedOf(column, inputs, others) {
    def first = ['filtered', 'cellbender', 'raw'].find { name -> inputs[name] }
    column == first ? [digests: 'input.sha256', barcodes: others] : [:]
}

// Whether other rows are of the same donor, compartment and condition.
def hasOthers(row, rows) {
    rows.count { other -> ['donor', 'compartment', 'condition'].every { name -> other[name] == row[name] } } > 1
}

// The lines that steps wrote about what is wrong, as one; empty if nothing is.
def problemsIn(paths) {
    paths.collectMany { path -> path.readLines() }.findAll { line -> line }.unique().toSorted().join('; ')
}

// A result as [place in the results folder, file]: its task named it so, in its work folder <2 hex digits>/<30>.
def placed(path) {
    [path.toString().replaceFirst(/^.*\/[0-9a-f]{2}\/[0-9a-f]{30}\//, ''), path]
}
