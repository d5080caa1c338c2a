// Memory and time of a step, from conf/resources.tsv.

// Row of a task's step, or that of steps without one. Functions have no state, so what the file says is kept as a
// property of the engine's process: it is read once, and not for every task and attempt.
def rowOf(task) {
    def table = projectDir.resolve('conf/resources.tsv')
    def name = "sc-compartments.resources/${table}/${table.lastModified()}".toString()
    def text = System.getProperty(name) ?: table.text
    System.setProperty(name, text)
    def rows = text.readLines().collect { line -> line.tokenize('\t') }
    def own = rows.find { row -> row[0] == task.process.tokenize(':').last() } ?: rows.find { row -> row[0] == 'any' }
    [rows[0], own].transpose().collectEntries()
}

// Size of files and folders in MB; an empty list is none.
def sizeOf(inputs) {
    def sizes = inputs.flatten().collect { path ->
        path.toRealPath().isDirectory() ? path.toRealPath().listFiles().sum { one -> one.size() } : path.size()
    }
    (sizes.sum() ?: 0) / 1000000
}

// Base + slope x size of the inputs, times the attempt.
def memoryFor(task, inputs) {
    def row = rowOf(task)
    def needed = row.memory_base_mb.toBigDecimal() + row.memory_per_mb.toBigDecimal() * sizeOf(inputs)
    1.MB * needed.toLong() * task.attempt
}

def timeFor(task, inputs) {
    def row = rowOf(task)
    def needed = row.minutes_base.toBigDecimal() * 60 + row.seconds_per_mb.toBigDecimal() * sizeOf(inputs)
    1.s * needed.toLong() * task.attempt
}
