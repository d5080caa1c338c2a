// What deserves a look: said when it is seen, and kept for warnings.tsv and the last lines of the run.

// Say it, and keep it. Functions have no state, so it is a property of the engine's process, under the run's own name.
def warned(stage, sample, text) {
    log.warn(text)
    kept(stage, sample, text)
}

def kept(stage, sample, text) {
    def words = text.replaceAll(/\s+/, ' ').trim()
    System.setProperty("${ofThisRun()}${stage}/${sample}/${words.hashCode()}", words)
}

def ofThisRun() {
    "sc-compartments.warned/${workflow.sessionId}/${workflow.runName}/".toString()
}

// Everything that deserves a look, as rows of warnings.tsv: what was seen in the cohort, in the order of its table,
// then the rest in a fixed order.
def everyWarning(ofCohort) {
    def names = System.properties.stringPropertyNames().findAll { name -> name.startsWith(ofThisRun()) }
    def others = names.toSorted().collect { name ->
        def (stage, sample, _number) = name.drop(ofThisRun().size()).split('/', -1)
        [stage: stage, sample: sample, warning: System.getProperty(name)]
    }
    ofCohort + others.toSorted { a, b -> a.values().join(' ') <=> b.values().join(' ') }
}
