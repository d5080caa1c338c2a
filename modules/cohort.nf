include { code ; stepFailed ; memoryFor ; timeFor } from './library'

// All samples in one object, with the sums that the statistics need.
process MERGE_SAMPLES {
    label 'cohort'
    memory { memoryFor(task, [filtered]) }
    time { timeFor(task, [filtered]) }
    ext code: { code('merge_samples') }
    errorStrategy { stepFailed(task) }
    publishDir params.outdir, mode: params.publish_mode, saveAs: { name -> name in ['merged.h5ad', 'skipped.tsv'] ? null : name == 'counts.tsv' ? 'composition/counts.tsv' : "cohort/${name}" }

    input:
    path study
    path filtered, stageAs: 'samples/*'
    path doublets, stageAs: 'samples/*'
    path labels, stageAs: 'samples/*'
    val allow_mixed

    output:
    path 'merged.h5ad', emit: merged
    path 'pseudobulk.h5ad', emit: pseudobulk
    path 'counts.tsv', emit: counts
    path 'cells.tsv.gz', emit: cells
    path 'cells.parquet', emit: cells_parquet
    path 'warnings.tsv', emit: warnings
    path '{doublets,models}.tsv', emit: labels
    path 'ambient_share.tsv.gz', emit: ambient
    path 'skipped.tsv', emit: skipped
    tuple val(task.process), eval('sc-compartments versions anndata scipy pandas'), topic: versions

    script:
    """
    # code ${task.ext.code}
    sc-compartments merge_samples --study '${study}' --filtered ${filtered} --doublets ${doublets} --labels ${labels} ${allow_mixed ? '--allow_mixed_ambient' : ''}
    """

    stub:
    """
    sc-compartments write_stub merged.h5ad pseudobulk.h5ad counts.tsv cells.tsv.gz cells.parquet warnings.tsv doublets.tsv models.tsv ambient_share.tsv.gz skipped.tsv
    """
}

// Harmony across donors for the picture and the clusters; never for the statistics.
process EMBED_COHORT {
    label 'cohort'
    memory { memoryFor(task, [merged]) }
    time { timeFor(task, [merged]) }
    ext code: { code('embed_cohort') }
    errorStrategy { stepFailed(task) }
    publishDir "${params.outdir}/cohort", mode: params.publish_mode

    input:
    path merged

    output:
    path 'cohort.h5ad', emit: cohort
    path '{clusters,mixing,transfer}.tsv', emit: tables
    path 'umap.tsv.gz', emit: umap
    tuple val(task.process), eval('sc-compartments versions scanpy harmonypy igraph umap-learn'), topic: versions

    script:
    """
    # code ${task.ext.code}
    sc-compartments embed_cohort --merged '${merged}' --integration_key '${params.integration_key}' --seed ${params.seed}
    """

    stub:
    """
    sc-compartments write_stub cohort.h5ad clusters.tsv mixing.tsv transfer.tsv umap.tsv.gz
    """
}
