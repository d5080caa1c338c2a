include { carried ; settled } from '../lib/code'
include { announced } from '../lib/console'
include { askedOf ; digestsOf ; existing ; filesOf ; linesOf ; locate ; orderOf } from '../lib/files'
include { pathOf ; problemsIn ; samplesOf ; tableOf } from '../lib/files'
include { foresight } from '../lib/foresight'
include { parametersOf } from '../lib/options'
include { kept ; warned } from '../lib/warnings'
include { CHECK_CAPTURES ; CHECK_DESIGN ; CHECK_LABELS ; INSPECT_INPUT } from '../modules/input'
include { READ_POOLS ; SPLIT_STUDY } from '../modules/input'
include { INSPECT_INPUT as INSPECT_COUNTED } from '../modules/input'
include { READS } from './reads'

// The user's samplesheet, or that of a whole study in one file with a file for each sample.
workflow SHEET {
    take:
    settings // name -> value, of the parameters

    main:
    study = settings.study_file
    settings.input || study ?: error('ERROR: --input is missing: give a samplesheet, or try -profile demo')
    sheets = filesOf(settings, 'input')
    whole = study ? existing(pathOf(study), '--study_file') : null
    tabled = whole && whole.name =~ /(?i)\.(csv|tsv|txt|xlsx?)$/
    READ_POOLS(tabled ? channel.value(whole) : channel.empty())
    ch_read = READ_POOLS.out.problems.map { path -> path.text.trim() ? error("ERROR: ${path.text.trim()}") : true }
    ch_pools = READ_POOLS.out.pools.combine(ch_read).map { path, _read -> poolsOf(path, whole.parent) }.first()
    ch_found = ch_pools.map { pools ->
        def wrong = pools.find { one -> one.problem }
        wrong ? error("ERROR: --study_file ${study} row ${wrong.row}, column ${wrong.column}: ${wrong.problem}") : pools
    }
    ch_study = tabled ? ch_found : study ? channel.value([[path: whole]]) : channel.empty()
    SPLIT_STUDY(
        ch_study.map { pools -> pools.collect { one -> one.path } },
        ch_study.map { pools -> pools.findResults { one -> one.pool } },
        ch_study.map { pools -> orderOf(pools.collect { one -> one.path }) },
        sheets,
        filesOf(settings, 'sample_table'),
        filesOf(settings, 'hashtags'),
        parametersOf(settings, 'split_study'),
    )
    SPLIT_STUDY.out.notes.subscribe { path -> path.readLines().each { line -> log.info(line) } }
    ch_sound = SPLIT_STUDY.out.problems.map { path -> path.text.trim() ? error("ERROR: ${path.text.trim()}") : true }
    ch_split = SPLIT_STUDY.out.samplesheet.combine(ch_sound).map { path, _sound -> path }.first()
    samplesheet = study ? ch_split : channel.value(sheets[0])

    emit:
    samplesheet
}

