// A record of the run that others can read: ro-crate-metadata.json (RO-Crate 1.1, profile Process Run Crate),
// pipeline_info/samples.json, warnings.tsv.

include { isTrue } from './options'
include { claim ; placeOf } from './results'
include { commitOf ; outputOf } from './versions'
include { everyWarning } from './warnings'

// Digest of an image: in its name, else as the engine of this machine knows it, else of its lock file alone.
def digestOfImage(name) {
    def formats = [docker: '{{index .RepoDigests 0}}', podman: '{{.Digest}}']
    def format = formats[workflow.containerEngine]
    if (name.contains('@')) {
        return name.tokenize('@')[1]
    }
    format ? outputOf([workflow.containerEngine, 'image', 'inspect', '--format', format, name]) : ''
}

def sha256(path) {
    def digest = java.security.MessageDigest.getInstance('SHA-256')
    path.withInputStream { stream -> stream.eachByte(1048576) { buffer, count -> digest.update(buffer, 0, count) } }
    digest.digest().encodeHex().toString()
}

// An entity of the crate.
def entity(id, type, properties) {
    ['@id': id.toString(), '@type': type] + properties
}

// References to entities of the crate.
def refs(rows) {
    rows.collect { row -> ['@id': row['@id']] }
}

// A moment as the crate says it, to the second.
def moment(time) {
    time ? time.truncatedTo(java.time.temporal.ChronoUnit.SECONDS).toString() : null
}

// What a file is, by the end of its name.
def formatOf(path) {
    def formats = [
        tsv: 'text/tab-separated-values',
        json: 'application/json',
        html: 'text/html',
        yml: 'application/yaml',
        gz: 'application/gzip',
        h5ad: 'application/x-hdf5',
        parquet: 'application/vnd.apache.parquet',
    ]
    formats[path.name.tokenize('.').last()] ?: 'application/octet-stream'
}

// Files that parameters name, with their digests; remote ones and folders by name alone.
def namedFiles(settings) {
    def groups = new groovy.json.JsonSlurper().parse(projectDir.resolve('nextflow_schema.json'))['$defs'].values()
    def known = groups.collectMany { group -> group.properties.collect { name, value -> [name, value.format] } }
    def names = known.findAll { _name, format -> format == 'file-path' }.collect { name, _format -> name }
    // the name of a resource, or a file
    (names + ['lr_resource'])
        .findAll { name -> settings[name] }
        .collectMany { name -> settings[name].toString().tokenize(',').collect { text -> [name, text.trim()] } }
        .collect { name, text -> [name, file(text, glob: false)] }
        .findAll { _name, path -> path.exists() && path.isFile() && path.toUri().scheme == 'file' }
        .collect { name, path ->
            def about = [name: path.name, about: "--${name}".toString(), sha256: sha256(path)]
            entity("#file/${name}/${path.name}", 'File', about)
        }
}

// Inputs of the samples, with the digests that INSPECT_INPUT found.
def sampleFiles(hashes) {
    // lanes of two runs may have files of one name
    def alike = hashes.toSorted { a, b -> a.join() <=> b.join() }.groupBy { _digest, sample, name -> [sample, name] }
    alike.values().collectMany { rows ->
        rows.withIndex().collect { row, n ->
            def (digest, sample, name) = row
            def place = "#input/${sample}/${n ? "${n + 1}/" : ''}${name}"
            entity(place, 'File', [name: name, about: sample, sha256: digest])
        }
    }
}

// Files of the results folder; one in an object store is not read again for their digests. Where the folder holds more
// than results, such as the work folder, only what the run put there counts.
def resultFiles(out, places) {
    def found = []
    if (workflow.workDir.startsWith(out) || launchDir.startsWith(out)) {
        found = places.collect { place -> out.resolve(place) }
    }
    else {
        out.eachFileRecurse { path -> found.add(path) }
    }
    def plain = out.toUri().scheme == 'file'
    found.findAll { path -> path.isFile() && path.name != 'ro-crate-metadata.json' }.toSorted().collect { path ->
        def about = [contentSize: path.size(), encodingFormat: formatOf(path)]
        entity(out.relativize(path), 'File', about + (plain ? [sha256: sha256(path)] : [:]))
    }
}

