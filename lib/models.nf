// Models of cell labels: which files --celltypist_model means, and whether they are those of before.

include { existing ; pathOf } from './files'
include { definitions } from './options'

// By what cells are named: [models as modelsOf has them, labelled cells]; either list may be empty.
def namedBy(settings) {
    def models = settings.celltypist_model ? modelsOf(settings) : []
    def reference = settings.label_reference ? [pathOf(settings.label_reference)] : []
    [models, reference.collect { path -> existing(path, '--label_reference') }]
}

// What --celltypist_model names as [compartment or empty, file, whether by name rather than by path], in its order.
def modelsOf(settings) {
    def text = settings.celltypist_model
    def entries = isFile(text) ? [text] : text.tokenize(',').collect { one -> one.trim() }.findAll { one -> one }
    entries.collect { entry ->
        def found = entry =~ /^([^\/=]+)=(.+)$/
        def (compartment, name) = found.matches() ? [found[0][1].trim(), found[0][2].trim()] : ['', entry]
        isPlain(name)
            ? [compartment, byName(settings, name), true]
            : [compartment, existing(pathOf(name), '--celltypist_model'), false]
    }
}

def isFile(text) {
    def path = pathOf(text)
    path.exists() && !path.isDirectory()
}

// A name, not a path: no folder in it, and no such file in the launch folder.
def isPlain(text) {
    !text.contains('/') && !isFile(text)
}

// CellTypist's models, name -> row of the table.
def published() {
    def (header, rows) = projectDir.resolve('assets/celltypist_models.tsv').readLines().split { line ->
        line.startsWith('name\t')
    }
    def names = header[0].split('\t')
    rows.collectEntries { line ->
        def cells = line.split('\t', -1)
        [cells[0], [names, cells].transpose().collectEntries { pair -> pair }]
    }
}

// Folders of models: the one that is given, and that of a bundle, beside its pipeline.
def folders(settings) {
    def given = settings.models ? [pathOf(settings.models)] : []
    given.findAll { path -> !path.isDirectory() }.each { path ->
        error("ERROR: --models: there is no folder ${path}; give the folder that holds models (.pkl)")
    }
    given + (projectDir.resolve('.revision').exists() ? [projectDir.resolveSibling('models')] : [])
}

// The file of a model that is named: of a folder, else of CellTypist's address, from which Nextflow stages it.
def byName(settings, text) {
    def (name, looked) = [text.replaceFirst(/(?i)\.pkl$/, ''), folders(settings)]
    def file = "${name}.pkl".toString()
    def found = looked.collect { folder -> folder.resolve(file) }.find { path -> path.exists() }
    def row = published()[name]
    if (!found && !row) {
        error("ERROR: --celltypist_model: ${unknown(text, looked)}")
    }
    if (found) {
        return existing(found, '--celltypist_model')
    }
    def address = "${settings.models_address.replaceFirst('/+$', '')}/${row.place}".toString()
    def why = unreachable(settings, address)
    def where = looked ? "no ${file} in ${looked.join(' or ')}" : "no folder is given with --models"
    def into = looked ? "into ${looked[0]}" : 'into a folder, and give that with --models'
    def fix = "get ${address} on a machine with internet and put it as ${file} ${into}"
    why ? error("ERROR: --celltypist_model ${text}: ${where}, and ${why}; ${fix}") : pathOf(address)
}

// A name that stands for no model, with the one that may be meant.
def unknown(text, looked) {
    def there = looked.findAll { folder -> folder.isDirectory() }.collectMany { folder -> folder.list().toList() }
    def files = there.findAll { one -> one.endsWith('.pkl') }.collect { one -> one.replaceFirst(/\.pkl$/, '') }
    def known = (files + published().keySet()).unique()
    def name = text.replaceFirst(/(?i)\.pkl$/, '')
    def alike = known.findAll { one -> plainName(one) == plainName(name) } ?: known.closest(name)
    def names = 'check the path; CellTypist\'s names are in assets/celltypist_models.tsv'
    def where = looked ? " in ${looked.join(' or ')}" : ''
    "there is no file ${text}, and no model of this name${where}; ${alike ? "did you mean ${alike[0]}?" : names}"
}

def plainName(text) {
    text.toLowerCase().replaceAll(/[^a-z0-9]/, '')
}

// Why a file cannot be had, or an empty text. A run that is said to be offline asks no address but one of its own.
def unreachable(settings, address) {
    def own = settings.models_address != definitions().models_address.default
    if (System.getenv('NXF_OFFLINE') == 'true' && !own) {
        return 'this run is offline (NXF_OFFLINE)'
    }
    if (!address.startsWith('http')) {
        return pathOf(address).exists() ? '' : "there is no file ${address}"
    }
    try {
        def asked = new java.net.URI(address).toURL().openConnection()
        asked.setRequestMethod('HEAD')
        asked.setConnectTimeout(15000)
        asked.setReadTimeout(15000)
        asked.getResponseCode() < 400 ? '' : "${address} answers ${asked.getResponseCode()}"
    }
    catch (IOException error) {
        "${address} cannot be reached (${error.class.simpleName})"
    }
}

// Digests of models at their first use, name -> [SHA-256, where that is written]: beside the models of a folder, and in
// the results of an earlier run.
def firstUses(settings) {
    def lists = folders(settings).collect { folder -> folder.resolve('SHA256SUMS') }.findAll { path -> path.exists() }
    def noted = lists.collectMany { path ->
        path.readLines().collect { line -> [line.drop(64).trim().tokenize('/*')[-1], line.take(64), path] }
    }
    def before = pathOf("${settings.outdir}/pipeline_info/models.tsv")
    def used = before.exists() ? rowsOf(before).findAll { row -> row.by_name == 'true' } : []
    def found = used.collect { row -> [row.model, row.sha256, before] } + noted
    found.collectEntries { name, sha, path -> [name, [sha, path]] }
}

def rowsOf(path) {
    path.splitCsv(header: true, sep: '\t')
}

// Why models are not those of their first use, or an empty text; where all are, a new one is noted beside the models.
def changedModels(settings, tables) {
    def rows = tables.findAll { path -> path.name == 'models.tsv' }.collectMany { path -> rowsOf(path) }
    def (named, before) = [rows.findAll { row -> row.by_name == 'true' }, firstUses(settings)]
    def changed = named.findAll { row -> before[row.model] && before[row.model][0] != row.sha256 }.collect { row ->
        def (sha, where) = before[row.model]
        "model ${row.model} is not the file of its first use (SHA-256 ${row.sha256.take(12)}..., ${sha.take(12)}... " +
            "in ${where}); get that file again, or delete its line there to go on with the new one"
    }
    if (!changed && settings.models) {
        noteBeside(pathOf(settings.models).resolve('SHA256SUMS'), named)
    }
    changed.join('; ')
}

// In a folder that cannot be written, or is no folder of this machine, the results alone hold the digests.
def noteBeside(list, rows) {
    def known = list.exists() ? list.readLines().collect { line -> line.drop(66) } : []
    def lines = rows.findAll { row -> !(row.model in known) }.collect { row -> "${row.sha256}  ${row.model}\n" }
    def fresh = lines.unique()
    if (fresh && list.toUri().scheme == 'file' && java.nio.file.Files.isWritable(list.parent)) {
        list.append(fresh.join(''))
    }
}
