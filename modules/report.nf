include { code } from '../lib/code'
include { stepFailed } from '../lib/failures'
include { laidOut ; options } from '../lib/options'
include { memoryFor ; timeFor } from '../lib/resources'
include { startedAs } from '../lib/versions'

// Reasons of all steps in one table.
process COLLECT_SKIPPED {
    label 'light'
    ext(code: { code('collect_skipped') })

    input:
    path study
    path(pieces, stageAs: 'pieces/?/*')
    val failed
    val given

    output:
    path('skipped.tsv', emit: results)
    tuple(val(task.process), eval('sc-compartments versions pandas'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    cat > failed.tsv <<'FAILED'
    ${(['stage\tsample\tlineage\tcontrast\treason'] + failed).join('\n    ')}
    FAILED
    sc-compartments collect_skipped ${options(study: study)} ${given} pieces/*/*.tsv failed.tsv
    """
}

// The five questions, answered in sentences.
process WRITE_FINDINGS {
    label 'light'
    memory { memoryFor(task, [files]) }
    time { timeFor(task, [files]) }
    ext(code: { code('write_findings') })
    errorStrategy { stepFailed(task) }

    input:
    tuple val(places), path(files, stageAs: 'staged/?/*')
    val given

    output:
    path('findings.tsv', emit: results)
    tuple(val(task.process), eval('sc-compartments versions numpy scipy pandas'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    ${laidOut(places)}
    sc-compartments write_findings --results results ${given}
    """

    stub:
    """
    sc-compartments write_stub findings.tsv
    """
}

// One page that opens offline.
process MAKE_REPORT {
    label 'cohort'
    memory { memoryFor(task, [files]) }
    time { timeFor(task, [files]) }
    ext(code: { code('make_report') })

    input:
    tuple val(places), path(files, stageAs: 'staged/?/*')
    tuple path(template, stageAs: 'template'), path(dictionary), path(schema), path(palette, stageAs: '.palette/*'),
        path(logo, stageAs: '.logo/*')
    val given

    output:
    path('report*.html', emit: report)
    path('summary.json', emit: summary)
    path('multiqc/**', emit: multiqc, optional: true)

    script:
    """
    # code ${task.ext.code}
    ${laidOut(places)}
    sc-compartments make_report --results results ${given} \\
        ${options(template: template, dictionary: dictionary, schema: schema, palette: palette, logo: logo)} \\
        ${options(startedAs())} --out report.html --multiqc multiqc
    """

    stub:
    """
    sc-compartments write_stub report.html summary.json
    """
}

// The page on paper, and its figures as files.
process PRINT_REPORT {
    label 'cohort'
    memory { memoryFor(task, [files]) }
    time { timeFor(task, [files]) }
    ext(code: { code('print_report') })

    input:
    tuple val(places), path(files, stageAs: 'staged/?/*')
    tuple path(template, stageAs: 'template'), path(dictionary), path(schema), path(palette, stageAs: '.palette/*'),
        path(logo, stageAs: '.logo/*')
    val given

    output:
    path('{report.pdf,figures/*}', emit: paper, optional: true)

    script:
    """
    # code ${task.ext.code}
    ${laidOut(places)}
    sc-compartments print_report --results results ${given} \\
        ${options(template: template, dictionary: dictionary, schema: schema, palette: palette, logo: logo)} \\
        ${options(startedAs())} --pdf report.pdf --figures figures
    """

    stub:
    """
    sc-compartments write_stub report.pdf figures/stub.svg
    """
}

// What failed, said when the report has been written: a task of its own, because an error in the workflow stops what is
// being published.
process NAME_FAILURES {
    label 'light'

    input:
    val steps

    output:
    path('failures.txt', emit: failures)

    script:
    """
    cat > failures.txt <<'FAILURES'
    ${steps.join('; ')}.
    FAILURES
    """
}
