// What happens to a task that failed, and the reasons, for skipped.tsv and for the end of the run.

// What a task of one sample does when it failed: run again, with more memory and time, if it was killed or lost rather
// than wrong; else the run goes on without the sample, and the reason is kept for skipped.tsv.
def sampleFailed(task, meta) {
    givenUp(task, meta.sample)
}

// The same for a step of the cohort: the others go on, so that the report shows what finished, and the run fails then.
def stepFailed(task) {
    givenUp(task, '')
}

def givenUp(task, sample) {
    def passing = task.exitStatus in [104, 137, 140, 143, 2147483647]
    if (passing && task.attempt <= task.maxRetries) {
        return 'retry'
    }
    def errors = task.workDir.resolve('.command.err')
    def said = errors.exists() ? errors.readLines().findAll { line -> line.trim() } : []
    def reasons = [
        104: 'connection lost',
        137: "killed, most likely out of memory (it had ${task.memory}); give more with --max_memory",
        140: 'out of time',
        143: 'terminated',
        2147483647: 'lost: out of time or memory, or its machine failed',
    ]
    def last = said ? said[-1].replaceFirst(/^ERROR: /, '') : 'no message'
    def reason = passing ? reasons[task.exitStatus] : last
    def status = task.exitStatus == 2147483647 ? 'no exit status' : "exit status ${task.exitStatus}"
    def text = "the task failed (${status}, attempt ${task.attempt}): ${reason}".replaceAll(/\s+/, ' ').take(500)
    System.setProperty("${ofThisRun()}${task.process.tokenize(':').last().toLowerCase()}/${sample}", text)
    'ignore'
}

// Functions have no state, so reasons are properties of the engine's process, where no file can be half-written: under
// the run's own name, as one process may see several runs, and gone at its end.
def ofThisRun() {
    "sc-compartments.failed/${workflow.sessionId}/${workflow.runName}/".toString()
}

// [stage, sample or empty, reason] of the tasks that were given up, in a fixed order.
def failures() {
    def names = System.properties.stringPropertyNames().findAll { name -> name.startsWith(ofThisRun()) }
    names.toSorted().collect { name ->
        def (stage, sample) = name.drop(ofThisRun().size()).split('/', -1)
        [stage, sample, System.getProperty(name)]
    }
}

// As rows of skipped.tsv.
def failedTasks() {
    failures().collect { stage, sample, reason -> "${stage}\t${sample}\t\t\t${reason}".toString() }
}

// Steps of the cohort that failed, in words.
def failedSteps() {
    failures()
        .findAll { _stage, sample, _reason -> !sample }
        .collect { stage, _sample, reason -> "${stage}: ${reason}".toString() }
}

def forgetFailures() {
    failures().each { stage, sample, _reason -> System.clearProperty("${ofThisRun()}${stage}/${sample}") }
}
