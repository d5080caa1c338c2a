include { code ; sampleFailed ; memoryFor ; timeFor } from './library'

// Options by which the share of blood in a sample is judged.
def aboutSample(meta) {
    def counted = ['rbc_per_ul', 'cells_per_ul'].findAll { name -> meta[name] }.collect { name -> "--${name} ${meta[name]}" }
    (["--compartment '${meta.compartment}'"] + counted).join(' ')
}

// One method for all samples: the asked-for one, or for 'auto' the best that every sample can have.
process CHOOSE_AMBIENT {
    label 'light'
    ext code: { code('choose_ambient') }

    input:
    path summaries, stageAs: 'summaries/*'
    val requested
    val gpu
    val allow_mixed

    output:
    path 'problems.txt', emit: problems
    path 'methods.tsv', emit: methods, optional: true
    path 'plan.txt', emit: plan, optional: true

    script:
    """
    # code ${task.ext.code}
    sc-compartments choose_ambient --requested '${requested}' ${gpu ? '--gpu' : ''} ${allow_mixed ? '--allow_mixed' : ''} --problems problems.txt ${summaries}
    """

    stub:
    """
    sc-compartments choose_ambient --requested '${requested}' ${gpu ? '--gpu' : ''} --allow_mixed --problems problems.txt ${summaries}
    """
}

// Ambient RNA out of the counts on a CPU, or counts as they are.
process REMOVE_AMBIENT {
    tag "${meta.sample} ${method}"
    label 'sample'
    memory { memoryFor(task, [droplets]) }
    time { timeFor(task, [droplets]) }
    ext code: { code('remove_ambient') }
    errorStrategy { sampleFailed(task, meta) }
    publishDir "${params.outdir}/samples/${meta.sample}", mode: params.publish_mode, pattern: "*.{json,tsv.gz}"

    input:
    tuple val(meta), path(droplets), path(calls), val(method), val(reason)

    output:
    tuple val(meta), path("${meta.sample}.cells.h5ad"), emit: cells, optional: true
    path "${meta.sample}.ambient.json", emit: summary, optional: true
    path "${meta.sample}.soup.tsv.gz", emit: soup, optional: true
    path 'skipped.tsv', emit: skipped
    tuple val(task.process), eval('sc-compartments versions numpy scipy scikit-learn igraph'), topic: versions

    script:
    """
    # code ${task.ext.code}
    sc-compartments remove_ambient --droplets '${droplets}' --calls '${calls}' --method ${method} --strength ${params.ambient_strength} ${reason ? "--reason '${reason}'" : ''} ${aboutSample(meta)} --seed ${params.seed}
    """

    stub:
    """
    sc-compartments write_stub --sample '${meta.sample}' ${meta.sample}.cells.h5ad ${meta.sample}.ambient.json ${meta.sample}.soup.tsv.gz skipped.tsv
    """
}

// CellBender itself, with retries at other settings; never fails the run: says in its summary whether it succeeded.
process RUN_CELLBENDER {
    tag "${meta.sample}"
    label 'sample'
    label 'cellbender'
    ext code: { code('run_cellbender') }
    errorStrategy { sampleFailed(task, meta) }
    publishDir "${params.outdir}/samples/${meta.sample}", mode: params.publish_mode, pattern: "*.{json,h5}"

    input:
    tuple val(meta), path(droplets)
    val gpu
    val checkpoints

    output:
    tuple val(meta), path("${meta.sample}.cellbender.h5"), emit: output, optional: true
    path "${meta.sample}.cellbender_fpr_*.h5", emit: further, optional: true
    path "${meta.sample}.cellbender.json", emit: summary
    path 'skipped.tsv', emit: skipped
    tuple val(task.process), eval('sc-compartments versions cellbender torch'), topic: versions

    script:
    def expected = meta.expected_cells ? "--expected_cells ${meta.expected_cells}" : ''
    // the last attempt ends by itself, with its reason, before it is ended from outside
    def hours = task.attempt > 2 && task.time ? "--max_hours ${task.time.toMinutes() * 0.95 / 60}" : ''
    """
    # code ${task.ext.code}
    sc-compartments run_cellbender --droplets '${droplets}' ${expected} --epochs ${params.cellbender_epochs} --fpr '${params.cellbender_fpr}' \\
        --cpus ${task.cpus} ${gpu ? '--cuda' : ''} ${checkpoints ? "--checkpoints '${checkpoints}'" : ''} ${hours}
    """

    stub:
    """
    sc-compartments write_stub --sample '${meta.sample}' ${meta.sample}.cellbender.json ${meta.sample}.cellbender.h5 skipped.tsv
    """
}

// CellBender's output to the same cells as REMOVE_AMBIENT gives.
process IMPORT_CELLBENDER {
    tag "${meta.sample}"
    label 'sample'
    memory { memoryFor(task, [droplets, cellbender]) }
    time { timeFor(task, [droplets, cellbender]) }
    ext code: { code('import_cellbender') }
    errorStrategy { sampleFailed(task, meta) }
    publishDir "${params.outdir}/samples/${meta.sample}", mode: params.publish_mode, pattern: "*.{json,tsv.gz}"

    input:
    tuple val(meta), path(droplets), path(cellbender)

    output:
    tuple val(meta), path("${meta.sample}.cells.h5ad"), emit: cells, optional: true
    path "${meta.sample}.ambient.json", emit: summary, optional: true
    path "${meta.sample}.soup.tsv.gz", emit: soup, optional: true
    path 'skipped.tsv', emit: skipped
    tuple val(task.process), eval('sc-compartments versions anndata h5py'), topic: versions

    script:
    """
    # code ${task.ext.code}
    sc-compartments import_cellbender --droplets '${droplets}' ${cellbender ? "--cellbender '${cellbender}'" : ''} ${aboutSample(meta)}
    """

    stub:
    """
    sc-compartments write_stub --sample '${meta.sample}' ${meta.sample}.cells.h5ad ${meta.sample}.ambient.json ${meta.sample}.soup.tsv.gz skipped.tsv
    """
}
