// The pipeline's own code and files, as a task gets at them.

// Files of bin/compartments that the named ones import, themselves included. Imports are absolute: a module, or names
// of one. What only a type checker reads is not run.
def imported(names) {
    def found = names.collectMany { name ->
        def text = projectDir.resolve("bin/compartments/${name}").text
        def source = text.replaceAll(/(?m)^if TYPE_CHECKING:\n(?:[ \t].*\n|\n)+/, '')
        [name] + (source =~ /(?m)^\s*from compartments\.([\w.]+) import (\([^)]*\)|.*)/).collect { match ->
            def module = match[1].replace('.', '/')
            ["${module}.py".toString()] + match[2].split(/[\s,()]+/).collect { one -> "${module}/${one}.py".toString() }
        }.flatten()
    }.toSet().findAll { name -> projectDir.resolve("bin/compartments/${name}").exists() }.toSorted()
    found == names.toSorted() ? found : imported(found)
}

// Files of bin that steps run, in a fixed order: the door, the modules they import, their own part of the contract.
def closureOf(steps) {
    def packages = []
    projectDir.resolve('bin/compartments').eachFile { one -> packages.add(one) }
    def modules = [steps].flatten().collectMany { step -> packages.collect { one -> one.resolve("${step}.py") } }
    def found = modules.findAll { path -> path.exists() }
    def doors = found.collect { path -> "${path.parent.name}/${path.name}".toString() }
    def contracts = doors.collect { name -> name.replaceFirst(/py$/, 'json') }
        .findAll { name -> projectDir.resolve("bin/compartments/${name}").exists() }
    def names = imported(doors + ['core/door.py']) + contracts
    ['sc-compartments', 'compartments/__init__.py'] + names.collect { name -> "compartments/${name}".toString() }
}

def digestOf(text) {
    java.security.MessageDigest.getInstance('SHA-256').digest(text.getBytes('UTF-8')).encodeHex().toString().take(16)
}

// The work folder, where it is an ordinary one; with an object store Nextflow itself carries bin/ and inputs there.
def plainWorkDir() {
    workflow.workDir.toUri().scheme == 'file' ? workflow.workDir : null
}

// Copies of the named files of `source` in work/code/<name>, made once: whole or not at all, however many tasks start.
def copied(source, names, name) {
    def target = plainWorkDir().resolve("code/${name}")
    if (!target.exists()) {
        def fresh = plainWorkDir().resolve("code/.${UUID.randomUUID()}")
        names.each { one ->
            fresh.resolve(one).parent.mkdirs()
            def how = java.nio.file.StandardCopyOption.COPY_ATTRIBUTES
            java.nio.file.Files.copy(source.resolve(one), fresh.resolve(one), how)
        }
        if (!fresh.toFile().renameTo(target.toFile())) {
            fresh.deleteDir()
        }
    }
    target
}

// Digest of steps and all that they import from bin/compartments, so that -resume re-runs just the tasks whose code
// changed: Nextflow hashes the script that a task names, not the modules that it imports. The digest stands in the
// directive `ext code:` and in a comment of the script, because the cache looks at the values of `task.ext` that a
// script names, not at function calls. The lines after it, indented as scripts are, let the task find its code in the
// work folder: all that a compute node has to see of the pipeline. Looked up once for a run, not for every task: kept
// as a property of the engine's process, as functions have no state. With profile local the interpreter is that of
// `environment`.
def code(steps, environment = 'core') {
    def name = "sc-compartments.code/${workflow.sessionId}/${workflow.runName}/${steps}".toString()
    def known = System.getProperty(name) ?: codeOf(steps, environment)
    System.setProperty(name, known)
    known
}

def codeOf(steps, environment) {
    def names = closureOf(steps)
    def digest = digestOf(names.collect { name -> projectDir.resolve("bin/${name}").text }.join('\n'))
    if (!plainWorkDir()) {
        return digest.toString()
    }
    // every task says which versions it ran on, but how it says so is no reason to run it again
    def own = copied(projectDir.resolve('bin'), (names + closureOf('versions')).unique(), digest)
    def word = own.toString().replace("'", "'\\''")
    def python = "\${COMPARTMENTS_TOOLS:+\$COMPARTMENTS_TOOLS/${environment}/bin:}"
    "${digest}\n    export PATH='${word}':\"${python}\$PATH\"\n    #".toString()
}

// A file that a step wrote, as the same input of tasks whenever it says the same: a copy, in a folder named by what its
// name and content are. With -resume, a repeated step repeats those behind it only if what it says has changed.
def settled(path) {
    if (!plainWorkDir()) {
        return path
    }
    def digest = java.security.MessageDigest.getInstance('SHA-256')
    digest.update(path.name.getBytes('UTF-8'))
    path.withInputStream { stream -> stream.eachByte(1048576) { buffer, count -> digest.update(buffer, 0, count) } }
    copied(path.parent, [path.name], digest.digest().encodeHex().toString().take(16)).resolve(path.name)
}

// A file, or all files below a folder, in a fixed order.
def filesBelow(path) {
    def found = [path]
    if (path.isDirectory()) {
        path.eachFileRecurse { one -> found.add(one) }
    }
    found.findAll { one -> one.isFile() }.toSorted()
}

// A file or folder of the project as an input of tasks: its copy in the work folder. Other files are what they are.
def carried(path) {
    if (!plainWorkDir() || !path.startsWith(projectDir) || !path.exists()) {
        return path
    }
    def names = filesBelow(path).collect { one -> path.parent.relativize(one).toString() }
    def contents = names.collect { name -> "${name} ${path.parent.resolve(name).bytes.encodeBase64()}" }
    def digest = digestOf(contents.join('\n'))
    copied(path.parent, names, digest).resolve(path.name)
}
