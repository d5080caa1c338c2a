// A record of the run that others can read: ro-crate-metadata.json (RO-Crate 1.1, Workflow Run Crate terms).

// What a command prints, or an empty text where it cannot be run.
def outputOf(command) {
    try {
        def process = command.execute()
        def text = process.text.trim()
        process.waitFor() == 0 ? text : ''
    }
    catch (IOException _error) {
        ''
    }
}

// Commit of the pipeline: of the repository that Nextflow fetched, of the folder's own, or of the bundle it came in.
def commitOf() {
    def bundled = file("${projectDir}/.revision")
    def changed = outputOf(['git', '-C', projectDir.toString(), 'status', '--porcelain', '--untracked-files=no'])
    def own = file("${projectDir}/.git").exists() ? outputOf(['git', '-C', projectDir.toString(), 'rev-parse', 'HEAD']) : ''
    workflow.commitId ?: own ? "${workflow.commitId ?: own}${changed && !workflow.commitId ? ' with changes' : ''}" : bundled.exists() ? bundled.text.trim() : 'unknown'
}

// Digest of an image: in its name, else as the engine of this machine knows it, else of its lock file alone.
def digestOfImage(name) {
    def engine = workflow.containerEngine
    name.contains('@') ? name.tokenize('@')[1] : engine in ['docker', 'podman'] ? outputOf([engine, 'image', 'inspect', '--format', engine == 'podman' ? '{{.Digest}}' : '{{index .RepoDigests 0}}', name]) : ''
}

def sha256(path) {
    def digest = java.security.MessageDigest.getInstance('SHA-256')
    path.withInputStream { stream -> stream.eachByte(1048576) { buffer, count -> digest.update(buffer, 0, count) } }
    digest.digest().encodeHex().toString()
}

// References to entities of the crate.
def refs(rows) {
    rows.collect { row -> ['@id': row['@id']] }
}

// Files that parameters name, with their digests; remote ones and folders by name alone.
def namedFiles() {
    def names = ['input', 'contrasts', 'celltypist_model', 'lineage_map', 'markers', 'label_overrides', 'label_clusters', 'gene_sets', 'lr_resource', 'interaction_groups']
    names.findAll { name -> params[name] }.collectMany { name -> params[name].toString().tokenize(',').collect { text -> [name, file(text.trim())] } }
        .findAll { _name, path -> path.exists() && path.isFile() && path.toUri().scheme == 'file' }
        .collect { name, path -> ['@id': "#file/${name}/${path.name}".toString(), '@type': 'File', 'name': path.name, 'about': "--${name}".toString(), 'sha256': sha256(path)] }
}

// Inputs of the samples, with the digests that INSPECT_INPUT found.
def sampleFiles(hashes) {
    hashes.collect { digest, sample, name -> ['@id': "#input/${sample}/${name}".toString(), '@type': 'File', 'name': name, 'about': sample, 'sha256': digest] }
}

// Published files; a results folder in an object store is not read again for their digests.
def resultFiles(out) {
    def found = []
    out.eachFileRecurse { path -> found.add(path) }
    def plain = out.toUri().scheme == 'file'
    found.findAll { path -> path.isFile() && path.name != 'ro-crate-metadata.json' }.toSorted().collect { path ->
        ['@id': out.relativize(path).toString(), '@type': 'File', 'contentSize': path.size()] + (plain ? ['sha256': sha256(path)] : [:])
    }
}

// Write the crate into the results folder, once everything else is there.
def writeCrate(hashes) {
    def out = file(params.outdir)
    def ins = sampleFiles(hashes) + namedFiles()
    def outs = resultFiles(out)
    def settings = params.collect { name, value -> ['@id': "#param/${name}".toString(), '@type': 'PropertyValue', 'name': name, 'value': value?.toString()] }
    def locks = ['core', 'cellbender'].collect { name ->
        def lock = "containers/${name}/requirements.lock".toString()
        ['@id': "#${lock}".toString(), '@type': 'File', 'name': lock, 'sha256': sha256(file("${projectDir}/${lock}"))]
    }
    def names = workflow.containerEngine ? [workflow.container].collectMany { one -> one instanceof Map ? one.values() : [one] }.unique() : []
    def images = names.collect { name -> ['@id': "#image/${name}".toString(), '@type': 'ContainerImage', 'name': name.toString(), 'digest': digestOfImage(name.toString())] }
    def graph = [
        ['@id': 'ro-crate-metadata.json', '@type': 'CreativeWork', 'conformsTo': ['@id': 'https://w3id.org/ro/crate/1.1'], 'about': ['@id': './']],
        ['@id': './', '@type': 'Dataset', 'name': "sc-compartments, run ${workflow.runName}".toString(), 'description': 'Results of a run of sc-compartments',
            'datePublished': workflow.complete.toString(), 'license': 'not stated', 'hasPart': refs(outs), 'mentions': [['@id': '#run']], 'mainEntity': ['@id': '#pipeline']],
        ['@id': '#pipeline', '@type': ['SoftwareSourceCode', 'ComputationalWorkflow'], 'name': workflow.manifest.name, 'version': workflow.manifest.version,
            'identifier': commitOf(), 'programmingLanguage': ['@id': '#nextflow'], 'softwareRequirements': refs(locks + images)],
        ['@id': '#nextflow', '@type': 'ComputerLanguage', 'name': 'Nextflow', 'version': workflow.nextflow.version.toString()],
        ['@id': '#run', '@type': 'CreateAction', 'name': workflow.runName, 'instrument': ['@id': '#pipeline'], 'startTime': workflow.start.toString(),
            'endTime': workflow.complete.toString(), 'actionStatus': workflow.success ? 'CompletedActionStatus' : 'FailedActionStatus',
            'description': "profile ${workflow.profile}, container engine ${workflow.containerEngine ?: 'none'}, session ${workflow.sessionId}".toString(),
            'object': refs(ins + settings), 'result': refs(outs)],
    ]
    def crate = ['@context': 'https://w3id.org/ro/crate/1.1/context', '@graph': graph + ins + settings + locks + images + outs]
    file("${params.outdir}/ro-crate-metadata.json").text = groovy.json.JsonOutput.prettyPrint(groovy.json.JsonOutput.toJson(crate))
}
