include { carried ; settled } from '../lib/code'
include { announced } from '../lib/console'
include { askedOf ; filesOf ; hasOthers ; problemsIn ; sampleOf ; tableOf } from '../lib/files'
include { CHECK_CAPTURES ; CHECK_DESIGN ; CHECK_LABELS ; INSPECT_INPUT } from '../modules/input'

// Samplesheet, parameters, design, models, and a look into every file, before any compute.
workflow INPUT {
    take:
    samplesheet // file
    models // files: CellTypist models

    main:
    def plain = params.collectEntries { name, value ->
        [name, value instanceof Number || value instanceof Boolean ? value : value?.toString()]
    }
    CHECK_DESIGN(
        samplesheet,
        filesOf(params.contrasts, 'contrasts'),
        carried(file("${projectDir}/nextflow_schema.json")),
        groovy.json.JsonOutput.toJson(plain),
        tableOf(params.lr_resource),
        filesOf(params.interaction_groups, 'interaction_groups'),
    )
    CHECK_DESIGN.out.problems.subscribe { path -> if (path.text.trim()) { error("ERROR: ${path.text.trim()}") } }
    // every parameter is checked there, so that it is repeated whenever one changes
    study = CHECK_DESIGN.out.study.map { path -> settled(path) }
    CHECK_DESIGN.out.plan.subscribe { plan -> log.info(plan.text) }

    ch_samples = CHECK_DESIGN.out.samples
        .combine(samplesheet)
        .flatMap { table, sheet ->
            def rows = table.splitCsv(header: true, sep: '\t')
            rows.collect { row -> sampleOf(row, sheet.parent) + [hasOthers(row, rows)] }
        }
        .map { meta, inputs, problem, others -> problem ? error("ERROR: ${problem}") : [meta, inputs, others] }
    INSPECT_INPUT(
        ch_samples.flatMap { meta, inputs, others ->
            inputs.findAll { _column, path -> path }.collect { column, path ->
                [meta, column, path, askedOf(column, inputs, others)]
            }
        }
    )
    INSPECT_INPUT.out.doubts.subscribe { path -> path.readLines().each { line -> log.warn("samplesheet ${line}") } }
    CHECK_CAPTURES(study, INSPECT_INPUT.out.cells.toSortedList { a, b -> a.name <=> b.name })
    ch_sound = INSPECT_INPUT.out.problems
        .mix(CHECK_CAPTURES.out.problems)
        .collect()
        .map { paths -> problemsIn(paths) ? error("ERROR: ${problemsIn(paths)}") : true }

    CHECK_LABELS(
        study,
        models,
        carried(file(params.lineage_map)),
        carried(file(params.markers)),
        filesOf(params.label_overrides, 'label_overrides'),
        filesOf(params.label_clusters, 'label_clusters'),
    )
    ch_named = CHECK_LABELS.out.problems.map { path -> path.text.trim() ? error("ERROR: ${path.text.trim()}") : true }

    samples = ch_samples
        .combine(ch_sound)
        .combine(ch_named)
        .map { meta, inputs, _others, _sound, _named -> [meta, inputs.raw, inputs.filtered, inputs.cellbender] }
    announced(samples, '# samples: files of counts are sound')
    hashes = INSPECT_INPUT.out.hashes.flatMap { meta, listed ->
        listed.readLines().collect { line -> [line.take(64), meta.sample, line.drop(66)] }
    }

    emit:
    samples // [meta, raw, filtered, cellbender]
    study // study.json
    hashes // [SHA-256, sample, name of a file]
    results = CHECK_DESIGN.out.results
}