// Lock files of the images, and the images where there are some.
def software() {
    def locks = ['core', 'cellbender', 'counts'].collect { name ->
        def lock = "containers/${name}/requirements.lock".toString()
        entity("#${lock}", 'File', [name: lock, sha256: sha256(projectDir.resolve("${lock}"))])
    }
    def container = workflow.container
    // a map's values are a view of it, which cannot be made unique in place
    def all = (container instanceof Map) ? container.values().collect { one -> one } : [container]
    def names = workflow.containerEngine ? all.unique() : []
    def images = names.collect { name ->
        def text = name.toString()
        def type = ['@id': 'https://w3id.org/ro/terms/workflow-run#DockerImage']
        def about = [name: text, registry: text.tokenize('/')[0], additionalType: type]
        entity("#image/${text}", 'ContainerImage', about + [sha256: digestOfImage(text) - 'sha256:'])
    }
    locks + images
}

// The run itself, the pipeline and its language.
def theRun(ins, outs, places, needs, status) {
    def engine = workflow.containerEngine ?: 'none'
    def about = "profile ${workflow.profile}, container engine ${engine}, session ${workflow.sessionId}"
    def dataset = [
        name: "sc-compartments, run ${workflow.runName}".toString(),
        description: 'Results of a run of sc-compartments',
        datePublished: moment(workflow.complete ?: workflow.start),
        license: 'not stated',
        conformsTo: [['@id': 'https://w3id.org/ro/wfrun/process/0.5']],
        hasPart: refs(outs),
        mentions: [['@id': '#run']],
        mainEntity: ['@id': '#pipeline'],
    ]
    def pipeline = [
        name: workflow.manifest.name,
        version: workflow.manifest.version,
        identifier: commitOf(),
        programmingLanguage: ['@id': '#nextflow'],
        softwareRequirements: refs(needs),
    ]
    def run = [
        name: workflow.runName,
        instrument: ['@id': '#pipeline'],
        startTime: moment(workflow.start),
        endTime: moment(workflow.complete),
        actionStatus: ['@id': "http://schema.org/${status}".toString()],
        agent: ['@id': '#agent'],
        description: about.toString(),
        object: refs(ins),
        result: refs(outs.findAll { one -> one['@id'] in places }),
    ]
    [
        entity('./', 'Dataset', dataset),
        entity('#pipeline', ['SoftwareSourceCode', 'ComputationalWorkflow'], pipeline),
        entity('#nextflow', 'ComputerLanguage', [name: 'Nextflow', version: workflow.nextflow.version.toString()]),
        entity('#run', 'CreateAction', run),
        entity('#agent', 'Person', [name: workflow.userName]),
    ]
}

// Write the crate into the results folder: at the beginning, when what is there of an earlier run is no longer vouched
// for, and once everything else is there.
def writeCrate(settings, hashes, outs, places, status) {
    def values = settings.collect { name, value ->
        entity("#param/${name}", 'PropertyValue', [name: name, value: value?.toString()])
    }
    def ins = sampleFiles(hashes) + namedFiles(settings) + values
    def needs = software()
    def itself = [conformsTo: ['@id': 'https://w3id.org/ro/crate/1.1'], about: ['@id': './']]
    def profile = [name: 'Process Run Crate', version: '0.5']
    def first = [
        entity('ro-crate-metadata.json', 'CreativeWork', itself),
        entity('https://w3id.org/ro/wfrun/process/0.5', 'CreativeWork', profile),
    ]
    def graph = first + theRun(ins, outs, places, needs, status) + ins + needs + outs
    // terms that RO-Crate 1.1 has not
    def terms = ['sha256', 'ContainerImage', 'DockerImage'].collectEntries { name ->
        [name, "https://w3id.org/ro/terms/workflow-run#${name}".toString()]
    }
    def crate = ['@context': ['https://w3id.org/ro/crate/1.1/context', terms], '@graph': graph]
    def text = groovy.json.JsonOutput.prettyPrint(groovy.json.JsonOutput.toJson(crate))
    file(settings.outdir, glob: false).resolve('ro-crate-metadata.json').text = text
}

