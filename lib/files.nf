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

// The samples of study.json, every value as text: what check_design has read is not read again by other rules.
def rowsOf(study) {
    new groovy.json.JsonSlurper().parse(study).samples.collect { row ->
        row.collectEntries { name, value -> [name, value == null ? '' : value.toString()] }
    }
}

// An input of the samplesheet: absolute, a URL, or relative to the samplesheet, else to the launch folder; null if it is
// not there.
def locate(text, folder) {
    def absolute = text.startsWith('/') || text.contains('://')
    def candidates = absolute ? [file(text)] : [folder.resolve(text), file("${launchDir}/${text}")]
    candidates.find { path -> path.exists() }
}

// A row of the samplesheet as [meta, [column: file], names of columns whose file is not there].
def sampleOf(row, folder) {
    def given = ['raw', 'filtered', 'cellbender'].findAll { column -> row[column] }
    def meta = row.findAll { name, value -> !(name in ['raw', 'filtered', 'cellbender']) && value }
    def found = given.collectEntries { column -> [column, locate(row[column], folder)] }
    def inputs = ['raw', 'filtered', 'cellbender'].collectEntries { column -> [column, found[column] ?: []] }
    [meta, inputs, given.findAll { column -> !found[column] }]
}

// All files that are not there in one line, as text: an error() of an included function would reach the user wrapped in
// an exception. Empty if all are.
def missingOf(rows, samples, folder) {
    def missing = [rows, samples].transpose().collectMany { row, sample ->
        sample[2].collect { column ->
            def hint = row[column].contains('\\') ? ', with \\ as of Windows: write /' : ''
            "row ${row.row}, column ${column}: there is no file '${row[column]}'${hint}"
        }
    }
    def places = [folder, launchDir].collect { place -> place.toString() }.unique()
    def shown = missing.take(20).join('; ') + (missing.size() > 20 ? "; and ${missing.size() - 20} more" : '')
    missing ? "samplesheet ${shown} (relative paths are looked for in ${places.join(' and ')}); check the paths" : ''
}

// What is kept of a file to see whether other samples have its cells: nothing unless it is the one that tells cells.
def askedOf(column, inputs, others) {
    def first = ['filtered', 'cellbender', 'raw'].find { name -> inputs[name] }
    column == first ? [digests: 'input.sha256', barcodes: others] : [:]
}

// Whether other rows of samples.tsv are of the same donor, compartment and condition.
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