// Samplesheet, parameters, design, models, and a look into every file, before any compute.
workflow INPUT {
    take:
    samplesheet // file
    genome // [FASTA, GTF], or empty texts, of samples given as reads
    models // [[compartment or empty, CellTypist model, whether by name], ...]
    settings // name -> value, of the parameters

    main:
    CHECK_DESIGN(
        samplesheet,
        filesOf(settings, 'contrasts'),
        carried(projectDir.resolve('nextflow_schema.json')),
        groovy.json.JsonOutput.toJson(settings),
        settings.lr_resource, tableOf(settings, 'lr_resource'),
        filesOf(settings, 'interaction_groups'),
        filesOf(settings, 'gene_sets'), filesOf(settings, 'pathways'), filesOf(settings, 'regulators'),
        filesOf(settings, 'palette'), filesOf(settings, 'label_overrides'), filesOf(settings, 'logo'),
    )
    CHECK_DESIGN.out.problems.subscribe { path -> if (path.text.trim()) { error("ERROR: ${path.text.trim()}") } }
    // every parameter is checked there, so that it is repeated whenever one changes
    study = CHECK_DESIGN.out.ordered.map { path -> settled(path) }
    listed = CHECK_DESIGN.out.study.map { path -> settled(withNotesKept(path)) }

    ch_samples = CHECK_DESIGN.out.study
        .combine(samplesheet)
        .map { table, sheet -> samplesOf(table, sheet.parent) }
        .flatMap { samples, problems -> problems ? error("ERROR: ${problems}") : samples }
    // tasks are given the name of a sample and what they use of its row: a comment, a note or another order of the
    // rows repeats no task of the samples
    rows = ch_samples.map { meta, _inputs, _others -> [meta.subMap('sample'), meta] }
    // the labels by hand of a sample are a file of its own: another label repeats the tasks of its sample alone
    by_hand = bySample(CHECK_DESIGN.out.by_hand)
    LOOK(ch_samples, rows, genome, listed, by_hand, settings)
    CHECK_DESIGN.out.plan.mix(LOOK.out.notes).subscribe { said -> if (said.size()) { log.info(said.text) } }
    CHECK_LABELS(
        study,
        CHECK_DESIGN.out.compared.map { path -> settled(path) },
        models.map { entries -> entries.collect { _compartment, path, _byName -> path } },
        models.map { entries -> saidOf(entries) },
        carried(projectDir.resolve('assets/celltypist_models.tsv')),
        carried(existing(pathOf(settings.lineage_map), '--lineage_map')),
        carried(existing(pathOf(settings.markers), '--markers')),
        filesOf(settings, 'label_overrides'),
        filesOf(settings, 'label_clusters'),
        LOOK.out.cells,
        parametersOf(settings, 'check_labels'),
    )
    ch_named = CHECK_LABELS.out.problems.map { path -> path.text.trim() ? error("ERROR: ${path.text.trim()}") : true }
    CHECK_LABELS.out.notes.subscribe { path -> path.readLines().each { line -> log.info(line) } }

    samples = LOOK.out.matrices
    // with what the models of its compartments can name
    compared = CHECK_LABELS.out.compared.map { path -> settled(path) }
    meanings = CHECK_LABELS.out.meanings.map { path -> settled(path) }
    results = CHECK_DESIGN.out.results.combine(CHECK_LABELS.out.results)
    counted = LOOK.out.counted
    checked = soundOnce(LOOK.out.hashes, ch_named.combine(LOOK.out.enough), results)
    announced(samples.combine(checked), '# samples: files of counts are sound')

    emit:
    samples // [meta, raw, filtered, cellbender]
    rows // [meta, row of the samplesheet]
    study // study.json, its samples by name
    compared // the same without columns that no comparison looks at
    listed // study.json, in the order of the samplesheet
    checked // [[SHA-256, sample, name of a file], ...], results of the checks: once, when nothing is wrong
    results
    counted // what was found of the reads of samples given as FASTQ
    by_hand // [sample -> table of its labels by hand], once
    meanings // of labels of the user that have two
}

// Into every file of counts, and all of them together.
workflow LOOK {
    take:
    samples // [row with the sample's name, files by column, whether other rows are of the same specimen]
    rows // [meta, row of the samplesheet]
    genome // [FASTA, GTF], or empty texts, of samples given as reads
    study // study.json, in the order of the samplesheet
    by_hand // [sample -> table of its labels by hand], once
    settings // name -> value, of the parameters

    main:
    OPEN(samples, rows, genome, study, by_hand, settings)
    ch_lines = rows.combine(OPEN.out.problems, by: 0).flatMap { _name, meta, path -> linesOf(meta, path) }
    rows
        .combine(OPEN.out.doubts, by: 0)
        .subscribe { _name, meta, path ->
            linesOf(meta, path).each { line -> warned('inspect_input', meta.sample, "samplesheet ${line}") }
        }
    ch_cells = OPEN.out.cells.toSortedList { a, b -> a.name <=> b.name }
    CHECK_CAPTURES(study, ch_cells, OPEN.out.beside.toSortedList { a, b -> a.name <=> b.name })
    ch_sound = ch_lines
        .mix(OPEN.out.lines, CHECK_CAPTURES.out.problems.flatMap { path -> path.readLines() })
        .toList()
        .map { lines -> problemsIn(lines) ? error("ERROR: ${problemsIn(lines)}") : true }
    ch_hashes = OPEN.out.hashes.flatMap { meta, path -> digestsOf(meta, path) }
    // once, when no task failed and nothing is wrong
    hashes = ch_hashes
        .toList()
        .map { found -> [found] }
        .combine(OPEN.out.looked)
        .combine(ch_sound)
        .map { found -> [found[0]] }
    // what is wrong with a file is said before what its genes cannot do
    cells = ch_cells.map { found -> [found] }.combine(ch_sound).map { found, _sound -> found }
    notes = CHECK_CAPTURES.out.notes
    // what the run needs, and whether the site has it
    enough = OPEN.out.extents
        .map { _meta, path -> new groovy.json.JsonSlurper().parse(path) }
        .toList()
        .map { found -> [found] }
        .combine(ch_sound)
        .map { found, _sound ->
            def said = foresight(settings, found)
            said.text ? log.info(said.text) : null
            said.warnings.each { line -> warned('inspect_input', '', line) }
            said.problem ? error("ERROR: ${said.problem}") : true
        }

    counted = OPEN.out.counted
    matrices = OPEN.out.matrices

    emit:
    matrices // [meta, raw, filtered, cellbender]
    counted // what was found of the reads of samples given as FASTQ
    hashes // [[[SHA-256, sample, name of a file], ...]]
    cells // what is kept of the files that tell cells
    notes // how the files differ
    enough // once, when the site has what the run needs
}

