#!/usr/bin/env nextflow
// sc-compartments: from counts of several compartments per donor to a report on what a condition does in each and between them.

include { announced ; banner ; ending ; existing ; filesOf ; isTrue ; ofSample ; problemsIn ; sampleOf ; tableOf ; usage } from './modules/helpers'
include { carried ; failedSteps ; failedTasks } from './modules/library'
include { writeCrate } from './modules/provenance'
include { SIMULATE_COHORT ; TRAIN_MODEL } from './modules/simulate'
include { CHECK_DESIGN ; INSPECT_INPUT ; COLLECT_SKIPPED } from './modules/input'
include { READ_COUNTS ; CALL_CELLS } from './modules/counts'
include { CHOOSE_AMBIENT ; REMOVE_AMBIENT ; RUN_CELLBENDER ; IMPORT_CELLBENDER } from './modules/ambient'
include { FILTER_CELLS ; SCORE_DOUBLETS } from './modules/quality'
include { ANNOTATE_CELLS ; CHECK_LABELS } from './modules/annotation'
include { MERGE_SAMPLES ; EMBED_COHORT } from './modules/cohort'
include { COMPARE_COMPOSITION } from './modules/composition'
include { COMPARE_EXPRESSION ; SCORE_GENE_SETS } from './modules/expression'
include { RUN_LIANA ; SCORE_CENTRALITY ; COMPARE_INTERACTIONS } from './modules/interactions'
include { COMPARE_COUPLING } from './modules/coupling'
include { WRITE_FINDINGS ; MAKE_REPORT ; NAME_FAILURES } from './modules/report'

// 1. Input: samplesheet, parameters, design, models, and a look into every file, before any compute.
workflow INPUT {
    take:
    samplesheet
    contrasts
    models

    main:
    def given = groovy.json.JsonOutput.toJson(params.collectEntries { name, value -> [name, value instanceof Number || value instanceof Boolean ? value : value?.toString()] })
    CHECK_DESIGN(samplesheet, contrasts, carried(file("${projectDir}/nextflow_schema.json")), given, tableOf(params.lr_resource), filesOf(params.interaction_groups, 'interaction_groups'))
    CHECK_DESIGN.out.problems.subscribe { problems -> if (problems.text.trim()) { error("ERROR: ${problems.text.trim()}") } }
    CHECK_DESIGN.out.plan.subscribe { plan -> log.info(plan.text) }
    ch_samples = CHECK_DESIGN.out.samples
        .combine(samplesheet)
        .flatMap { table, sheet -> table.splitCsv(header: true, sep: '\t').collect { row -> sampleOf(row, sheet.parent) } }
        .map { meta, inputs, problem -> problem ? error("ERROR: ${problem}") : [meta, inputs] }
    INSPECT_INPUT(ch_samples.flatMap { meta, inputs -> inputs.findAll { _column, path -> path }.collect { column, path -> [meta, column, path] } })
    hashes = INSPECT_INPUT.out.hashes.flatMap { meta, listed -> listed.readLines().collect { line -> [line.take(64), meta.sample, line.drop(66)] } }
    ch_sound = INSPECT_INPUT.out.problems.collect().map { paths -> problemsIn(paths) ? error("ERROR: ${problemsIn(paths)}") : true }

    CHECK_LABELS(CHECK_DESIGN.out.study, models, carried(file(params.lineage_map)), carried(file(params.markers)),
        filesOf(params.label_overrides, 'label_overrides'), filesOf(params.label_clusters, 'label_clusters'))
    ch_named = CHECK_LABELS.out.problems.map { path -> path.text.trim() ? error("ERROR: ${path.text.trim()}") : true }

    samples = ch_samples.combine(ch_sound).combine(ch_named).map { meta, inputs, _sound, _named -> [meta, inputs.raw, inputs.filtered, inputs.cellbender] }
    study = CHECK_DESIGN.out.study
    tables = CHECK_DESIGN.out.study.mix(CHECK_DESIGN.out.samples, CHECK_DESIGN.out.design)
    parameters = CHECK_DESIGN.out.parameters

    emit:
    samples
    study
    tables
    parameters
    hashes
}

