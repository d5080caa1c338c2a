#!/usr/bin/env nextflow
// sc-compartments: counts of several compartments per donor to a report on what a condition does in each, and between.

include { SIMULATE } from './workflows/simulate'
include { INPUT } from './workflows/input'
include { CELLS } from './workflows/cells'
include { LABELS } from './workflows/labels'
include { COHORT } from './workflows/cohort'
include { COMPARE } from './workflows/compare'
include { REPORT } from './workflows/report'
include { banner ; ending ; usage } from './lib/console'
include { forgetFailures } from './lib/failures'
include { existing ; filesOf } from './lib/files'
include { isTrue } from './lib/options'
include { problemsOfParameters } from './lib/parameters'
include { writeCrate } from './lib/provenance'

workflow {
    main:
    if (isTrue(params.help)) {
        log.info(usage())
        return
    }
    def problems = problemsOfParameters()
    if (problems) {
        error("ERROR: ${problems.join('; ')}")
    }
    log.info(banner())
    def outcome = [hashes: [], findings: [], skipped: []]

    // What to analyse: the user's samplesheet, or a cohort with known truth.
    if (params.simulate) {
        SIMULATE(params.simulate)
        ch_sheet = SIMULATE.out.samplesheet
        ch_models = params.celltypist_model
            ? channel.value(filesOf(params.celltypist_model, 'celltypist_model'))
            : SIMULATE.out.models
    }
    else {
        def sheet = params.input ?: error('--input is missing: give a samplesheet, or try -profile demo')
        def hint = 'give a CellTypist model file (.pkl); docs/use/usage.md says where to get one'
        def models = params.celltypist_model ?: error("--celltypist_model is missing: ${hint}")
        ch_sheet = channel.value(existing(file(sheet), '--input'))
        ch_models = channel.value(filesOf(models, 'celltypist_model'))
    }

    // Samplesheet, parameters, design, a look into every file: before any compute.
    INPUT(ch_sheet, ch_models)
    INPUT.out.hashes.subscribe { row -> outcome.hashes.add(row) }

    if (!isTrue(params.validate_only)) {
        // Counts to sound cells without ambient RNA.
        CELLS(INPUT.out.samples)
        // Lineages of each sample's cells.
        LABELS(CELLS.out.filtered, CELLS.out.doublets, ch_models)
        // All samples in one object, and the sums that statistics need.
        COHORT(INPUT.out.study, LABELS.out.cells)
        // What differs, within compartments and between them: donors are the replicates.
        COMPARE(
            INPUT.out.study,
            LABELS.out.cells,
            COHORT.out.pseudobulk,
            COHORT.out.counts,
            COHORT.out.depth,
            COHORT.out.genes,
            COHORT.out.embedded,
        )

        // What was left out, five answers, one page. Files are named as in the results folder by the tasks themselves.
        ch_samples = CELLS.out.results.mix(LABELS.out.results)
        REPORT(INPUT.out.study, INPUT.out.results.mix(ch_samples, COHORT.out.results, COMPARE.out.results))
        REPORT.out.findings.subscribe { table -> outcome.findings = table.splitCsv(header: true, sep: '\t') }
        REPORT.out.left_out.subscribe { table -> outcome.skipped = table.splitCsv(header: true, sep: '\t') }
    }

    workflow.onComplete = {
        writeCrate(outcome.hashes)
        forgetFailures()
        if (workflow.success) {
            def fine = 'Samplesheet, parameters, design and input files are fine.'
            log.info(isTrue(params.validate_only) ? fine : ending(outcome))
        }
    }
}
