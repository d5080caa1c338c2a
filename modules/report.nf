include { code } from './library'

// The five questions, answered in sentences.
process WRITE_FINDINGS {
    label 'light'
    publishDir params.outdir, mode: params.publish_mode

    input:
    path study
    path results, stageAs: 'staged/?/*'

    output:
    path 'findings.tsv', emit: findings

    script:
    """
    # code ${code('write_findings.py')}
    """

    stub:
    """
    write_stub.py findings.tsv
    """
}

// One page that opens offline.
process MAKE_REPORT {
    label 'cohort'
    publishDir params.outdir, mode: params.publish_mode

    input:
    path results, stageAs: 'staged/?/*'
    path template, stageAs: 'template'

    output:
    path 'report.html', emit: report
    path 'multiqc', emit: multiqc, optional: true
    tuple val(task.process), eval('versions.py plotly jinja2'), topic: versions

    script:
    """
    # code ${code('make_report.py')}
    """

    stub:
    """
    write_stub.py report.html
    """
}
