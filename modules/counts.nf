include { code ; sampleFailed ; memoryFor ; timeFor } from './library'

// Files of one sample to one droplet matrix: all barcodes or the cells, gene expression only.
process READ_COUNTS {
    tag "${meta.sample}"
    label 'sample'
    memory { memoryFor(task, [raw, filtered, cellbender]) }
    time { timeFor(task, [raw, filtered, cellbender]) }
    ext code: { code('read_counts') }
    errorStrategy { sampleFailed(task, meta) }
    publishDir "${params.outdir}/samples/${meta.sample}", mode: params.publish_mode, pattern: '*.json'

    input:
    tuple val(meta), path(raw, stageAs: 'raw/*'), path(filtered, stageAs: 'filtered/*'), path(cellbender, stageAs: 'cellbender/*')

    output:
    tuple val(meta), path("${meta.sample}.droplets.h5ad"), emit: droplets, optional: true
    path "${meta.sample}.read.json", emit: summary, optional: true
    path 'skipped.tsv', emit: skipped
    tuple val(task.process), eval('sc-compartments versions anndata h5py scipy'), topic: versions

    script:
    def inputs = [raw: raw, filtered: filtered, cellbender: cellbender].findAll { _name, file -> file }
    def options = inputs.collect { name, file -> "--${name} '${file}'" }.join(' ')
    """
    # code ${task.ext.code}
    sc-compartments read_counts --sample '${meta.sample}' ${options} ${params.genome ? "--genome '${params.genome}'" : ''}
    """

    stub:
    """
    sc-compartments write_stub --sample '${meta.sample}' ${meta.sample}.droplets.h5ad ${meta.sample}.read.json skipped.tsv
    """
}

// Which barcodes are cells.
process CALL_CELLS {
    tag "${meta.sample}"
    label 'sample'
    memory { memoryFor(task, [droplets]) }
    time { timeFor(task, [droplets]) }
    ext code: { code('call_cells') }
    errorStrategy { sampleFailed(task, meta) }
    publishDir "${params.outdir}/samples/${meta.sample}", mode: params.publish_mode, pattern: "${meta.sample}.*"

    input:
    tuple val(meta), path(droplets)

    output:
    tuple val(meta), path("${meta.sample}.calls.tsv.gz"), emit: calls, optional: true
    path "${meta.sample}.calls.json", emit: summary, optional: true
    path 'skipped.tsv', emit: skipped
    tuple val(task.process), eval('sc-compartments versions numpy scipy'), topic: versions

    script:
    def expected = meta.expected_cells ? "--expected_cells ${meta.expected_cells}" : ''
    """
    # code ${task.ext.code}
    sc-compartments call_cells --droplets '${droplets}' ${expected} --seed ${params.seed}
    """

    stub:
    """
    sc-compartments write_stub --sample '${meta.sample}' ${meta.sample}.calls.tsv.gz ${meta.sample}.calls.json skipped.tsv
    """
}
