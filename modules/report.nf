include { code ; stepFailed ; memoryFor ; timeFor } from './library'
include { layOut } from './helpers'

// The five questions, answered in sentences.
process WRITE_FINDINGS {
    label 'light'
    ext code: { code('write_findings') }
    errorStrategy { stepFailed(task) }
    publishDir params.outdir, mode: params.publish_mode

    input:
    tuple val(targets), path(files, stageAs: 'staged/?/*')

    output:
    path 'findings.tsv', emit: findings

    script:
    """
    # code ${task.ext.code}
    ${layOut(targets)}
    sc-compartments write_findings --results results
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
    ext code: { code('make_report') }
    publishDir params.outdir, mode: params.publish_mode

    input:
    tuple val(targets), path(files, stageAs: 'staged/?/*')
    path template, stageAs: 'template'
    path dictionary

    output:
    path 'report.html', emit: report
    path 'multiqc', emit: multiqc, optional: true

    script:
    """
    # code ${task.ext.code}
    ${layOut(targets)}
    sc-compartments make_report --results results --template template --out report.html --multiqc multiqc
    """

    stub:
    """
    sc-compartments write_stub report.html
    """
}

// What failed, said when the report has been written: a task of its own, because an error in the workflow stops what is being published.
process NAME_FAILURES {
    label 'light'

    input:
    val steps

    output:
    path 'failures.txt', emit: failures

    script:
    """
    cat > failures.txt <<'FAILURES'
    ${steps.join('; ')}.
    FAILURES
    """
}
