#!/usr/bin/env nextflow
// sc-compartments: counts of several compartments per donor to a report on what a condition does in each, and between.

include { SIMULATE } from './workflows/simulate'
include { INPUT ; SHEET } from './workflows/input'
include { CELLS } from './workflows/cells'
include { LABELS ; MODELS } from './workflows/labels'
include { COHORT } from './workflows/cohort'
include { COMPARE } from './workflows/compare'
include { REPORT } from './workflows/report'
include { AGAIN } from './workflows/again'
include { banner ; ending ; usage } from './lib/console'
include { forgetFailures } from './lib/failures'
include { placed } from './lib/files'
include { changedModels ; namedBy } from './lib/models'
include { isTrue ; settingsOf } from './lib/options'
include { problemsOfParameters } from './lib/parameters'
include { begin ; finishRecord } from './lib/provenance'
include { madeAgain ; otherStudy ; withoutOthers } from './lib/results'
include { everyWarning } from './lib/warnings'

workflow {
    main:
    def outcome = [hashes: [], findings: [], skipped: [], warnings: [], places: [].asSynchronized(), checked: []]
    // parameters are read here, and go from here to what uses them
    def settings = settingsOf(params)
    Runtime.runtime.addShutdownHook(new Thread({ finishRecord(settings, outcome) }))
    if (isTrue(settings.help)) {
        log.info(usage())
        return
    }
    def problems = problemsOfParameters(settings) ?: [otherStudy(settings, [])].findAll { one -> one }
    problems ? error("ERROR: ${problems.join('; ')}") : log.info(banner(settings))

    workflow.onComplete = {
        forgetFailures()
        if (workflow.success) {
            withoutOthers(settings, outcome).each { line -> log.warn(line) }
            log.info(ending(settings, outcome, everyWarning(outcome.warnings)))
        }
    }

    // Published results: only what a change touches is compared anew.
    if (settings.from) {
        AGAIN(settings)
        AGAIN.out.made.subscribe { paths, lines -> outcome.putAll(madeAgain(settings, paths, lines)) }
        return
    }

    // What to analyse, and what names its cells: the user's, or a cohort with known truth.
    GIVEN(settings, namedBy(settings))

    // Samplesheet, parameters, design, a look into every file: before any compute.
    INPUT(GIVEN.out.samplesheet, GIVEN.out.genome, GIVEN.out.models, settings)
    // From here on the results folder is this run's, unless it is another study's.
    ch_ours = INPUT.out.checked.map { hashes, tables ->
        def other = otherStudy(settings, hashes) ?: changedModels(settings, tables)
        outcome.putAll(other ? error("ERROR: ${other}") : begin(settings, hashes, tables))
        true
    }
    ch_samples = INPUT.out.samples.combine(ch_ours).map { row -> row.take(4) }

    if (!isTrue(settings.validate_only)) {
        // Counts to sound cells without ambient RNA.
        CELLS(ch_samples, INPUT.out.rows, settings)
        // Lineages of each sample's cells.
        LABELS(
            CELLS.out.filtered,
            CELLS.out.doublets,
            INPUT.out.rows,
            GIVEN.out.models,
            INPUT.out.by_hand,
            INPUT.out.meanings.first(),
            settings,
        )
        // All samples in one object, and the sums that statistics need.
        COHORT(INPUT.out.study, LABELS.out.cells, LABELS.out.results, settings)
        // What differs, within compartments and between them: donors are the replicates.
        COMPARE(
            INPUT.out.compared,
            LABELS.out.cells,
            COHORT.out.pseudobulk,
            COHORT.out.counts,
            COHORT.out.depth,
            COHORT.out.genes,
            COHORT.out.ambient_genes,
            COHORT.out.embedded,
            settings,
        )

        // What was left out, five answers, one page. Files are named as in the results folder by the tasks themselves.
        ch_results = CELLS.out.results.mix(LABELS.out.results, COHORT.out.results, COMPARE.out.results)
        REPORT(INPUT.out.listed, INPUT.out.results.mix(INPUT.out.counted, ch_results), settings)
        ch_published = channel.topic('published').mix(REPORT.out.pages).flatten()
        ch_published.subscribe { path -> outcome.places.add(placed(path)[0]) }
        def told = [findings: REPORT.out.findings, warnings: COHORT.out.warnings, skipped: REPORT.out.left_out]
        told.each { name, ch -> ch.subscribe { table -> outcome[name] = table.splitCsv(header: true, sep: '\t') } }
    }
}

// What to analyse, and what names its cells: the user's samplesheet, or a cohort with known truth.
workflow GIVEN {
    take:
    settings // name -> value, of the parameters
    named // [[[compartment or empty, CellTypist model, whether by name], ...], [labelled cells]], either may be empty

    main:
    def (given, reference) = named
    def hint = 'give a CellTypist model by name (Immune_All_Low) or its file (.pkl), or --label_reference'
    ch_reference = channel.fromList(reference)
    if (settings.simulate) {
        SIMULATE(settings.simulate, settings)
        samplesheet = SIMULATE.out.samplesheet
        genome = SIMULATE.out.genome
        ch_reference = given || reference ? ch_reference : SIMULATE.out.reference
    }
    else {
        SHEET(settings)
        given || reference ?: error("ERROR: --celltypist_model is missing: ${hint}; see docs/use/usage.md")
        samplesheet = SHEET.out.samplesheet
        genome = channel.value([settings.fasta ?: '', settings.gtf ?: ''])
    }
    def column = reference ? settings.label_reference_column ?: '' : 'lineage'
    MODELS(channel.value(given), ch_reference, column, settings)
    models = MODELS.out.models

    emit:
    samplesheet // file
    genome // [FASTA, GTF], or empty texts, of samples given as reads
    models // [[compartment or empty, CellTypist model, whether by name], ...]
}
