// --from RESULTS: what is asked of published results otherwise, and what cannot be.

include { carried ; digestOf ; filesBelow } from './code'
include { filesOf ; pathOf ; tableOf ; unusable } from './files'
include { definitions ; isTrue ; placesOf ; quoted ; textOf } from './options'
include { crateOf } from './results'

// Parameters that are given: on the command line, in a -params-file, or by a profile or a configuration otherwise than
// nextflow_schema.json presets them. All others stay as they were in RESULTS.
def givenOf(settings) {
    def listed = listedInFile()
    definitions().findAll { name, one ->
        def preset = textOf(one.default).replace('${projectDir}', projectDir.toString())
        placesOf(name) || name in listed || (settings[name] != null && textOf(settings[name]) != preset)
    }.keySet()
}

// Names in the file of -params-file that have a value there.
def listedInFile() {
    def word = workflow.commandLine =~ /(?:^| )-params-file[ =]('[^']*'|\S+)/
    def name = word.find() ? word.group(1).replaceAll(/^'|'$/, '') : System.getenv('NXF_PARAMS_FILE')
    def path = name ? pathOf(name) : null
    if (!path) {
        return []
    }
    def yaml = path.name.endsWith('.yml') || path.name.endsWith('.yaml')
    def text = path.text
    def values = yaml ? new org.yaml.snakeyaml.Yaml().load(text) : new groovy.json.JsonSlurper().parseText(text)
    (values ?: [:]).findAll { _name, value -> value != null }.keySet()
}

// Parameters that `sc-compartments compare` takes.
def asked() {
    definitions().findAll { _name, one -> 'compare' in (one.step ?: []) }.keySet() + ['labels']
}

// Of the run itself, not of what is analysed; folders of models are a site's.
def ofTheRun() {
    ['from', 'outdir', 'publish_mode', 'help', 'max_cpus', 'max_memory', 'max_time', 'container_registry'] +
        ['container_tag', 'custom_config_base', 'models', 'models_address', 'index_store']
}

// Parameters that name files.
def namingFiles() {
    def all = definitions().findAll { _name, one -> one.format == 'file-path' }.keySet()
    all.intersect(asked()) + ['lr_resource', 'palette', 'logo']
}

// What keeps the question from being asked, in one line; empty if nothing does.
def problemOf(settings, given) {
    def others = given.findAll { name -> !(name in asked() + ofTheRun()) }.toSorted()
    def names = others.collect { name -> "--${name}" }.join(', ')
    def (before, out) = [pathOf(settings.from), file(settings.outdir, glob: false)]
    if (others) {
        return "--from compares published results again and does not take ${names}; leave out what is not of the " +
            'comparison, also in profiles and params files, or run the whole study without --from'
    }
    if (!before.isDirectory()) {
        return "--from ${settings.from}: there is no such folder; give the results folder (--outdir) of a run"
    }
    if (unusable(before)) {
        return "--from: ${unusable(before)}"
    }
    if (out.exists() && out.toRealPath().startsWith(before.toRealPath())) {
        return "--outdir ${settings.outdir} is in the results that --from names; give the new results a folder of " +
            'their own with --outdir'
    }
    if ('trend' in given && !isTrue(settings.trend) && isTrue(parametersIn(before).trend)) {
        return "--trend false: with --from the slope that ${settings.from} asks for stays; leave it out"
    }
    heldByOthers(settings, out) ?: namedTwice(settings, given)
}

// Why the results folder cannot be used: it holds something else than the same question to the same results.
def heldByOthers(settings, out) {
    def crate = crateOf(out).findAll { one -> one['@id'].startsWith('#param/') }
    def said = crate.collectEntries { one -> [one['@id'] - '#param/', textOf(one.value)] }
    def same = said.from && (asked() + ['from']).every { name -> textOf(said[name]) == textOf(settings[name]) }
    out.exists() && out.list() && !same
        ? "--outdir ${settings.outdir} holds other results, and nothing is overwritten; give a new folder"
        : ''
}

// Files of one parameter lie in one folder of the task.
def namedTwice(settings, given) {
    def alike = namingFiles().findAll { name -> name in given }.collectMany { name ->
        def times = givenFiles(settings, name).countBy { path -> path.name }
        times.findAll { _file, n -> n > 1 }.collect { file, _n -> "--${name} names several files ${file}; rename them" }
    }
    alike.join('; ')
}

// Parameters of the run that made the results; none where it left none, which the task says.
def parametersIn(before) {
    def path = before.resolve('pipeline_info/params.json')
    path.exists() ? new groovy.json.JsonSlurper().parseText(path.text) : [:]
}

// What the results are, for -resume: of a folder Nextflow looks only at the folder itself. What a run repeated without
// computing writes anew is no part of it.
def stateOf(before) {
    def own = ['trace.tsv', 'execution.html', 'timeline.html', 'ro-crate-metadata.json', 'warnings.tsv']
    def files = filesBelow(before).findAll { path -> !(path.name in own) }
    digestOf(files.collect { path -> "${before.relativize(path)} ${path.size()} ${path.lastModified()}" }.join('\n'))
}

// What the task reads beside its code, as [places, files]: assets, the schema, and the files that parameters name; of
// those that the earlier run was given what is still there.
def carriedTo(settings, given) {
    def own = ['report', 'dictionary.tsv', 'migration_sets.gmt', 'interaction_groups.tsv'].collect { name ->
        "assets/${name}".toString()
    }
    def before = parametersIn(pathOf(settings.from))
    def named = namingFiles().collectMany { name ->
        def files = name in given ? givenFiles(settings, name) : filesThere(before, name)
        files.collect { path -> ["files/${name}/${path.name}".toString(), carried(path)] }
    }
    def rows = (own + ['nextflow_schema.json']).collect { place -> [place, carried(projectDir.resolve(place))] } + named
    rows.unique().transpose()
}

def givenFiles(settings, name) {
    name == 'lr_resource' ? tableOf(settings, name) : filesOf(settings, name)
}

// Files that a parameter of the earlier run names and that are still there; those of a pipeline in this one.
def filesThere(before, name) {
    def text = textOf(before[name])
    def texts = text && pathOf(text).exists() ? [text] : text.tokenize(',').collect { one -> one.trim() }
    texts.collect { one -> pathOf(one) }
        .collect { path -> path.exists() ? path : projectDir.resolve("assets/${path.name}") }
        .findAll { path -> path.isFile() && !unusable(path) }
}

// Options of the command: what is given, as it is written.
def optionsOf(settings, given) {
    def names = asked().findAll { name -> name in given }.toSorted()
    names.findAll { name -> name != 'trend' || isTrue(settings.trend) }.collect { name ->
        name == 'trend' ? '--trend' : "--${name} ${quoted(textOf(settings[name]))}"
    }.join(' ')
}

// What the command says in a file, with the folders as the user knows them.
def namedAs(settings, path) {
    path.text.trim().replace("${path.parent}/", '')
        .replace("from/${pathOf(settings.from).name}", settings.from)
        .replace('new/report.html', "${settings.outdir}/report.html")
}
