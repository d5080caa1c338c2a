include { code ; memoryFor ; timeFor } from './library'

// The samplesheet, the parameters and the questions, before any data are read.
process CHECK_DESIGN {
    label 'light'
    ext code: { code('check_design') }
    publishDir params.outdir, mode: params.publish_mode, saveAs: { name -> name in ['design.tsv', 'samples.tsv', 'study.json'] ? name : name == 'params.json' ? "pipeline_info/${name}" : null }

    input:
    path samplesheet, stageAs: 'sheet/*'
    path contrasts, stageAs: 'contrasts/*'
    path schema
    val parameters
    path resource_table, stageAs: 'resource/*'
    path groups, stageAs: 'groups/*'

    output:
    path 'problems.txt', emit: problems
    path 'study.json', emit: study, optional: true
    path 'samples.tsv', emit: samples, optional: true
    path 'design.tsv', emit: design, optional: true
    path 'plan.txt', emit: plan, optional: true
    path 'params.json', emit: parameters

    script:
    def options = (contrasts ? "--contrasts '${contrasts}' " : '') + (groups ? "--interaction_groups '${groups}' " : '') + "--lr_resource '${resource_table ?: params.lr_resource}'"
    """
    # code ${task.ext.code}
    cat > params.json <<'PARAMETERS'
    ${parameters}
    PARAMETERS
    sc-compartments check_design --samplesheet '${samplesheet}' ${options} --params params.json --schema '${schema}' --problems problems.txt
    """
}

// Does the file open and does it hold counts? Cheap; all inputs are looked at before anything is computed.
process INSPECT_INPUT {
    tag "${meta.sample} ${column}"
    label 'light'
    memory { memoryFor(task, [matrix]) }
    time { timeFor(task, [matrix]) }
    ext code: { code('inspect_input') }

    input:
    tuple val(meta), val(column), path(matrix, stageAs: 'input/*')

    output:
    path 'problems.txt', emit: problems
    tuple val(meta), path('input.sha256'), emit: hashes

    script:
    """
    # code ${task.ext.code}
    (cd input && find -L . -type f -printf '%P\\n' | LC_ALL=C sort | xargs -r -d '\\n' sha256sum) > input.sha256
    sc-compartments inspect_input --sample '${meta.sample}' --row ${meta.row} --column ${column} --path '${matrix}' ${params.genome ? "--genome '${params.genome}'" : ''}
    """

    stub:
    """
    touch problems.txt input.sha256
    """
}

// Reasons of all steps in one table.
process COLLECT_SKIPPED {
    label 'light'
    ext code: { code('collect_skipped') }
    publishDir params.outdir, mode: params.publish_mode

    input:
    path study
    path pieces, stageAs: 'pieces/?/*'
    val failed

    output:
    path 'skipped.tsv', emit: skipped

    script:
    """
    # code ${task.ext.code}
    cat > failed.tsv <<'FAILED'
    ${(['stage\tsample\tlineage\tcontrast\treason'] + failed).join('\n    ')}
    FAILED
    sc-compartments collect_skipped --study '${study}' pieces/*/*.tsv failed.tsv
    """
}
