// Files that parameters and samplesheets name, and results as one step hands them to the next.

// A path as it is written: no part of it is a pattern, and ~ is the home folder as in a shell.
def pathOf(text) {
    def home = System.getProperty('user.home')
    file(text.startsWith('~/') ? "${home}${text.drop(1)}" : text, glob: false)
}

// Why a file cannot be handed to a task, or an empty text. Nextflow links it into the task by a line of shell, in which
// it leaves these as they are: a dollar, a pattern that fits other files, too, {a,b}, and what ends a word or a line.
def unusable(path) {
    def text = path.toString()
    if (path.toUri().scheme != 'file') {
        return ''
    }
    def found = text.toList().find { one -> one in ['$', '\\'] || Character.isISOControl(one as char) }
    def names = ['\t': 'a tab', '\n': 'a line break', '\r': 'a carriage return']
    def others = text =~ /[*?\[]/ ? files(text, type: 'any').findAll { one -> one.toString() != text } : []
    def reason = found
        ? "${names[found] ?: found} in its path"
        : text =~ /\{[^}]*(,|\.\.)[^}]*\}/
            ? '{...} in its path'
            : others ? "its name is a pattern that fits ${others[0]}, too" : ''
    reason ? "'${text.replaceAll(/\s/, ' ')}' cannot be used for ${reason}; rename it, or give a link to it" : ''
}

// Files named by a parameter, separated by commas; an empty list when it is not set.
def filesOf(settings, name) {
    def text = settings[name] ?: ''
    def texts = text && pathOf(text).exists() ? [text] : text.tokenize(',').collect { one -> one.trim() }
    texts.collect { one -> existing(pathOf(one), "--${name}") }
}

// The table that a parameter may name instead of something built in; an empty list where it names no file.
def tableOf(settings, name) {
    pathOf(settings[name]).isFile() ? filesOf(settings, name) : []
}

def existing(path, place) {
    if (!path.exists()) {
        error("ERROR: ${place}: there is no file ${path}; check the path")
    }
    unusable(path) ? error("ERROR: ${place}: ${unusable(path)}") : path
}

// An input of the samplesheet: absolute, a URL, or relative to the samplesheet, else to the launch folder. What is
// wrong comes back as a map: an error() of an included function would reach the user wrapped in an exception.
def locate(text, folder, row, column) {
    def absolute = text =~ /^[\/~]/ || text.contains('://')
    def candidates = absolute ? [pathOf(text)] : [folder.resolve(text), pathOf("${launchDir}/${text}")].unique()
    def found = candidates.find { path -> path.exists() }
    def sought = "there is no file '${text}' (looked for ${candidates.join(' and ')}); check the path"
    def problem = found ? unusable(found) : sought
    def place = [row: row, column: column, problem: problem, missing: found ? [] : candidates]
    problem ? place : besides(found, place)
}

// The matrix of a 10x folder that is named itself, with the names of its rows and columns beside it, which have the
// same prefix; any other path as it is. What is wrong comes back as `place`.
def besides(path, place) {
    def named = path.name =~ /^(.*?)matrix\.mtx(\.gz)?$/
    if (!named.matches() || !path.isFile()) {
        return path
    }
    def lists = [['barcodes.tsv'], ['features.tsv', 'genes.tsv']].collect { names ->
        def ends = names.collectMany { name -> [name, "${name}.gz"] }
        def files = ends.collect { end -> "${named[0][1]}${end}".toString() }
        files.collect { name -> path.parent.resolve(name) }.find { one -> one.exists() } ?: files[0]
    }
    def lacking = lists.find { one -> one instanceof String }
    def lone = "'${path.name}' lies there without ${lacking} (or .gz); copy that beside it, or name its folder"
    def problem = lacking ? lone : lists.collect { one -> unusable(one) }.find { said -> said }
    problem ? place + [problem: problem] : [path] + lists
}

