include { code ; sampleFailed ; stepFailed ; memoryFor ; timeFor } from './library'

// LIANA's consensus of one sample: descriptive, never compared between samples by rank.
process RUN_LIANA {
    tag "${meta.sample}"
    label 'sample'
    memory { memoryFor(task, [filtered]) }
    time { timeFor(task, [filtered]) }
    ext code: { code('run_liana') }
    errorStrategy { sampleFailed(task, meta) }

    input:
    tuple val(meta), path(filtered), path(doublets), path(labels)
    val resource
    path resource_table, stageAs: 'resource/*'

    output:
    path "${meta.sample}.liana.parquet", emit: liana, optional: true
    path "${meta.sample}.liana.json", emit: summary, optional: true
    path 'skipped.tsv', emit: skipped
    tuple val(task.process), eval('sc-compartments versions liana'), topic: versions

    script:
    """
    # code ${task.ext.code}
    sc-compartments run_liana --filtered '${filtered}' --doublets '${doublets}' --labels '${labels}' --lr_resource '${resource_table ?: resource}' \\
        --n_perms ${params.n_perms} --seed ${params.seed}
    """

    stub:
    """
    sc-compartments write_stub --sample '${meta.sample}' ${meta.sample}.liana.parquet ${meta.sample}.liana.json skipped.tsv
    """
}

// How central each lineage is in the network of one sample.
process SCORE_CENTRALITY {
    tag "${meta.sample}"
    label 'sample'
    memory { memoryFor(task, [filtered]) }
    time { timeFor(task, [filtered]) }
    ext code: { code('score_centrality') }
    errorStrategy { sampleFailed(task, meta) }

    input:
    tuple val(meta), path(filtered), path(doublets), path(labels)
    val resource
    path resource_table, stageAs: 'resource/*'
    path migration_pairs

    output:
    path "${meta.sample}.centrality.tsv", emit: centrality, optional: true
    path "${meta.sample}.network.tsv", emit: network, optional: true
    path 'skipped.tsv', emit: skipped
    tuple val(task.process), eval('sc-compartments versions networkx'), topic: versions

    script:
    """
    # code ${task.ext.code}
    sc-compartments score_centrality --filtered '${filtered}' --doublets '${doublets}' --labels '${labels}' --lr_resource '${resource_table ?: resource}' \\
        --migration_pairs '${migration_pairs}' --n_perms ${params.n_perms} --seed ${params.seed}
    """

    stub:
    """
    sc-compartments write_stub --sample '${meta.sample}' ${meta.sample}.centrality.tsv ${meta.sample}.network.tsv skipped.tsv
    """
}

// Edges, groups of pairs and centrality, compared between donors.
process COMPARE_INTERACTIONS {
    label 'cohort'
    memory { memoryFor(task, [pseudobulk, liana]) }
    time { timeFor(task, [pseudobulk, liana]) }
    ext code: { code('compare_interactions') }
    errorStrategy { stepFailed(task) }
    publishDir "${params.outdir}/interactions", mode: params.publish_mode, saveAs: { name -> name == 'skipped.tsv' ? null : name }

    input:
    path study
    path pseudobulk
    path liana, stageAs: 'liana/*'
    path centrality, stageAs: 'scores/*'
    path networks, stageAs: 'networks/*'
    val resource
    path resource_table, stageAs: 'resource/*'
    path migration_pairs
    path groups, stageAs: 'groups/*'

    output:
    path 'liana.parquet', emit: liana
    path 'effects.tsv', emit: effects
    path 'effects.parquet', emit: effects_parquet
    path 'groups.tsv', emit: groups
    path 'centrality.tsv', emit: centrality
    path 'centrality_effects.tsv', emit: centrality_effects
    path '{network,top_edges,cross_compartment,not_testable}.tsv', emit: tables
    path 'skipped.tsv', emit: skipped
    tuple val(task.process), eval('sc-compartments versions numpy scipy pyarrow'), topic: versions

    script:
    """
    # code ${task.ext.code}
    sc-compartments compare_interactions --study '${study}' --pseudobulk '${pseudobulk}' --liana ${liana} --centrality ${centrality} --networks ${networks} \\
        --lr_resource '${resource_table ?: resource}' --migration_pairs '${migration_pairs}' --min_cells ${params.min_cells_pb} ${groups ? "--groups '${groups}'" : ''}
    """

    stub:
    """
    sc-compartments write_stub liana.parquet effects.tsv effects.parquet groups.tsv centrality.tsv centrality_effects.tsv network.tsv top_edges.tsv cross_compartment.tsv not_testable.tsv skipped.tsv
    """
}