// 2-3. Counts to cells without ambient RNA: one method for the cohort, CellBender falling back for all if it fails for one.
workflow CELLS {
    take:
    samples

    main:
    def gpu = workflow.profile.tokenize(',').contains('gpu')
    def mixed = isTrue(params.allow_mixed_ambient)
    // where a retry of CellBender finds what a killed task had reached; not on object storage
    def checkpoints = "${workflow.workDir}".startsWith('/') ? "${workflow.workDir}/cellbender_checkpoints" : ''
    READ_COUNTS(samples)
    CALL_CELLS(READ_COUNTS.out.droplets)
    CHOOSE_AMBIENT(READ_COUNTS.out.summary.collect(), params.ambient_method, gpu, mixed)
    CHOOSE_AMBIENT.out.problems.subscribe { problems -> if (problems.text.trim()) { error("ERROR: ${problems.text.trim()}") } }
    CHOOSE_AMBIENT.out.plan.subscribe { plan -> plan.text.startsWith('WARNING') ? log.warn(plan.text.trim() - 'WARNING: ') : log.info(plan.text.trim()) }
    ch_methods = CHOOSE_AMBIENT.out.methods.flatMap { table -> table.splitCsv(header: true, sep: '\t').collect { row -> [row.sample, row.method, row.reason] } }
    ch_called = READ_COUNTS.out.droplets.join(CALL_CELLS.out.calls)
        .map { meta, droplets, calls -> [meta.sample, meta, droplets, calls] }
        .join(ch_methods)
        .branch { _sample, _meta, _droplets, _calls, method, _reason ->
            cellbender: method == 'cellbender'
            finished: method == 'finished'
            cpu: true
        }
    RUN_CELLBENDER(ch_called.cellbender.map { _sample, meta, droplets, _calls, _method, _reason -> [meta, droplets] }, gpu, checkpoints)
    ch_cellbender = ch_called.cellbender.map { _sample, meta, droplets, calls, _method, _reason -> [meta, droplets, calls] }
        .join(RUN_CELLBENDER.out.output, remainder: true)
        .map { meta, droplets, calls, output -> [meta, droplets, calls, output ?: []] }
        .toList()
        .flatMap { rows -> rows.collect { row -> row + [rows.findAll { one -> !one[3] }.collect { one -> one[0].sample }.toSorted().join(', ')] } }
        .branch { _meta, _droplets, _calls, output, failures ->
            done: output && (mixed || !failures)
            failed: true
        }
    IMPORT_CELLBENDER(ch_cellbender.done.map { meta, droplets, _calls, output, _failures -> [meta, droplets, output] }
        .mix(ch_called.finished.map { _sample, meta, droplets, _calls, _method, _reason -> [meta, droplets, []] }))
    REMOVE_AMBIENT(ch_called.cpu.map { _sample, meta, droplets, calls, method, reason -> [meta, droplets, calls, method, reason] }
        .mix(ch_cellbender.failed.map { meta, droplets, calls, _output, failures -> [meta, droplets, calls, 'soupem', "CellBender failed for ${failures}, soupem was used instead"] }))

    cells = REMOVE_AMBIENT.out.cells.mix(IMPORT_CELLBENDER.out.cells)
    tables = READ_COUNTS.out.summary.mix(CALL_CELLS.out.summary, RUN_CELLBENDER.out.summary,
        REMOVE_AMBIENT.out.summary, IMPORT_CELLBENDER.out.summary)
    skipped = READ_COUNTS.out.skipped.mix(CALL_CELLS.out.skipped, RUN_CELLBENDER.out.skipped, REMOVE_AMBIENT.out.skipped, IMPORT_CELLBENDER.out.skipped)

    emit:
    cells
    tables
    skipped
}

// 4-6. Quality, doublets, annotation of each sample.
workflow SAMPLES {
    take:
    cells
    models

    main:
    FILTER_CELLS(cells)
    SCORE_DOUBLETS(FILTER_CELLS.out.filtered)
    ANNOTATE_CELLS(FILTER_CELLS.out.filtered, models, carried(file(params.lineage_map)), carried(file(params.markers)),
        filesOf(params.label_overrides, 'label_overrides'), filesOf(params.label_clusters, 'label_clusters'))

    annotated = FILTER_CELLS.out.filtered.join(SCORE_DOUBLETS.out.doublets).join(ANNOTATE_CELLS.out.labels)
    tables = FILTER_CELLS.out.tables.flatten().mix(SCORE_DOUBLETS.out.summary, ANNOTATE_CELLS.out.summary)
    skipped = FILTER_CELLS.out.skipped.mix(ANNOTATE_CELLS.out.skipped)

    emit:
    annotated
    tables
    skipped
}

