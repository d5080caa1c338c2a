// How a task gets at the pipeline's own code and files, and what happens to the ones that fail.

// Files of bin/compartments that the named ones import, themselves included. Imports are absolute: a module, or names of one.
def imported(names) {
    def found = names.collectMany { name ->
        def source = file("${projectDir}/bin/compartments/${name}").text
        [name] + (source =~ /(?m)^\s*from compartments\.([\w.]+) import (\([^)]*\)|.*)/).collect { match ->
            def module = match[1].replace('.', '/')
            ["${module}.py".toString()] + match[2].split(/[\s,()]+/).collect { one -> "${module}/${one}.py".toString() }
        }.flatten()
    }.toSet().findAll { name -> file("${projectDir}/bin/compartments/${name}").exists() }.toSorted()
    found == names.toSorted() ? found : imported(found)
}

def digestOf(text) {
    java.security.MessageDigest.getInstance('SHA-256').digest(text.getBytes('UTF-8')).encodeHex().toString().take(16)
}

// The work folder, where it is an ordinary one; with an object store Nextflow itself carries bin/ and inputs there.
def plainWorkDir() {
    workflow.workDir.toUri().scheme == 'file' ? workflow.workDir : null
}

// Copies of the named files of `source` in work/code/<name>, made once: whole or not at all, however many tasks start together.
def copied(source, names, name) {
    def target = plainWorkDir().resolve("code/${name}")
    if (!target.exists()) {
        def fresh = plainWorkDir().resolve("code/.${UUID.randomUUID()}")
        names.each { one ->
            fresh.resolve(one).parent.mkdirs()
            java.nio.file.Files.copy(source.resolve(one), fresh.resolve(one), java.nio.file.StandardCopyOption.COPY_ATTRIBUTES)
        }
        if (!fresh.toFile().renameTo(target.toFile())) {
            fresh.deleteDir()
        }
    }
    target
}

// Digest of steps and all that they import from bin/compartments, so that -resume re-runs just the tasks whose code changed:
// Nextflow hashes the script that a task names, not the modules that it imports. The digest stands in the directive `ext code:` and in
// a comment of the script, because the cache looks at the values of `task.ext` that a script names, not at function calls. The lines
// after it, indented as scripts are, let the task find its code in the work folder: all that a compute node has to see of the pipeline.
def code(steps) {
    def modules = [steps].flatten().collectMany { step -> file("${projectDir}/bin/compartments/*/${step}.py") }
    def own = imported(modules.collect { path -> "${path.parent.name}/${path.name}".toString() } + ['core/door.py'])
    def contracts = modules.collect { path -> "${path.parent.name}/${path.baseName}.json".toString() }.findAll { name -> file("${projectDir}/bin/compartments/${name}").exists() }
    def names = ['sc-compartments', 'compartments/__init__.py'] + (own + contracts).collect { name -> "compartments/${name}".toString() }
    def digest = digestOf(names.collect { name -> file("${projectDir}/bin/${name}").text }.join('\n'))
    def copies = names + ['compartments/core/versions.py']
    plainWorkDir() ? "${digest}\n    export PATH='${copied(file("${projectDir}/bin"), copies.unique(), digest)}':\"\$PATH\"\n    #" : digest
}

// A file or folder of the project as an input of tasks: its copy in the work folder. Other files are what they are.
def carried(path) {
    if (!plainWorkDir() || !path.startsWith(projectDir) || !path.exists()) {
        return path
    }
    def names = path.isDirectory() ? path.list().toSorted().collect { name -> "${path.name}/${name}".toString() } : [path.name]
    def digest = digestOf(names.collect { name -> "${name} ${path.parent.resolve(name).bytes.encodeBase64()}" }.join('\n'))
    copied(path.parent, names, digest).resolve(path.name)
}

// What a task of one sample does when it failed: run again, with more memory and time, if it was killed or lost rather than wrong;
// else the run goes on without the sample, and the reason is kept for skipped.tsv.
def sampleFailed(task, meta) {
    givenUp(task, meta.sample)
}

// The same for a step of the cohort: the others go on, so that the report shows what finished, and the run fails after it.
def stepFailed(task) {
    givenUp(task, '')
}

// Reasons are kept in this process: no file can be half-written.
def givenUp(task, sample) {
    def passing = task.exitStatus in [104, 137, 140, 143, 2147483647]
    if (passing && task.attempt <= task.maxRetries) {
        return 'retry'
    }
    def errors = task.workDir.resolve('.command.err')
    def said = errors.exists() ? errors.readLines().findAll { line -> line.trim() } : []
    def reasons = [137: 'killed, most likely out of memory', 140: 'out of time', 143: 'terminated', 104: 'connection lost', 2147483647: 'lost: out of time or memory, or its machine failed']
    def reason = passing ? reasons[task.exitStatus] : said ? said[-1].replaceFirst(/^ERROR: /, '') : 'no message'
    def status = task.exitStatus == 2147483647 ? 'no exit status' : "exit status ${task.exitStatus}"
    def text = "the task failed (${status}, attempt ${task.attempt}): ${reason}".replaceAll(/\s+/, ' ').take(500)
    System.setProperty("sc-compartments.failed/${task.process.tokenize(':').last().toLowerCase()}/${sample}", text)
    'ignore'
}

// [stage, sample or empty, reason] of the tasks that were given up, in a fixed order.
def failures() {
    System.properties.stringPropertyNames().findAll { name -> name.startsWith('sc-compartments.failed/') }.toSorted().collect { name ->
        def parts = name.split('/', -1)
        [parts[1], parts[2], System.getProperty(name)]
    }
}

// As rows of skipped.tsv.
def failedTasks() {
    failures().collect { stage, sample, reason -> "${stage}\t${sample}\t\t\t${reason}".toString() }
}

// Steps of the cohort that failed, in words.
def failedSteps() {
    failures().findAll { _stage, sample, _reason -> !sample }.collect { stage, _sample, reason -> "${stage}: ${reason}".toString() }
}

// Row of conf/resources.tsv of a task's step, and the size of its inputs in MB: [row, size].
def resourcesOf(task, inputs) {
    def rows = file("${projectDir}/conf/resources.tsv").splitCsv(header: true, sep: '\t')
    def row = rows.find { one -> one.process == task.process.tokenize(':').last() }
    def sizes = inputs.flatten().collect { path -> path.toRealPath().isDirectory() ? path.toRealPath().listFiles().sum { one -> one.size() } : path.size() }
    [row, (sizes.sum() ?: 0) / 1000000]
}

// Memory and time of a step: base + slope x size of its inputs, times the attempt.
def memoryFor(task, inputs) {
    def (row, size) = resourcesOf(task, inputs)
    1.MB * (row.memory_base_mb.toBigDecimal() + row.memory_per_mb.toBigDecimal() * size).toLong() * task.attempt
}

def timeFor(task, inputs) {
    def (row, size) = resourcesOf(task, inputs)
    1.s * (row.minutes_base.toBigDecimal() * 60 + row.seconds_per_mb.toBigDecimal() * size).toLong() * task.attempt
}
