include { announced } from '../lib/console'
include { columnsOf ; filesOf } from '../lib/files'
include { isTrue ; parametersOf } from '../lib/options'
include { warned } from '../lib/warnings'
include { READ_COUNTS ; CALL_CELLS } from '../modules/cells'
include { CHOOSE_AMBIENT ; REMOVE_AMBIENT ; RUN_CELLBENDER ; IMPORT_CELLBENDER } from '../modules/cells'
include { FILTER_CELLS ; SCORE_DOUBLETS } from '../modules/cells'

// Counts to sound cells without ambient RNA, and which of them are doublets.
workflow CELLS {
    take:
    samples // [meta, raw, filtered, cellbender]
    rows // [meta, row of the samplesheet]
    settings // name -> value, of the parameters

    main:
    READ_COUNTS(samples, filesOf(settings, 'gtf'), parametersOf(settings, 'read_counts'))
    CALL_CELLS(READ_COUNTS.out.droplets.join(columnsOf(rows, ['expected_cells'])), parametersOf(settings, 'call_cells'))
    ch_called = READ_COUNTS.out.droplets.join(CALL_CELLS.out.calls)
    AMBIENT(ch_called, READ_COUNTS.out.results, rows, settings)
    announced(AMBIENT.out.cells, '# samples: cells called, ambient RNA seen to')
    // a limit of the samplesheet comes after the parameter and goes before it
    def limits = ['counts', 'genes', 'mt', 'top20'].collect { name -> "nmads_${name}".toString() }
    limits += ['min_counts', 'min_genes', 'max_counts', 'max_mt']
    FILTER_CELLS(AMBIENT.out.cells.join(columnsOf(rows, limits)), parametersOf(settings, 'filter_cells'))
    ch_loaded = FILTER_CELLS.out.filtered.join(columnsOf(rows, ['chemistry', 'loaded_cells']))
    SCORE_DOUBLETS(ch_loaded, parametersOf(settings, 'score_doublets'))

    filtered = FILTER_CELLS.out.filtered
    doublets = SCORE_DOUBLETS.out.doublets
    results = READ_COUNTS.out.results.mix(
        CALL_CELLS.out.results,
        AMBIENT.out.results,
        FILTER_CELLS.out.results,
        SCORE_DOUBLETS.out.results,
    )

    emit:
    filtered // [meta, h5ad]
    doublets // [meta, table]
    results
}

// One method for the cohort; where CellBender fails for one sample, soupem takes its place for all.
workflow AMBIENT {
    take:
    called // [meta, droplets, calls]
    summaries // what READ_COUNTS found in each sample
    rows // [meta, row of the samplesheet]
    settings // name -> value, of the parameters

    main:
    ch_blood = columnsOf(rows, ['compartment', 'rbc_per_ul', 'cells_per_ul'])
    // where a retry of CellBender finds what a killed task had reached; not on object storage
    def checkpoints = "${workflow.workDir}".startsWith('/') ? "${workflow.workDir}/cellbender_checkpoints" : ''

    ch_asked_for = rows
        .map { meta, row -> row.ambient_method ? "${meta.sample}=${row.ambient_method}".toString() : '' }
        .toSortedList()
        .map { asked -> asked.findAll { one -> one }.join(',') }
    ch_summaries = summaries.collect(sort: { a, b -> a.name <=> b.name })
    CHOOSE_AMBIENT(ch_summaries, ch_asked_for, parametersOf(settings, 'choose_ambient'))
    CHOOSE_AMBIENT.out.problems.subscribe { path -> if (path.text.trim()) { error("ERROR: ${path.text.trim()}") } }
    CHOOSE_AMBIENT.out.plan.subscribe { plan ->
        def said = plan.text.trim() - 'WARNING: '
        plan.text.startsWith('WARNING') ? warned('choose_ambient', '', said) : log.info(said)
    }
    ch_methods = CHOOSE_AMBIENT.out.methods.flatMap { table ->
        table.splitCsv(header: true, sep: '\t').collect { row -> [row.sample, row.method, row.reason] }
    }
    ch_called = called
        .map { meta, droplets, calls -> [meta.sample, meta, droplets, calls] }
        .join(ch_methods)
        .map { _sample, meta, droplets, calls, method, reason -> [meta, droplets, calls, method, reason] }
        .branch { _meta, _droplets, _calls, method, _reason ->
            cellbender: method == 'cellbender'
            finished: method == 'finished'
            cpu: true
        }

    ch_asked = ch_called.cellbender
        .map { meta, droplets, _calls, _method, _reason -> [meta, droplets] }
        .join(columnsOf(rows, ['expected_cells']))
    RUN_CELLBENDER(ch_asked, checkpoints, parametersOf(settings, 'run_cellbender'))
    ch_cellbender = ch_called.cellbender
        .map { meta, droplets, calls, _method, _reason -> [meta, droplets, calls] }
        .join(RUN_CELLBENDER.out.output, remainder: true)
        .map { meta, droplets, calls, output -> [meta, droplets, calls, output ?: []] }
        .toList()
        .flatMap { tried ->
            def failures = tried.findAll { one -> !one[3] }.collect { one -> one[0].sample }.toSorted().join(', ')
            tried.collect { one -> one + [failures] }
        }
        .branch { _meta, _droplets, _calls, output, failures ->
            done: output && (isTrue(settings.allow_mixed_ambient) || !failures)
            failed: true
        }

    ch_done = ch_cellbender.done.map { meta, droplets, _calls, output, _failures -> [meta, droplets, output] }
    ch_finished = ch_called.finished.map { meta, droplets, _calls, _method, _reason -> [meta, droplets, []] }
    ch_failed = ch_cellbender.failed.map { meta, droplets, calls, _output, failures ->
        [meta, droplets, calls, 'soupem', "CellBender failed for ${failures}, soupem was used instead".toString()]
    }
    IMPORT_CELLBENDER(ch_done.mix(ch_finished).join(ch_blood))
    REMOVE_AMBIENT(ch_called.cpu.mix(ch_failed).join(ch_blood), parametersOf(settings, 'remove_ambient'))

    cells = REMOVE_AMBIENT.out.cells.mix(IMPORT_CELLBENDER.out.cells)
    results = RUN_CELLBENDER.out.results.mix(REMOVE_AMBIENT.out.results, IMPORT_CELLBENDER.out.results)

    emit:
    cells // [meta, h5ad]
    results
}
