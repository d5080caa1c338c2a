#!/usr/bin/env nextflow
// sc-compartments: counts of several compartments per donor to a report on what a condition does in each, and between.

include { SIMULATE } from './workflows/simulate'
include { INPUT ; SHEET } from './workflows/input'
include { CELLS } from './workflows/cells'
include { LABELS ; MODELS } from './workflows/labels'
include { COHORT } from './workflows/cohort'
include { COMPARE } from './workflows/compare'
include { REPORT } from './workflows/report'
include { banner ; ending ; fine ; usage } from './lib/console'
include { forgetFailures } from './lib/failures'
include { placed } from './lib/files'
include { changedModels ; namedBy } from './lib/models'
include { isTrue ; valueOf } from './lib/options'
include { problemsOfParameters } from './lib/parameters'
include { begin ; finishRecord } from './lib/provenance'
include { otherStudy ; withoutOthers } from './lib/results'
include { everyWarning } from './lib/warnings'

workflow {
    main:
    def outcome = [hashes: [], findings: [], skipped: [], warnings: [], places: [].asSynchronized(), checked: []]
    Runtime.runtime.addShutdownHook(new Thread({ finishRecord(outcome) }))
    if (isTrue(params.help)) {
        log.info(usage())
        return
    }
    def problems = problemsOfParameters() ?: [otherStudy([])].findAll { one -> one }
    problems ? error("ERROR: ${problems.join('; ')}") : log.info(banner())

    // What to analyse: the user's samplesheet, or a cohort with known truth.
    def (models, reference) = namedBy()
    ch_reference = channel.fromList(reference)
    if (params.simulate) {
        SIMULATE(params.simulate)
        ch_sheet = SIMULATE.out.samplesheet
        ch_genome = SIMULATE.out.genome
        ch_reference = models || reference ? ch_reference : SIMULATE.out.reference
    }
    else {
        SHEET(params.input, params.study_file)
        def hint = 'give a CellTypist model by name (Immune_All_Low) or its file (.pkl), or --label_reference'
        models || reference ?: error("ERROR: --celltypist_model is missing: ${hint}; see docs/use/usage.md")
        ch_sheet = SHEET.out.samplesheet
        ch_genome = channel.value([params.fasta ?: '', params.gtf ?: ''])
    }
    MODELS(channel.value(models), ch_reference, reference ? valueOf('label_reference_column') : 'lineage')

    // Samplesheet, parameters, design, a look into every file: before any compute.
    INPUT(ch_sheet, ch_genome, MODELS.out.models)
    // From here on the results folder is this run's, unless it is another study's.
    ch_ours = INPUT.out.checked.map { hashes, tables ->
        def other = otherStudy(hashes) ?: changedModels(tables)
        outcome.putAll(other ? error("ERROR: ${other}") : begin(hashes, tables))
        true
    }
    ch_samples = INPUT.out.samples.combine(ch_ours).map { row -> row.take(4) }

    if (!isTrue(params.validate_only)) {
        // Counts to sound cells without ambient RNA.
        CELLS(ch_samples, INPUT.out.rows)
        // Lineages of each sample's cells.
        LABELS(CELLS.out.filtered, CELLS.out.doublets, INPUT.out.rows, MODELS.out.models)
        // All samples in one object, and the sums that statistics need.
        COHORT(INPUT.out.study, LABELS.out.cells, LABELS.out.results)
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
        )

        // What was left out, five answers, one page. Files are named as in the results folder by the tasks themselves.
        ch_results = CELLS.out.results.mix(LABELS.out.results, COHORT.out.results, COMPARE.out.results)
        REPORT(INPUT.out.listed, INPUT.out.results.mix(INPUT.out.counted, ch_results))
        ch_published = channel.topic('published').mix(REPORT.out.pages).flatten()
        ch_published.subscribe { path -> outcome.places.add(placed(path)[0]) }
        def told = [findings: REPORT.out.findings, warnings: COHORT.out.warnings, skipped: REPORT.out.left_out]
        told.each { name, ch -> ch.subscribe { table -> outcome[name] = table.splitCsv(header: true, sep: '\t') } }
    }

    workflow.onComplete = {
        forgetFailures()
        if (workflow.success) {
            withoutOthers(outcome).each { line -> log.warn(line) }
            log.info(isTrue(params.validate_only) ? fine() : ending(outcome, everyWarning(outcome.warnings)))
        }
    }
}
