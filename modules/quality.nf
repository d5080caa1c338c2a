include { code ; sampleFailed ; memoryFor ; timeFor } from './library'

// Adaptive limits per sample; what each limit removed.
process FILTER_CELLS {
    tag "${meta.sample}"
    label 'sample'
    memory { memoryFor(task, [cells]) }
    time { timeFor(task, [cells]) }
    ext code: { code('filter_cells') }
    errorStrategy { sampleFailed(task, meta) }
    publishDir "${params.outdir}/samples/${meta.sample}", mode: params.publish_mode, pattern: "*.{json,tsv,tsv.gz}", saveAs: { name -> name == 'skipped.tsv' ? null : name }

    input:
    tuple val(meta), path(cells)

    output:
    tuple val(meta), path("${meta.sample}.filtered.h5ad"), emit: filtered, optional: true
    path "${meta.sample}.qc{.tsv,.json,_cells.tsv.gz}", emit: tables, optional: true
    path 'skipped.tsv', emit: skipped
    tuple val(task.process), eval('sc-compartments versions anndata numpy'), topic: versions

    script:
    """
    # code ${task.ext.code}
    sc-compartments filter_cells --cells '${cells}' --nmads_counts ${params.nmads_counts} --nmads_genes ${params.nmads_genes} --nmads_mt ${params.nmads_mt} \\
        --max_mt ${params.max_mt} --min_genes ${params.min_genes} --min_counts ${params.min_counts} \\
        --nmads_top20 ${params.nmads_top20} --max_counts ${params.max_counts > 0 ? params.max_counts : 'none'}
    """

    stub:
    """
    sc-compartments write_stub --sample '${meta.sample}' ${meta.sample}.filtered.h5ad ${meta.sample}.qc.tsv ${meta.sample}.qc.json ${meta.sample}.qc_cells.tsv.gz skipped.tsv
    """
}

// Scrublet; a call only with a threshold that makes sense.
process SCORE_DOUBLETS {
    tag "${meta.sample}"
    label 'sample'
    memory { memoryFor(task, [filtered]) }
    time { timeFor(task, [filtered]) }
    ext code: { code('score_doublets') }
    errorStrategy { sampleFailed(task, meta) }
    publishDir "${params.outdir}/samples/${meta.sample}", mode: params.publish_mode, pattern: "${meta.sample}.*"

    input:
    tuple val(meta), path(filtered)

    output:
    tuple val(meta), path("${meta.sample}.doublets.tsv.gz"), emit: doublets
    path "${meta.sample}.doublets.json", emit: summary
    tuple val(task.process), eval('sc-compartments versions scanpy scikit-image'), topic: versions

    script:
    // the apostrophe of "3' v3" would end the quotes
    def chemistry = meta.chemistry ? "--chemistry '${meta.chemistry.replace("'", '')}'" : ''
    def loaded = meta.loaded_cells ? "--loaded_cells ${meta.loaded_cells}" : ''
    """
    # code ${task.ext.code}
    sc-compartments score_doublets --filtered '${filtered}' ${chemistry} ${loaded} --callers '${params.doublet_callers}' --seed ${params.seed}
    """

    stub:
    """
    sc-compartments write_stub --sample '${meta.sample}' ${meta.sample}.doublets.tsv.gz ${meta.sample}.doublets.json
    """
}
