include { carried ; settled } from '../lib/code'
include { failedSteps ; failedTasks } from '../lib/failures'
include { filesOf ; pathOf ; placed } from '../lib/files'
include { isTrue ; leavesOut ; parametersOf ; withoutSteps } from '../lib/options'
include { versionsOf } from '../lib/versions'
include { COLLECT_SKIPPED ; MAKE_REPORT ; NAME_FAILURES ; PRINT_REPORT ; WRITE_FINDINGS } from '../modules/report'

// What was left out, five answers, one page, made from tables alone.
workflow REPORT {
    take:
    study // study.json
    results // files as their tasks named them
    settings // name -> value, of the parameters

    main:
    // by what they say, each once: most are the same header
    ch_skipped = channel.topic('skipped')
        .map { path -> settled(path) }
        .unique()
        .collect(sort: { a, b -> "${a}" <=> "${b}" })
    // complete only when every task that may fail has ended
    ch_reasons = ch_skipped.map { _pieces -> notAsked(settings) + failedTasks() }
    COLLECT_SKIPPED(study, ch_skipped, ch_reasons, parametersOf(settings, 'collect_skipped'))
    def info = pathOf("${settings.outdir}/pipeline_info")
    // not of a run that ends with its checks
    ch_versions = channel.topic('versions')
        .toList()
        .map { rows -> [rows] }
        .combine(COLLECT_SKIPPED.out.results)
        .map { rows, _skipped -> versionsOf(rows) }
        .collectFile(name: 'versions.yml', storeDir: info)

    // what a page can show of a sample waits for the page
    ch_placed = results.flatten().map { path -> placed(path) }.branch { place, _path ->
        page: place.startsWith('samples/') || place.startsWith('pipeline_info/')
        tables: true
    }
    ch_tables = ch_placed.tables.mix(COLLECT_SKIPPED.out.results.map { path -> placed(path) })
    WRITE_FINDINGS(inOrder(ch_tables), parametersOf(settings, 'write_findings'))
    ch_page = ch_tables.mix(
        ch_placed.page,
        WRITE_FINDINGS.out.results.map { path -> placed(path) },
        ch_versions.map { path -> ['pipeline_info/versions.yml', path] },
    )
    def shown = [
        carried(projectDir.resolve('assets/report')),
        carried(projectDir.resolve('assets/dictionary.tsv')),
        carried(projectDir.resolve('nextflow_schema.json')),
        filesOf(settings, 'palette'),
        filesOf(settings, 'logo'),
    ]
    ch_laid = inOrder(ch_page)
    MAKE_REPORT(ch_laid, shown, parametersOf(settings, 'make_report'))
    ch_printed = ch_laid.filter { _places, _files -> isTrue(settings.paper) }
    PRINT_REPORT(ch_printed, shown, parametersOf(settings, 'print_report'))

    // a run of which a step failed ends as failed, but not before what finished is on the page
    ch_shown = MAKE_REPORT.out.report.mix(PRINT_REPORT.out.paper).collect()
    NAME_FAILURES(ch_shown.map { _pages -> failedSteps() }.filter { steps -> steps })
    NAME_FAILURES.out.failures.subscribe { steps ->
        def page = "The report of what finished: ${settings.outdir}/report.html"
        error("ERROR: The run is incomplete. ${steps.text.trim()} ${page}")
    }

    findings = WRITE_FINDINGS.out.results
    left_out = COLLECT_SKIPPED.out.results
    made = MAKE_REPORT.out.report.mix(MAKE_REPORT.out.summary, PRINT_REPORT.out.paper, MAKE_REPORT.out.multiqc)
    pages = made.mix(findings, left_out)

    emit:
    findings
    left_out
    pages // files of the results folder made here
}

// All of a channel as one [places, files], the same whatever was ready first.
def inOrder(channel) {
    channel.toSortedList { a, b -> a[0] <=> b[0] }.filter { rows -> rows }.map { rows -> rows.transpose() }
}

// Rows of skipped.tsv for what the user asked to leave out, and for what depends on it.
def notAsked(settings) {
    def then = [
        SCORE_DOUBLETS: ': no cell is scored, and none left out as a doublet',
        COMPARE_COUPLING: ': so no concordance of the changes of genes',
    ]
    def steps = withoutSteps(settings) + (leavesOut(settings, 'expression') ? [COMPARE_COUPLING: 'expression'] : [:])
    steps.collect { step, part ->
        "${step.toLowerCase()}\t\t\t\tleft out by --skip ${part}${then[step] ?: ''}".toString()
    }
}
