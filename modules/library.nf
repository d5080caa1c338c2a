// What a task's code consists of, so that -resume re-runs just the tasks whose code changed.
// Nextflow hashes the script that a task names, not the modules that it imports.

// Files of bin/ that the named ones import, themselves included.
def imported(names) {
    def found = names.collectMany { name ->
        def source = file("${projectDir}/bin/${name}").text
        def inside = (source =~ /(?m)^\s*from \.(\w+) import/).collect { match -> match[1] }
        def outside = (source =~ /(?m)^\s*from compartments\.(\w+) import/).collect { match -> match[1] }
        def siblings = (source =~ /(?m)^\s*from (?:\.|compartments) import ([\w, ]+)/).collect { match -> match[1].tokenize(', ') }.flatten()
        [name] + (inside + outside + siblings).collect { module -> "compartments/${module}.py".toString() }
    }.toSet().findAll { name -> file("${projectDir}/bin/${name}").exists() }.toSorted()
    found == names.toSorted() ? found : imported(found)
}

// Short digest of an executable and all that it imports from bin/compartments. It stands in the directive `ext code:` and in
// a comment of the script, because the cache looks at the values of `task.ext` that a script names, not at function calls.
def code(executable) {
    def text = imported([executable]).collect { name -> file("${projectDir}/bin/${name}").text }.join('\n')
    java.security.MessageDigest.getInstance('SHA-256').digest(text.getBytes('UTF-8')).encodeHex().toString().take(16)
}