// The results folder becomes this run's, and what the run is to remember of it.
def begin(settings, hashes, tables) {
    def earlier = claim(settings, tables)
    def kept = earlier.findAll { one -> one['@type'] == 'File' && !one['@id'].startsWith('#') }
    def there = kept.findAll { one -> file(settings.outdir, glob: false).resolve(one['@id']).exists() }
    def computes = !isTrue(settings.validate_only)
    if (computes) {
        writeCrate(settings, hashes, there.collect { one -> entity(one['@id'], 'File', [:]) }, [], 'ActiveActionStatus')
    }
    def checked = tables.collect { path -> placeOf(path) } + ['pipeline_info/versions.yml']
    if (computes) {
        writeSamples(settings, hashes)
        checked += ['pipeline_info/samples.json', 'warnings.tsv']
    }
    [hashes: hashes, earlier: earlier, computes: computes, checked: checked]
}

// Sample -> its files as they were read, with their digests and sizes: what an audit compares with the delivery.
def writeSamples(settings, hashes) {
    def rows = hashes.toSorted { a, b -> [a[1], a[2], a[0]].join('\n') <=> [b[1], b[2], b[0]].join('\n') }
    def samples = rows.groupBy { _digest, sample, _name -> sample }.collectEntries { sample, files ->
        [sample, files.collect { digest, _sample, name -> [file: name, sha256: digest] }]
    }
    def text = groovy.json.JsonOutput.prettyPrint(groovy.json.JsonOutput.toJson(samples))
    file(settings.outdir, glob: false).resolve('pipeline_info/samples.json').text = "${text}\n"
}

// What deserves a look, of all steps, in one table.
def writeWarnings(out, rows) {
    def lines = rows.collect { row -> [row.stage, row.sample ?: '', row.warning].join('\t') }
    out.resolve('warnings.tsv').text = (['stage\tsample\twarning'] + lines).join('\n') + '\n'
}

// Where Nextflow writes what it saw of the tasks, as nextflow.config says: it ends these files after everything that a
// workflow can do, and begins them before it is known whether a run will compute.
def watched() {
    launchDir.resolve(".nextflow/sc-compartments-${ProcessHandle.current().pid()}")
}

// The last that a run does, when the engine has ended: what it saw of the tasks to the results, and the whole crate. A
// run that computed nothing leaves nothing, also no empty folder, which Nextflow makes to publish into.
def finishRecord(settings, outcome) {
    try {
        def out = file(settings.outdir, glob: false)
        if (settings.from && !outcome.computes && out.exists() && !out.list()) {
            out.delete()
        }
        if (outcome.computes) {
            def names = []
            watched().eachFile { path -> names.add(path.name) }
            if ('warnings.tsv' in outcome.checked) {
                writeWarnings(out, everyWarning(outcome.warnings))
            }
            names.each { name -> watched().resolve(name).copyTo(out.resolve("pipeline_info/${name}")) }
            def seen = names.collect { name -> "pipeline_info/${name}".toString() }
            def all = (outcome.places + outcome.checked + seen).toSet()
            def status = workflow.success ? 'CompletedActionStatus' : 'FailedActionStatus'
            writeCrate(settings, outcome.hashes, resultFiles(out, all), all, status)
        }
        watched().deleteDir()
    }
    catch (IOException failure) {
        System.err.println("WARNING: the record of this run could not be written to ${settings.outdir}: ${failure}")
    }
}
