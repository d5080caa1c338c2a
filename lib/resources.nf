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
        def files = real.isDirectory() ? [] : [path]
        if (store) {
            real.eachFileRecurse { one -> files.add(one) }
        }
        else if (real.isDirectory()) {
            real.eachFile { one -> files.add(one) }
        }
        files.sum { one -> one.size() } ?: 0
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

// The memory that one task may have at most, as `resourceLimits` says for the executor that runs the steps.
def limit(settings) {
    def process = nextflow.Global.session.config.process
    def given = process.resourceLimits
    def asker = [task: [executor: process.executor], params: settings]
    def most = (given instanceof Closure) ? given.cloneWith(asker).call() : given
    (most.memory ?: settings.max_memory) as nextflow.util.MemoryUnit
}

// Why an index of a genome is too large for this site, or an empty text: GB that mapping with it takes, and that
// building it takes where that is still to be done.
def indexTooLarge(settings, gb, gbToBuild) {
    def most = limit(settings)
    def have = "and a task may have ${most} here"
    def choices = "a larger --max_memory where the machine has more (it is ${settings.max_memory}), a profile whose " +
        "machines have it (such as slurm), ${settings.counter == 'starsolo' ? '--counter alevin-fry, ' : ''}or " +
        'counts instead of reads (columns raw or filtered)'
    def needed = "${number(gb, 1)} GB"
    if (gb * 1000000000L > most.toBytes()) {
        return "mapping reads to this genome needs about ${needed}, ${have}; give ${choices}".toString()
    }
    gbToBuild * 1000000000L > most.toBytes()
        ? "building the index of this genome needs about ${number(gbToBuild, 1)} GB, ${have}; give one built " +
            "elsewhere (--star_index or --index_store; mapping needs ${needed}), ${choices}"
        : ''
}

def number(value, digits) {
    String.format(Locale.ROOT, "%,.${digits}f", value as double)
}

// One sentence on what counting reads takes, from numbers of reads of samples: CPU seconds of a million as measured
// on 946,709 simulated reads of a small genome.
def countingOf(settings, reads) {
    def each = [starsolo: 46, 'alevin-fry': 11][settings.counter]
    def millions = reads.sum() / 1000000
    def most = (settings.downsample_reads ?: 0) as long
    def used = reads.sum { n -> most ? [n, most].min() : n } / 1000000
    def noun = reads.size() == 1 ? 'sample' : 'samples'
    "# reads: ${number(millions, 1)} million of ${number(reads.size(), 0)} ${noun}; foreseen to take " +
        "${number(used * each / 60, 0)} min of CPU time to count with ${settings.counter} (${each} s a million on a " +
        'small genome; a large one takes more)'
}
