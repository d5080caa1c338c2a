include { code } from '../lib/code'
include { sampleFailed } from '../lib/failures'
include { options } from '../lib/options'
include { memoryFor ; timeFor } from '../lib/resources'

// Files of one sample to one droplet matrix: all barcodes or the cells, gene expression only.
process READ_COUNTS {
    tag "${meta.sample}"
    label 'sample'
    label 'array'
    memory { memoryFor(task, [raw, filtered, cellbender]) }
    time { timeFor(task, [raw, filtered, cellbender]) }
    ext(code: { code('read_counts') })
    errorStrategy { sampleFailed(task, meta) }

    // hidden: what lies in other folders is public, and so would be the files of a folder that is given
    input:
    tuple(
        val(meta),
        path(raw, stageAs: '.raw/*'),
        path(filtered, stageAs: '.filtered/*'),
        path(cellbender, stageAs: '.cellbender/*'),
    )
    path(gtf, stageAs: '.gtf/*')
    val given

    output:
    tuple(val(meta), path("${meta.sample}.droplets.h5ad"), emit: droplets, optional: true)
    path('samples/*/*.read.json', emit: results, optional: true)
    path('skipped.tsv', topic: skipped)
    path('[!.]*/**', topic: published, optional: true)
    tuple(val(task.process), eval('sc-compartments versions anndata h5py scipy'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments read_counts ${options(sample: meta.sample)} ${given} \\
        ${options(raw: raw, filtered: filtered, cellbender: cellbender, gtf: gtf)}
    """

    stub:
    """
    sc-compartments write_stub --sample '${meta.sample}' ${meta.sample}.droplets.h5ad skipped.tsv \\
        samples/${meta.sample}/${meta.sample}.read.json
    """
}

// Which barcodes are cells.
process CALL_CELLS {
    tag "${meta.sample}"
    label 'sample'
    label 'array'
    memory { memoryFor(task, [droplets]) }
    time { timeFor(task, [droplets]) }
    ext(code: { code('call_cells') })
    errorStrategy { sampleFailed(task, meta) }

    input:
    tuple val(meta), path(droplets), val(row)
    val given

    output:
    tuple(val(meta), path("samples/*/${meta.sample}.calls.tsv.gz"), emit: calls, optional: true)
    path('samples/*/*.calls.json', emit: results, optional: true)
    path('skipped.tsv', topic: skipped)
    path('[!.]*/**', topic: published, optional: true)
    tuple(val(task.process), eval('sc-compartments versions numpy scipy'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments call_cells ${options(droplets: droplets, expected_cells: row.expected_cells)} ${given}
    """

    stub:
    """
    sc-compartments write_stub --sample '${meta.sample}' skipped.tsv \\
        samples/${meta.sample}/${meta.sample}.calls.tsv.gz samples/${meta.sample}/${meta.sample}.calls.json
    """
}

// One method for all samples: the asked-for one, or for 'auto' the best that every sample can have.
process CHOOSE_AMBIENT {
    label 'light'
    ext(code: { code('choose_ambient') })

    input:
    path(summaries, stageAs: 'summaries/*')
    val asked // of single samples: sample=method, by commas
    val given

    output:
    path('problems.txt', emit: problems)
    path('methods.tsv', emit: methods, optional: true)
    path('plan.txt', emit: plan, optional: true)

    script:
    """
    # code ${task.ext.code}
    sc-compartments choose_ambient ${options(gpu: task.ext.gpu, asked: asked, problems: 'problems.txt')} \\
        ${given} ${summaries}
    """

    stub:
    """
    sc-compartments choose_ambient ${options(gpu: task.ext.gpu, problems: 'problems.txt')} ${given} \\
        --allow_mixed_ambient ${summaries}
    """
}

// Ambient RNA out of the counts on a CPU, or counts as they are.
process REMOVE_AMBIENT {
    tag "${meta.sample} ${method}"
    label 'sample'
    label 'array'
    memory { memoryFor(task, [droplets]) }
    time { timeFor(task, [droplets]) }
    ext(code: { code('remove_ambient') })
    errorStrategy { sampleFailed(task, meta) }

    input:
    tuple val(meta), path(droplets), path(calls), val(method), val(reason), val(row)
    val given

    output:
    tuple(val(meta), path("${meta.sample}.cells.h5ad"), emit: cells, optional: true)
    path('samples/*/*.ambient.json', emit: results, optional: true)
    path('samples/*/*.soup.tsv.gz', emit: soup, optional: true)
    path('skipped.tsv', topic: skipped)
    path('[!.]*/**', topic: published, optional: true)
    tuple(val(task.process), eval('sc-compartments versions numpy scipy scikit-learn igraph'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments remove_ambient ${options(droplets: droplets, calls: calls, method: method, reason: reason)} \\
        ${options(row)} ${given}
    """

    stub:
    """
    sc-compartments write_stub --sample '${meta.sample}' ${meta.sample}.cells.h5ad skipped.tsv \\
        samples/${meta.sample}/${meta.sample}.ambient.json samples/${meta.sample}/${meta.sample}.soup.tsv.gz
    """
}

// CellBender itself, with retries at other settings; never fails the run: says in its summary whether it succeeded.
process RUN_CELLBENDER {
    tag "${meta.sample}"
    label 'sample'
    label 'cellbender'
    ext(code: { code('run_cellbender', 'cellbender') })
    errorStrategy { sampleFailed(task, meta) }

    input:
    tuple val(meta), path(droplets), val(row)
    val checkpoints
    val given

    output:
    tuple(val(meta), path("samples/*/${meta.sample}.cellbender.h5"), emit: output, optional: true)
    path('samples/*/*.cellbender_fpr_*.h5', emit: further, optional: true)
    path('samples/*/*.cellbender.json', emit: results)
    path('skipped.tsv', topic: skipped)
    path('[!.]*/**', topic: published, optional: true)
    tuple(val(task.process), eval('sc-compartments versions cellbender torch'), topic: versions)

    script:
    // the last attempt ends by itself, with its reason, before it is ended from outside
    def hours = task.attempt > 2 && task.time ? task.time.toMinutes() * 0.95 / 60 : null
    """
    # code ${task.ext.code}
    sc-compartments run_cellbender ${options(droplets: droplets, expected_cells: row.expected_cells)} \\
        ${options(cpus: task.cpus, cuda: task.accelerator != null, checkpoints: checkpoints)} \\
        ${options(max_hours: hours)} ${given}
    """

    stub:
    """
    sc-compartments write_stub --sample '${meta.sample}' skipped.tsv \\
        samples/${meta.sample}/${meta.sample}.cellbender.json samples/${meta.sample}/${meta.sample}.cellbender.h5
    """
}

// CellBender's output to the same cells as REMOVE_AMBIENT gives.
process IMPORT_CELLBENDER {
    tag "${meta.sample}"
    label 'sample'
    label 'array'
    memory { memoryFor(task, [droplets, cellbender]) }
    time { timeFor(task, [droplets, cellbender]) }
    ext(code: { code('import_cellbender') })
    errorStrategy { sampleFailed(task, meta) }

    input:
    tuple val(meta), path(droplets), path(cellbender), val(row)

    output:
    tuple(val(meta), path("${meta.sample}.cells.h5ad"), emit: cells, optional: true)
    path('samples/*/*.ambient.json', emit: results, optional: true)
    path('samples/*/*.soup.tsv.gz', emit: soup, optional: true)
    path('skipped.tsv', topic: skipped)
    path('[!.]*/**', topic: published, optional: true)
    tuple(val(task.process), eval('sc-compartments versions anndata h5py'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments import_cellbender ${options(droplets: droplets, cellbender: cellbender)} \\
        ${options(row)}
    """

    stub:
    """
    sc-compartments write_stub --sample '${meta.sample}' ${meta.sample}.cells.h5ad skipped.tsv \\
        samples/${meta.sample}/${meta.sample}.ambient.json samples/${meta.sample}/${meta.sample}.soup.tsv.gz
    """
}

// Adaptive limits per sample; what each limit removed.
process FILTER_CELLS {
    tag "${meta.sample}"
    label 'sample'
    label 'array'
    memory { memoryFor(task, [cells]) }
    time { timeFor(task, [cells]) }
    ext(code: { code('filter_cells') })
    errorStrategy { sampleFailed(task, meta) }

    input:
    tuple val(meta), path(cells), val(row)
    val given

    output:
    tuple(val(meta), path("${meta.sample}.filtered.h5ad"), emit: filtered, optional: true)
    path('samples/**', emit: results, optional: true)
    path('skipped.tsv', topic: skipped)
    path('[!.]*/**', topic: published, optional: true)
    tuple(val(task.process), eval('sc-compartments versions anndata numpy'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments filter_cells ${options(cells: cells)} ${given} ${options(row)}
    """

    stub:
    """
    sc-compartments write_stub --sample '${meta.sample}' ${meta.sample}.filtered.h5ad skipped.tsv \\
        samples/${meta.sample}/${meta.sample}.qc.tsv samples/${meta.sample}/${meta.sample}.qc.json \\
        samples/${meta.sample}/${meta.sample}.qc_cells.tsv.gz
    """
}

// Scrublet; a call only with a threshold that makes sense.
process SCORE_DOUBLETS {
    tag "${meta.sample}"
    label 'sample'
    label 'array'
    memory { memoryFor(task, [filtered]) }
    time { timeFor(task, [filtered]) }
    ext(code: { code('score_doublets') })
    errorStrategy { sampleFailed(task, meta) }

    input:
    tuple val(meta), path(filtered), val(row)
    val given

    output:
    tuple(val(meta), path("samples/*/${meta.sample}.doublets.tsv.gz"), emit: doublets)
    path('samples/*/*.doublets.json', emit: results)
    path('[!.]*/**', topic: published, optional: true)
    tuple(val(task.process), eval('sc-compartments versions scanpy scikit-image'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments score_doublets ${options(filtered: filtered)} \\
        ${options(row)} ${given}
    """

    stub:
    """
    sc-compartments write_stub --sample '${meta.sample}' \\
        samples/${meta.sample}/${meta.sample}.doublets.tsv.gz samples/${meta.sample}/${meta.sample}.doublets.json
    """
}
