// The results folder: whose it is, and what in it is not of this run. What a run put there, its crate says.

// Entities of the folder's crate; none where there is no folder or no crate.
def crateOf(out) {
    def path = out.resolve('ro-crate-metadata.json')
    try {
        path.exists() ? new groovy.json.JsonSlurper().parseText(path.text)['@graph'] : []
    }
    catch (groovy.json.JsonException _error) {
        []
    }
}

// Why the results there are of another study, in one sentence; empty if they are not. At the start of a run, without
// hashes, only a simulated cohort is told from samples and from another cohort. A study keeps most of its files while
// donors come and go, and other studies share some controls at most.
def otherStudy(settings, hashes) {
    def crate = crateOf(file(settings.outdir, glob: false))
    def before = crate.find { one -> one['@id'] == '#param/simulate' }?.value ?: ''
    def now = settings.simulate ?: ''
    def run = crate.find { one -> one['@id'] == '#run' }
    def digests = crate.findAll { one -> one['@id'].startsWith('#input/') }.collect { one -> one.sha256 }.toSet()
    def given = hashes.collect { row -> row[0] }.toSet()
    def shared = digests.intersect(given).size()
    def differs = !now && digests && given && shared * 2 <= Math.min(digests.size(), given.size())
    if (!run || (before == now && !differs)) {
        return ''
    }
    def what = before
        ? "simulated cohort '${before}'"
        : now ? 'samples, not of a simulated cohort' : "${digests.size()} files, of which ${shared} are among these"
    "--outdir ${settings.outdir} holds results of another study (run ${run.name}, of ${what}); give another " +
        '--outdir, or move that folder away'
}

// Make the folder this run's, before it computes: the provenance of the run before goes to a folder of its own beside
// it, and the files of the checks are published. A run that only validates leaves results as they are.
def claim(settings, tables) {
    def out = file(settings.outdir, glob: false)
    def crate = crateOf(out)
    def computes = settings.validate_only.toString() != 'true'
    if (computes || !crate) {
        if (crate) {
            def own = ['params.json', 'models.tsv', 'label_meanings.tsv', 'labelled.json', 'samples.json']
            own += ['versions.yml', 'trace.tsv', 'execution.html', 'timeline.html']
            own.each { name -> setAside(out, "pipeline_info/${name}", crate) }
            setAside(out, 'ro-crate-metadata.json', crate)
        }
        tables.each { path ->
            def target = out.resolve(placeOf(path))
            target.parent.mkdirs()
            path.copyTo(target)
        }
    }
    crate
}

// Place of a file of the checks.
def placeOf(path) {
    def beside = ['params.json', 'models.tsv', 'label_meanings.tsv', 'labelled.json']
    path.name in beside ? "pipeline_info/${path.name}".toString() : path.name
}

// Move a file of an earlier run to <outdir>.earlier/<its name>, as it lay in the results folder.
def setAside(out, place, crate) {
    def source = out.resolve(place)
    if (source.exists()) {
        def target = earlierOf(out, crate).resolve(place)
        target.parent.mkdirs()
        source.moveTo(target)
    }
}

// A folder that is empty now is gone, and so on up to the results folder.
def withoutEmpty(folder, out) {
    if (folder != out && !folder.list()) {
        folder.delete()
        withoutEmpty(folder.parent, out)
    }
}

def earlierOf(out, crate) {
    def whole = out.toAbsolutePath().normalize()
    whole.resolveSibling("${whole.name}.earlier").resolve(crate.find { one -> one['@id'] == '#run' }?.name ?: 'unknown')
}

// What the run is to remember of results that were compared again: all is made by one task, in its folder new/.
def madeAgain(settings, paths, lines) {
    def places = paths.collect { path -> path.toString().replaceFirst(/^.*\/[0-9a-f]{2}\/[0-9a-f]{30}\/new\//, '') }
    def own = ['trace.tsv', 'execution.html', 'timeline.html'].collect { name -> "pipeline_info/${name}".toString() }
    [computes: true, places: places, said: lines, checked: own, earlier: crateOf(file(settings.outdir, glob: false))]
}

// Files that an earlier run put there and this one did not, such as those of a sample that is withdrawn, moved aside;
// one line on it, or an empty list.
def withoutOthers(settings, outcome) {
    def (crate, places) = [outcome.computes ? outcome.earlier : [], (outcome.places + outcome.checked).toSet()]
    def out = file(settings.outdir, glob: false)
    def files = crate.findAll { one -> one['@type'] == 'File' && !one['@id'].startsWith('#') }
    def before = files.collect { one -> one['@id'] }
    def others = before.findAll { place -> !(place in places) && out.resolve(place).exists() }
    others.each { place ->
        setAside(out, place, crate)
        withoutEmpty(out.resolve(place).parent, out)
    }
    def names = others.collect { place -> place.replaceFirst(/^(samples\/[^\/]+)\/.*/, '$1') }.unique()
    def more = names.size() > 5 ? " and ${names.size() - 5} more" : ''
    def where = "moved to ${earlierOf(out, crate)}; delete that if a donor withdrew consent"
    others ? ["Of an earlier run, not of this one: ${names.take(5).join(', ')}${more}: ${where}"] : []
}