// 7-11. The cohort: donors are the replicates.
workflow COHORT {
    take:
    study
    annotated

    main:
    def lr_table = tableOf(params.lr_resource)
    def migration_pairs = carried(file("${projectDir}/assets/interaction_groups.tsv"))
    ch_parts = annotated.toSortedList { a, b -> a[0].sample <=> b[0].sample }
    MERGE_SAMPLES(study, ch_parts.map { parts -> parts.collect { part -> part[1] } }, ch_parts.map { parts -> parts.collect { part -> part[2] } },
        ch_parts.map { parts -> parts.collect { part -> part[3] } }, isTrue(params.allow_mixed_ambient))
    EMBED_COHORT(MERGE_SAMPLES.out.merged)
    COMPARE_COMPOSITION(study, MERGE_SAMPLES.out.counts)
    COMPARE_EXPRESSION(study, MERGE_SAMPLES.out.pseudobulk, COMPARE_COMPOSITION.out.effects)
    SCORE_GENE_SETS(study, MERGE_SAMPLES.out.pseudobulk, [carried(file("${projectDir}/assets/migration_sets.gmt"))] + filesOf(params.gene_sets, 'gene_sets'))
    RUN_LIANA(annotated, params.lr_resource, lr_table)
    SCORE_CENTRALITY(annotated, params.lr_resource, lr_table, migration_pairs)
    COMPARE_INTERACTIONS(study, MERGE_SAMPLES.out.pseudobulk, RUN_LIANA.out.liana.toSortedList { a, b -> a.name <=> b.name },
        SCORE_CENTRALITY.out.centrality.toSortedList { a, b -> a.name <=> b.name },
        SCORE_CENTRALITY.out.network.toSortedList { a, b -> a.name <=> b.name }, params.lr_resource, lr_table, migration_pairs, filesOf(params.interaction_groups, 'interaction_groups'))
    COMPARE_COUPLING(
        study, COMPARE_COMPOSITION.out.effects, COMPARE_COMPOSITION.out.donors, COMPARE_EXPRESSION.out.effects, EMBED_COHORT.out.cohort)

    composition = COMPARE_COMPOSITION.out.effects.mix(COMPARE_COMPOSITION.out.donors, COMPARE_COMPOSITION.out.calls.flatten(),
        COMPARE_COMPOSITION.out.power, COMPARE_COMPOSITION.out.summary, MERGE_SAMPLES.out.counts)
    expression = COMPARE_EXPRESSION.out.effects.flatten().mix(COMPARE_EXPRESSION.out.tables.flatten(), COMPARE_EXPRESSION.out.summary, COMPARE_EXPRESSION.out.target.flatten())
    migration = SCORE_GENE_SETS.out.effects.mix(SCORE_GENE_SETS.out.scores)
    interactions = COMPARE_INTERACTIONS.out.effects.mix(COMPARE_INTERACTIONS.out.groups, COMPARE_INTERACTIONS.out.centrality,
        COMPARE_INTERACTIONS.out.centrality_effects, COMPARE_INTERACTIONS.out.tables.flatten(), COMPARE_INTERACTIONS.out.liana)
    coupling = COMPARE_COUPLING.out.coupling.mix(COMPARE_COUPLING.out.tables.flatten())
    cohort = MERGE_SAMPLES.out.cells.mix(MERGE_SAMPLES.out.pseudobulk, MERGE_SAMPLES.out.warnings, MERGE_SAMPLES.out.labels.flatten(), MERGE_SAMPLES.out.ambient, EMBED_COHORT.out.tables.flatten(), EMBED_COHORT.out.umap)
    tables = RUN_LIANA.out.summary
    skipped = MERGE_SAMPLES.out.skipped.mix(COMPARE_COMPOSITION.out.skipped, COMPARE_EXPRESSION.out.skipped, SCORE_GENE_SETS.out.skipped,
        RUN_LIANA.out.skipped, SCORE_CENTRALITY.out.skipped, COMPARE_INTERACTIONS.out.skipped, COMPARE_COUPLING.out.skipped)

    emit:
    composition
    expression
    migration
    interactions
    coupling
    cohort
    tables
    skipped
}

// 12. The report, made from tables alone.
workflow REPORT {
    take:
    study
    tables
    samples
    skipped
    parameters

    main:
    ch_skipped = skipped.collect(sort: { a, b -> a.text <=> b.text })
    // complete only when every task that may fail has ended
    COLLECT_SKIPPED(study, ch_skipped, ch_skipped.map { _pieces -> failedTasks() })
    ch_versions = channel.topic('versions')
        .flatMap { process, found -> found.tokenize(';').collect { one -> "${process.tokenize(':').last()}: ${one}" } }
        .unique()
        .collectFile(name: 'versions.yml', newLine: true, sort: true, storeDir: "${params.outdir}/pipeline_info")
    ch_results = tables.mix(COLLECT_SKIPPED.out.skipped.map { path -> ['skipped.tsv', path] })
    WRITE_FINDINGS(ch_results.toSortedList { a, b -> a[0] <=> b[0] }.filter { rows -> rows }.map { rows -> rows.transpose() })
    ch_page = ch_results.mix(samples.map { path -> ofSample(path) }, WRITE_FINDINGS.out.findings.map { path -> ['findings.tsv', path] },
        parameters.map { path -> ['pipeline_info/params.json', path] }, ch_versions.map { path -> ['pipeline_info/versions.yml', path] })
    MAKE_REPORT(ch_page.toSortedList { a, b -> a[0] <=> b[0] }.filter { rows -> rows }.map { rows -> rows.transpose() }, carried(file("${projectDir}/assets/report")), carried(file("${projectDir}/assets/dictionary.tsv")))
    // a run of which a step failed ends as failed, but not before what finished is on the page
    NAME_FAILURES(MAKE_REPORT.out.report.map { _report -> failedSteps() }.filter { steps -> steps })
    NAME_FAILURES.out.failures.subscribe { steps -> error("ERROR: The run is incomplete. ${steps.text.trim()} The report of what finished: ${params.outdir}/report.html") }

    findings = WRITE_FINDINGS.out.findings
    left_out = COLLECT_SKIPPED.out.skipped

    emit:
    findings
    left_out
}