// A look into each file of counts; reads are counted first, when the files of all other samples are sound.
workflow OPEN {
    take:
    samples // [row with the sample's name, files by column, whether other rows are of the same specimen]
    rows // [meta, row of the samplesheet]
    genome // [FASTA, GTF], or empty texts, of samples given as reads
    study // study.json
    by_hand // [sample -> table of its labels by hand], once
    settings // name -> value, of the parameters

    main:
    given = parametersOf(settings, 'inspect_input')
    ch_given = samples.combine(by_hand).flatMap { meta, inputs, others, tables ->
        ['raw', 'filtered', 'cellbender'].findAll { column -> inputs[column] }.collect { column ->
            def asked = askedOf(column, inputs, others)
            [meta.subMap('sample'), column, inputs[column], asked, tables[meta.sample] ?: []]
        }
    }
    INSPECT_INPUT(ch_given, filesOf(settings, 'gtf'), given)
    ch_reads = samples
        .filter { _meta, inputs, _others -> inputs.fastq_1 }
        .map { meta, inputs, _others ->
            [meta.subMap('sample'), inputs.fastq_1, inputs.fastq_2, meta.chemistry ?: '']
        }
    ch_unsound = INSPECT_INPUT.out.problems.filter { _meta, path -> path.size() }
    ch_sound = ch_unsound.count().filter { n -> n == 0 }
    READS(ch_reads, rows, genome, study, ch_sound, INSPECT_INPUT.out.hashes, settings)
    ch_counted = samples
        .map { meta, _inputs, others -> [meta.subMap('sample'), others] }
        .join(READS.out.counted)
        .combine(by_hand)
        .map { meta, others, path, tables ->
            [meta, 'raw', path, askedOf('raw', [raw: path], others), tables[meta.sample] ?: []]
        }
    INSPECT_COUNTED(ch_counted, [], given)
    problems = INSPECT_INPUT.out.problems.mix(INSPECT_COUNTED.out.problems)
    looked = ch_given.mix(ch_counted).count().combine(problems.count()).filter { n, done -> n == done }
    doubts = INSPECT_INPUT.out.doubts.mix(INSPECT_COUNTED.out.doubts)
    cells = INSPECT_INPUT.out.cells.mix(INSPECT_COUNTED.out.cells)
    beside = INSPECT_INPUT.out.beside
    extents = INSPECT_INPUT.out.extents.mix(INSPECT_COUNTED.out.extents)
    hashes = INSPECT_INPUT.out.hashes.mix(READS.out.hashes)
    lines = READS.out.lines
    counted = READS.out.results
    matrices = samples
        .filter { _meta, inputs, _others -> !inputs.fastq_1 }
        .map { meta, inputs, _others -> [meta.subMap('sample'), inputs.raw, inputs.filtered, inputs.cellbender] }
        .mix(READS.out.counted.map { meta, path -> [meta, path, [], []] })

    emit:
    problems // [meta, lines on its file]
    doubts // the same of what may be meant
    cells // what is kept of the files that tell cells
    beside // the species of the other files
    extents // [meta, numbers of cells and values]
    hashes // [meta, lines of sha256sum]
    lines // what is wrong with reads or genome
    looked // once, when no file was left out
    counted // what was found of the reads of samples given as FASTQ
    matrices // [meta, raw, filtered, cellbender]
}

// Pools that a table names, each with its file: [path, pool] or what is wrong with it, ... A file is looked for from
// the folder of the table.
def poolsOf(path, folder) {
    new groovy.json.JsonSlurper().parse(path).collect { one ->
        def found = locate(one.file, folder, one.row, 'file')
        // in parentheses: the newest parsers take `Map ?` for a type that may be null
        (found instanceof Map) ? found : [path: found, pool: one.pool]
    }
}

// [digests, results of the checks], once all of `sound` has said that nothing is wrong.
def soundOnce(hashes, sound, results) {
    hashes.combine(sound).combine(results.map { tables -> [tables] }).map { found -> [found[0], found[-1]] }
}

// Tables that a task names by samples, as one [sample -> table], empty where there are none.
def bySample(tables) {
    tables.ifEmpty([]).map { found -> [found].flatten().collectEntries { path -> [path.baseName, settled(path)] } }
}

// What is said of models: the compartments that they are for, empty for all; the files of those asked for by name.
def saidOf(models) {
    [
        compartment: models.collect { one -> one[0] },
        by_name: models.findAll { one -> one[2] }.collect { one -> one[1].name },
        order: orderOf(models.collect { one -> one[1] }),
    ]
}

// What the plan notes, for warnings.tsv.
def withNotesKept(study) {
    new groovy.json.JsonSlurper().parse(study).warnings.each { line -> kept('check_design', '', line) }
    study
}
