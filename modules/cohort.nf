include { code } from '../lib/code'
include { sampleFailed ; stepFailed } from '../lib/failures'
include { options } from '../lib/options'
include { memoryFor ; timeFor } from '../lib/resources'

// What the cohort needs of one sample: sums, and its cells' metadata; no matrix of cells.
process SUM_SAMPLE {
    tag "${meta.sample}"
    label 'sample'
    label 'array'
    memory { memoryFor(task, [filtered]) }
    time { timeFor(task, [filtered]) }
    ext(code: { code('sum_sample') })
    errorStrategy { sampleFailed(task, meta) }

    input:
    tuple val(meta), path(filtered), path(doublets), path(labels)

    output:
    tuple(val(meta), path("samples/*/${meta.sample}.sums.h5ad"), emit: sums, optional: true)
    path('skipped.tsv', topic: skipped)
    path('[!.]*/**', topic: published, optional: true)
    tuple(val(task.process), eval('sc-compartments versions anndata scipy pandas'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments sum_sample ${options(filtered: filtered, doublets: doublets, labels: labels)}
    """

    stub:
    """
    sc-compartments write_stub --sample '${meta.sample}' skipped.tsv \\
        samples/${meta.sample}/${meta.sample}.sums.h5ad
    """
}

// The sums of all samples added up to what the statistics need.
process MERGE_SAMPLES {
    label 'cohort'
    memory { memoryFor(task, [sums]) }
    time { timeFor(task, [sums]) }
    ext(code: { code('merge_samples') })
    errorStrategy { stepFailed(task) }

    input:
    path study
    path(sums, stageAs: 'samples/*')
    path(summaries, stageAs: 'summaries/*')
    val given

    output:
    path('merged.h5ad', emit: merged)
    path('cohort/pseudobulk.h5ad', emit: pseudobulk)
    path('composition/counts.tsv', emit: counts)
    path('cohort/cells.parquet', emit: cells)
    path('cohort/depth.tsv', emit: depth)
    path('cohort/genes.tsv', emit: genes)
    path('cohort/ambient_genes.tsv', emit: ambient_genes)
    path('cohort/warnings.tsv', emit: warnings)
    path('doubts.txt', emit: doubts, optional: true)
    path('{cohort,composition}/*.tsv*', emit: results)
    path('skipped.tsv', topic: skipped)
    path('[!.]*/**', topic: published, optional: true)
    tuple(val(task.process), eval('sc-compartments versions anndata scipy pandas'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments merge_samples ${options(study: study)} ${given} \\
        ${options(sums: sums, summaries: summaries)}
    """

    stub:
    """
    sc-compartments write_stub merged.h5ad cohort/pseudobulk.h5ad composition/counts.tsv skipped.tsv \\
        cohort/cells.parquet cohort/cells.tsv.gz cohort/warnings.tsv cohort/doublets.tsv cohort/models.tsv \\
        cohort/ambient_share.tsv.gz cohort/ambient_genes.tsv cohort/depth.tsv cohort/replicates.tsv \\
        cohort/genes.tsv cohort/references.tsv
    for sums in samples/*.sums.h5ad; do
        printf '%s\\t\\t\\t1\\n' "\$(basename "\$sums" .sums.h5ad)" >> cohort/depth.tsv
    done
    """
}

// Harmony across donors for the picture and the clusters; never for the statistics.
process EMBED_COHORT {
    label 'cohort'
    memory { memoryFor(task, [filtered]) }
    time { timeFor(task, [filtered]) }
    ext(code: { code('embed_cohort') })
    errorStrategy { stepFailed(task) }

    input:
    path merged
    path pseudobulk
    path(filtered, stageAs: 'samples/*')
    val given

    output:
    path('cohort/cohort.h5ad', emit: cohort)
    path('cohort/*.tsv*', emit: results)
    path('skipped.tsv', topic: skipped)
    path('[!.]*/**', topic: published, optional: true)
    tuple(val(task.process), eval('sc-compartments versions scanpy harmonypy igraph umap-learn'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments embed_cohort ${options(merged: merged, pseudobulk: pseudobulk)} ${given} \\
        --cpus ${task.cpus} ${options(filtered: filtered)}
    """

    stub:
    """
    sc-compartments write_stub cohort/cohort.h5ad cohort/clusters.tsv cohort/mixing.tsv cohort/transfer.tsv \\
        cohort/umap.tsv.gz cohort/markers.tsv cohort/marker_dots.tsv skipped.tsv
    """
}
