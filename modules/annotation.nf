include { code ; sampleFailed ; memoryFor ; timeFor } from './library'

// CellTypist labels, summed within lineages and checked against markers.
process ANNOTATE_CELLS {
    tag "${meta.sample}"
    label 'sample'
    memory { memoryFor(task, [filtered]) }
    time { timeFor(task, [filtered]) }
    ext code: { code('annotate_cells.py') }
    errorStrategy { sampleFailed(task, meta) }
    publishDir "${params.outdir}/samples/${meta.sample}", mode: params.publish_mode, pattern: "${meta.sample}.*"

    input:
    tuple val(meta), path(filtered)
    path models, stageAs: 'models/*'
    path lineage_map
    path markers
    path overrides, stageAs: 'overrides/*'

    output:
    tuple val(meta), path("${meta.sample}.labels.tsv.gz"), emit: labels, optional: true
    path "${meta.sample}.labels.json", emit: summary, optional: true
    path 'skipped.tsv', emit: skipped
    tuple val(task.process), eval('versions.py celltypist scikit-learn'), topic: versions

    script:
    def model_options = models instanceof List ? models.collect { model -> "--model '${model}'" }.join(' ') : "--model '${models}'"
    """
    # code ${task.ext.code}
    annotate_cells.py --cells '${filtered}' ${model_options} --lineage_map '${lineage_map}' --markers '${markers}' \\
        --compartment '${meta.compartment}' --min_overlap ${params.min_overlap} ${overrides ? "--label_overrides '${overrides}'" : ''}
    """

    stub:
    """
    write_stub.py --sample '${meta.sample}' ${meta.sample}.labels.tsv.gz ${meta.sample}.labels.json skipped.tsv
    """
}