workflow {
    main:
    if (isTrue(params.help)) {
        log.info(usage(file("${projectDir}/nextflow_schema.json")))
        return
    }
    log.info(banner())
    def outcome = [:]
    if (params.simulate) {
        SIMULATE_COHORT(params.simulate, carried(file("${projectDir}/assets/profiles.tsv.gz")), carried(file("${projectDir}/assets/migration_sets.gmt")))
        TRAIN_MODEL(SIMULATE_COHORT.out.reference)
        ch_sheet = SIMULATE_COHORT.out.samplesheet
        ch_models = params.celltypist_model ? channel.value(filesOf(params.celltypist_model, 'celltypist_model')) : TRAIN_MODEL.out.model.collect()
    }
    else {
        ch_sheet = channel.value(existing(file(params.input ?: error('--input is missing: give a samplesheet, or try -profile demo')), '--input'))
        ch_models = channel.value(filesOf(params.celltypist_model ?: error('--celltypist_model is missing: give a CellTypist model file (.pkl); docs/usage.md says where to get one'), 'celltypist_model'))
    }
    INPUT(ch_sheet, filesOf(params.contrasts, 'contrasts'), ch_models)
    def hashes = []
    INPUT.out.hashes.subscribe { row -> hashes.add(row) }
    if (!isTrue(params.validate_only)) {
        CELLS(INPUT.out.samples)
        SAMPLES(CELLS.out.cells, ch_models)
        COHORT(INPUT.out.study, SAMPLES.out.annotated)
        ch_tables = INPUT.out.tables.map { path -> [path.name, path] }.mix(
            COHORT.out.cohort.map { path -> ["cohort/${path.name}".toString(), path] },
            COHORT.out.composition.map { path -> ["composition/${path.name}".toString(), path] },
            COHORT.out.expression.map { path -> ["expression/${path.name}".toString(), path] },
            COHORT.out.migration.map { path -> ["migration/${path.name}".toString(), path] },
            COHORT.out.interactions.map { path -> ["interactions/${path.name}".toString(), path] },
            COHORT.out.coupling.map { path -> ["coupling/${path.name}".toString(), path] },
        )
        REPORT(INPUT.out.study, ch_tables, CELLS.out.tables.mix(SAMPLES.out.tables, COHORT.out.tables),
            CELLS.out.skipped.mix(SAMPLES.out.skipped, COHORT.out.skipped), INPUT.out.parameters)

        announced(INPUT.out.samples, '# samples: files of counts are sound')
        announced(CELLS.out.cells, '# samples: cells called, ambient RNA seen to')
        announced(SAMPLES.out.annotated, '# samples: filtered, doublets scored, labelled')
        announced(COHORT.out.composition, 'composition compared (# tables)')
        announced(COHORT.out.expression, 'expression compared (# tables)')
        announced(COHORT.out.migration, 'migration scores compared (# tables)')
        announced(COHORT.out.interactions, 'interactions compared (# tables)')
        announced(COHORT.out.coupling, 'coupling of the compartments (# tables)')
        REPORT.out.findings.subscribe { table -> outcome.findings = table.splitCsv(header: true, sep: '\t') }
        REPORT.out.left_out.subscribe { table -> outcome.skipped = table.splitCsv(header: true, sep: '\t') }
    }

    workflow.onComplete = {
        if (file(params.outdir).exists()) {
            writeCrate(hashes.toSorted { a, b -> a.join() <=> b.join() })
        }
        if (workflow.success && !isTrue(params.help)) {
            log.info(isTrue(params.validate_only) ? 'Samplesheet, parameters, design and input files are fine.' : ending(outcome))
        }
    }
}
