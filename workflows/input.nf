include { carried ; settled } from '../lib/code'
include { announced } from '../lib/console'
include { askedOf ; filesOf ; problemsIn ; samplesOf ; tableOf } from '../lib/files'
include { definitions ; valueOf } from '../lib/options'
include { CHECK_CAPTURES ; CHECK_DESIGN ; CHECK_LABELS ; INSPECT_INPUT } from '../modules/input'

// Samplesheet, parameters, design, models, and a look into every file, before any compute.
workflow INPUT {
    take:
    samplesheet // file
    models // files: CellTypist models

    main:
    def plain = definitions().collectEntries { name, value ->
        [name, value.type == 'string' && params[name] != null ? valueOf(name) : params[name]]
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

    ch_samples = CHECK_DESIGN.out.study
        .combine(samplesheet)
        .map { table, sheet -> samplesOf(table, sheet.parent) }
        .flatMap { samples, problems -> problems ? error("ERROR: ${problems}") : samples }
    INSPECT_INPUT(
        ch_samples.flatMap { meta, inputs, others ->
            inputs.findAll { _column, path -> path }.collect { column, path ->
                [meta, column, path, askedOf(column, inputs, others)]
            }
        }
    )
    INSPECT_INPUT.out.doubts.subscribe { path -> path.readLines().each { line -> log.warn("samplesheet ${line}") } }
    CHECK_CAPTURES(study, INSPECT_INPUT.out.cells.toSortedList { a, b -> a.name <=> b.name })
    CHECK_DESIGN.out.plan.mix(CHECK_CAPTURES.out.notes).subscribe { said -> if (said.size()) { log.info(said.text) } }
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
        INSPECT_INPUT.out.cells.toSortedList { a, b -> a.name <=> b.name },
    )
    CHECK_LABELS.out.notes.subscribe { path -> path.readLines().each { line -> log.info(line) } }
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
