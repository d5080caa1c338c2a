// What this pipeline, its engine and its steps are: commit, versions.

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

// Commit of the pipeline: of the repository that Nextflow fetched, of the folder's own, which may be another account's,
// or as the bundle it came in or `make setup` noted it.
def commitOf() {
    def git = ['git', '-c', "safe.directory=${projectDir}".toString(), '-C', projectDir.toString()]
    if (workflow.commitId) {
        return workflow.commitId
    }
    def own = projectDir.resolve('.git').exists() ? outputOf(git + ['rev-parse', 'HEAD']) : ''
    if (own) {
        def changed = outputOf(git + ['status', '--porcelain', '--untracked-files=no'])
        return changed ? "${own} with changes".toString() : own
    }
    def noted = ['.revision', '.tools/revision'].collect { name -> projectDir.resolve(name) }
    noted.find { path -> path.exists() }?.text?.trim() ?: 'unknown'
}

// How and when this run was started. For scripts alone: the cache does not look at what a function of a script returns,
// so that a report is not made anew because another run asks for it.
def startedAs() {
    [command: workflow.commandLine, started: workflow.start.toString().take(16).replace('T', ' ')]
}

// What versions.yml says: step -> package -> version, of all tasks, and what the pipeline itself is and runs on.
def versionsOf(rows) {
    def own = [
        ['Workflow', workflow.manifest.name, workflow.manifest.version],
        ['Workflow', 'commit', commitOf()],
        ['Workflow', 'Nextflow', workflow.nextflow.version.toString()],
    ]
    def found = rows.collectMany { process, said ->
        said.tokenize(';').collect { one -> [process.tokenize(':').last()] + one.trim().split('=', 2).toList() }
    }
    def steps = (found + own).groupBy { step, _name, _version -> step }.sort()
    def lines = steps.collectMany { step, packages ->
        def names = packages.groupBy { _step, name, _version -> name }.sort()
        ["${step}:"] + names.collect { name, all ->
            "    ${name}: '${all.collect { one -> one[2] }.unique().toSorted().join(', ')}'"
        }
    }
    lines.join('\n') + '\n'
}
