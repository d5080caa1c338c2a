// Memory and time of a step, from conf/resources.tsv.

// Rows of the table by process. Functions have no state, so what the file says is kept as a property of the engine's
// process: it is read once, and not for every task and attempt.
def rowsOfSteps() {
    def table = projectDir.resolve('conf/resources.tsv')
    def name = "sc-compartments.resources/${table}/${table.lastModified()}".toString()
    def text = System.getProperty(name) ?: table.text
    System.setProperty(name, text)
    def lines = text.readLines().collect { line -> line.tokenize('\t') }
    lines.drop(1).collectEntries { row ->
        def figures = [lines[0], row].transpose().drop(2).collectEntries { key, value -> [key, value.toBigDecimal()] }
        [row[0], [process: row[0], of: row[1]] + figures]
    }
}

// Row of a task's step, or that of steps without one.
def rowOf(task) {
    def rows = rowsOfSteps()
    rows[task.process.tokenize(':').last()] ?: rows.any
}

// Size of files and folders in MB, of zarr stores with all below them; an empty list is none.
def sizeOf(inputs) {
    def sizes = inputs.flatten().collect { path ->
        def real = path.toRealPath()
        def store = ['zarr.json', '.zgroup'].any { name -> real.resolve(name).exists() }
        def files = store ? [] : real.isDirectory() ? real.listFiles().toList() : [path]
        if (store) {
            real.eachFileRecurse { one -> files.add(one) }
        }
        files.sum { one -> one.size() }
    }
    (sizes.sum() ?: 0) / 1000000
}

// What a task needs for inputs of so many MB, as it was measured: MB of memory at most, and seconds of CPU time.
def memoryNeeded(row, mb) {
    row.memory_mb + row.memory_per_mb * mb
}

def secondsNeeded(row, mb) {
    row.seconds + row.seconds_per_mb * mb
}

// What it asks for: half as much memory again, at least 256 MB; ten times the time, and an hour. Times the attempt.
def memoryFor(task, inputs) {
    def needed = memoryNeeded(rowOf(task), sizeOf(inputs)) * 1.5
    1.MB * needed.max(256).toLong() * task.attempt
}

def timeFor(task, inputs) {
    1.s * (3600 + secondsNeeded(rowOf(task), sizeOf(inputs)) * 10).toLong() * task.attempt
}