// The order of several files, as an input beside them; empty of one. A list of files is the same input in any order, so
// that with -resume a task would stay as it was where two of them (pools, lanes, models) are exchanged.
def orderOf(files) {
    files.size() > 1 ? files.collect { path -> path.toString() }.join('\n') : ''
}

// [SHA-256, sample, name of a file], ... of the lines of sha256sum on a sample's files.
def digestsOf(meta, path) {
    path.readLines().collect { line -> [line.take(64), meta.sample, line.drop(66)] }
}

// The folder of a path, or the nearest one above that is there.
def folderOf(path) {
    def folder = path.parent
    !folder?.parent || folder.toUri().scheme != 'file' || folder.exists() ? folder : folderOf(folder)
}

// What is wrong with files of the samplesheet, in one line: those that are not there by the folder that lacks them.
def linesOn(problems) {
    def groups = problems.groupBy { one ->
        one.missing ? one.missing.collect { path -> folderOf(path) } : [one.row, one.column]
    }
    def lines = groups.collect { folders, ones ->
        def named = ones.size() > 1 ? ones.take(20) : []
        def names = named.collect { one ->
            "'${folders[0].relativize(one.missing[0])}' (row ${one.row}, column ${one.column})"
        }
        def more = ones.size() > 20 ? " and ${ones.size() - 20} more" : ''
        def where = folders.unique(false).join(' or ')
        ones.size() == 1
            ? "samplesheet row ${ones[0].row}, column ${ones[0].column}: ${ones[0].problem}"
            : "samplesheet: there are no files ${names.join(', ')}${more} in ${where}; check the paths"
    }
    def rest = lines.size() > 20 ? ["and ${lines.size() - 20} more"] : []
    (lines.take(20) + rest).join('; ')
}

// The samples of study.json as [[meta, [column: file], whether there are others]], and all that is wrong with their
// files. Values are text: what check_design has read is not read again by other rules.
def samplesOf(study, folder) {
    def rows = new groovy.json.JsonSlurper().parse(study).samples.collect { row ->
        row.collectEntries { name, value -> [name, value == null ? '' : value.toString()] }
    }
    def samples = rows.collect { row -> sampleOf(row, folder) + [rows.size() > 1] }
    def inputs = samples.collectMany { one -> one[1].values().flatten() }
    [samples, linesOn(inputs.findAll { one -> one instanceof Map })]
}

// A row of the samplesheet as [meta, [column: file, an empty list, or what is wrong]].
def sampleOf(row, folder) {
    def columns = ['raw', 'filtered', 'cellbender']
    def lanes = ['fastq_1', 'fastq_2']
    def meta = row.findAll { name, value -> !(name in columns + lanes) && value }
    def inputs = columns.collectEntries { column ->
        [column, row[column] ? locate(row[column], folder, row.row, column) : []]
    } + lanes.collectEntries { column ->
        [column, (row[column] ?: '').tokenize(';').collect { one -> locate(one, folder, row.row, column) }]
    }
    [meta, inputs]
}

// What is kept of a file to see whether other samples have its cells: nothing unless it is the one that tells cells.
def askedOf(column, inputs, others) {
    def first = ['filtered', 'cellbender', 'raw'].find { name -> inputs[name] }
    column == first ? [digests: 'input.sha256', barcodes: others] : [:]
}

// What a step wrote of the file of a sample, with the row of the samplesheet in front.
def linesOf(row, path) {
    path.readLines().findAll { line -> line }.collect { line -> "row ${row.row}, ${line}" }
}

// The lines that steps wrote about what is wrong, as one; empty if nothing is.
def problemsIn(lines) {
    lines.findAll { line -> line }.unique().toSorted().join('; ')
}

// A result as [place in the results folder, file]: its task named it so, in its work folder <2 hex digits>/<30>.
def placed(path) {
    [path.toString().replaceFirst(/^.*\/[0-9a-f]{2}\/[0-9a-f]{30}\//, ''), path]
}

// Of [meta, row]: [meta, the named columns of the row that are filled].
def columnsOf(rows, names) {
    rows.map { meta, row -> [meta, row.subMap(names)] }
}
