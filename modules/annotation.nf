include { code ; sampleFailed ; memoryFor ; timeFor } from './library'

// What the labels rest on, as options of the two steps that read it.
def labelOptions(models, lineage_map, markers, overrides, clusters) {
    def named = [models].flatten().collect { model -> "--model '${model}'" } + ["--lineage_map '${lineage_map}'", "--markers '${markers}'"]
    def optional = [label_overrides: overrides, label_clusters: clusters].findAll { _name, path -> path }.collect { name, path -> "--${name} '${path}'" }
    (named + optional).join(' ')
}

// Models, tables and names that the labels rest on, looked at before any cell is.
process CHECK_LABELS {
    label 'light'
    ext code: { code('check_labels') }

    input:
    path study
    path models, stageAs: 'models/*'
    path lineage_map
    path markers
    path overrides, stageAs: 'overrides/*'
    path clusters, stageAs: 'clusters/*'

    output:
    path 'problems.txt', emit: problems

    script:
    """
    # code ${task.ext.code}
    sc-compartments check_labels --study '${study}' ${labelOptions(models, lineage_map, markers, overrides, clusters)} \\
        --integration_key '${params.integration_key}' --problems problems.txt
    """

    stub:
    """
    touch problems.txt
    """
}

// CellTypist labels, summed within lineages and checked against markers.
process ANNOTATE_CELLS {
    tag "${meta.sample}"
    label 'sample'
    memory { memoryFor(task, [filtered]) }
    time { timeFor(task, [filtered]) }
    ext code: { code('annotate_cells') }
    errorStrategy { sampleFailed(task, meta) }
    publishDir "${params.outdir}/samples/${meta.sample}", mode: params.publish_mode, pattern: "${meta.sample}.*"

    input:
    tuple val(meta), path(filtered)
    path models, stageAs: 'models/*'
    path lineage_map
    path markers
    path overrides, stageAs: 'overrides/*'
    path clusters, stageAs: 'clusters/*'

    output:
    tuple val(meta), path("${meta.sample}.labels.tsv.gz"), emit: labels, optional: true
    path "${meta.sample}.labels.json", emit: summary, optional: true
    path 'skipped.tsv', emit: skipped
    tuple val(task.process), eval('sc-compartments versions celltypist scikit-learn'), topic: versions

    script:
    """
    # code ${task.ext.code}
    sc-compartments annotate_cells --cells '${filtered}' ${labelOptions(models, lineage_map, markers, overrides, clusters)} \\
        --compartment '${meta.compartment}' --min_overlap ${params.min_overlap}
    """

    stub:
    """
    sc-compartments write_stub --sample '${meta.sample}' ${meta.sample}.labels.tsv.gz ${meta.sample}.labels.json skipped.tsv
    """
}
