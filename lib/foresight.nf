// What a study needs of memory, time and disk, foreseen from its files before anything is computed.

include { definitions ; isTrue ; withoutSteps } from './options'
include { limit ; memoryNeeded ; number ; rowsOfSteps ; secondsNeeded } from './resources'

// MB of the inputs of each task of a step, foreseen from the samples: [cells, values] of each.
def inputsOf(row, samples) {
    def sizes = samples.collect { one -> row.input_mb + row.input_per_million * one.values / 1000000 }
    row.of == 'sample' ? sizes : [sizes.sum()]
}

// Of every step of a study of such samples: tasks, MB of memory of the largest, CPU seconds and MB on disk of all.
def foreseen(settings, samples) {
    def rows = rowsOfSteps().values().findAll { row -> row.of in ['sample', 'cohort'] }
    def asked = [ZOOM_LINEAGES: settings.zoom, PRINT_REPORT: isTrue(settings.paper)]
    def none = withoutSteps(settings).keySet() + asked.findAll { _step, wanted -> !wanted }.keySet()
    rows.findAll { row -> !(row.process in none) }.collect { row ->
        def inputs = inputsOf(row, samples)
        [
            step: row.process,
            tasks: inputs.size(),
            memory: inputs.collect { mb -> memoryNeeded(row, mb) }.max(),
            seconds: inputs.collect { mb -> secondsNeeded(row, mb) }.sum(),
            disk: inputs.sum() * row.written_per_mb,
        ]
    }
}

// What a study needs, as [text to say, warnings, problem or empty]. Nothing is foreseen where the files say nothing.
def foresight(settings, samples) {
    if (!samples) {
        return [text: '', warnings: [], problem: '']
    }
    def steps = foreseen(settings, samples)
    def most = limit(settings)
    def beyond = steps.findAll { one -> one.memory * 1000000 > most.toBytes() }
    def disk = steps.sum { one -> one.disk } / 1000
    def free = workflow.workDir.toUri().scheme == 'file' ? workflow.workDir.toFile().usableSpace / 1000000000 : 0
    def full = "the work folder ${workflow.workDir} has ${number(free, 1)} GB free, and about ${number(disk, 1)} GB " +
        'are foreseen; free some, or give another -work-dir'
    [
        text: isTrue(settings.validate_only) ? tableOf(steps, samples, most) : lineOf(steps, samples, most),
        warnings: free && disk > free ? [full] : [],
        problem: beyond ? tooMuch(settings, beyond, samples, most) : '',
    ]
}

def ofWhat(samples) {
    def cells = number(samples.sum { one -> one.cells }, 0)
    def noun = samples.size() == 1 ? 'sample' : 'samples'
    "${number(samples.size(), 0)} ${noun} of about ${cells} cells".toString()
}

def lineOf(steps, samples, most) {
    def minutes = number(steps.sum { one -> one.seconds } / 60, 0)
    def largest = steps.max { one -> one.memory }
    def disk = number(steps.sum { one -> one.disk } / 1000, 1)
    "Foreseen for ${ofWhat(samples)}: ${minutes} min of CPU time, ${number(largest.memory / 1000, 1)} GB of memory " +
        "at most (${largest.step}; a task may have ${most}), ${disk} GB of disk"
}

def tableOf(steps, samples, most) {
    def head = [['step', 'tasks', 'memory of the largest, GB', 'CPU time of all, min', 'disk of all, GB']]
    def rows = steps.collect { one ->
        def figures = [one.memory / 1000, one.seconds / 60, one.disk / 1000].collect { value -> number(value, 1) }
        [one.step, number(one.tasks, 0)] + figures
    }
    def lines = (head + rows).collect { row ->
        def cells = row.withIndex().collect { text, n -> n ? text.padLeft(head[0][n].size() + 2) : text.padRight(22) }
        cells.join('')
    }
    (['', lineOf(steps, samples, most), 'without CellBender and without waiting:'] + lines).join('\n')
}

// One sentence on the steps that a site has too little memory for.
def tooMuch(settings, beyond, samples, most) {
    def needs = beyond.collect { one -> "${one.step} needs about ${number(one.memory / 1000, 1)} GB" }.join(', ')
    def choices = ["a larger --max_memory where the machine has more (it is ${settings.max_memory})"]
    choices += ['a profile whose machines have it (such as slurm)', 'fewer samples']
    choices += definitions().embedding?.get('enum')?.contains('sketch') ? ['--embedding sketch'] : []
    "${ofWhat(samples)}: ${needs}, and a task may have ${most} here; give ${choices.join(', or ')}".toString()
}
