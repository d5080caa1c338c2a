include { code } from '../lib/code'
include { sampleFailed ; stepFailed } from '../lib/failures'
include { options } from '../lib/options'
include { memoryFor ; timeFor } from '../lib/resources'

// Within-donor difference-in-differences of log abundances.
process COMPARE_COMPOSITION {
    label 'light'
    memory { memoryFor(task, [counts]) }
    time { timeFor(task, [counts]) }
    ext(code: { code(['compare_composition', 'power']) })
    errorStrategy { stepFailed(task) }

    input:
    path study
    path counts
    val given

    output:
    path('composition/effects.tsv', emit: effects)
    path('composition/donors.tsv', emit: donors)
    path('composition/composition.json', emit: summary)
    path('composition/**', emit: results)
    path('skipped.tsv', topic: skipped)
    path('[!.]*/**', topic: published, optional: true)
    tuple(val(task.process), eval('sc-compartments versions numpy scipy'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments compare_composition ${options(study: study, counts: counts)} ${given}
    sc-compartments power ${options(study: study)} --effects composition/effects.tsv --out composition/power.tsv
    """

    stub:
    """
    sc-compartments write_stub composition/effects.tsv composition/donors.tsv composition/calls.tsv skipped.tsv \\
        composition/compartments.tsv composition/single_case.tsv composition/power.tsv composition/composition.json
    """
}

// Subclusters of single lineages and their shares of them, compared between donors.
process ZOOM_LINEAGES {
    label 'cohort'
    memory { memoryFor(task, [cohort]) }
    time { timeFor(task, [cohort]) }
    ext(code: { code(['zoom_lineages', 'compare_composition']) })
    errorStrategy { stepFailed(task) }

    input:
    path study
    path cohort
    val given

    output:
    path('zoom/**', emit: results)
    path('skipped.tsv', topic: skipped)
    path('[!.]*/**', topic: published, optional: true)
    tuple(val(task.process), eval('sc-compartments versions scanpy harmonypy igraph umap-learn'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments zoom_lineages ${options(study: study, cohort: cohort, cpus: task.cpus)} ${given}
    """

    stub:
    """
    sc-compartments write_stub zoom/cells.tsv.gz zoom/clusters.tsv zoom/counts.tsv zoom/effects.tsv \\
        zoom/donors.tsv skipped.tsv
    """
}

// What is claimed of donors whose conditions are relabelled.
process CALIBRATE {
    label 'light'
    memory { memoryFor(task, [counts]) }
    time { timeFor(task, [counts]) }
    ext(code: { code(['calibrate', 'compare_composition']) })
    errorStrategy { stepFailed(task) }

    input:
    path study
    path counts
    path composition
    val given

    output:
    path('composition/calibration.tsv', emit: results)
    path('skipped.tsv', topic: skipped)
    path('[!.]*/**', topic: published, optional: true)
    tuple(val(task.process), eval('sc-compartments versions numpy scipy'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments calibrate ${options(study: study, counts: counts, composition: composition)} ${given}
    """

    stub:
    """
    sc-compartments write_stub composition/calibration.tsv skipped.tsv
    """
}

// Pseudobulk differential expression, within each compartment and for the interaction.
process COMPARE_EXPRESSION {
    label 'parallel'
    memory { memoryFor(task, [pseudobulk]) }
    time { timeFor(task, [pseudobulk]) }
    ext(code: { code('compare_expression') })
    errorStrategy { stepFailed(task) }

    input:
    path study
    path pseudobulk
    path(composition, stageAs: 'effects/*')
    val given

    output:
    path('expression/*.parquet', emit: effects)
    path('expression/**', emit: results)
    path('skipped.tsv', topic: skipped)
    path('[!.]*/**', topic: published, optional: true)
    tuple(val(task.process), eval('sc-compartments versions pydeseq2 numpy'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments compare_expression ${options(study: study, pseudobulk: pseudobulk, composition: composition)} \\
        ${options(cpus: task.cpus)} ${given}
    """

    stub:
    """
    sc-compartments write_stub expression/donors/log2_cpm.parquet expression/contrast.parquet \\
        expression/contrast.tsv.gz expression/expression.json expression/target_gene.tsv \\
        expression/target_relation.tsv skipped.tsv
    """
}

// Migration and any other gene sets, scored per sample and compared between donors.
process SCORE_GENE_SETS {
    label 'light'
    memory { memoryFor(task, [pseudobulk]) }
    time { timeFor(task, [pseudobulk]) }
    ext(code: { code('score_gene_sets') })
    errorStrategy { stepFailed(task) }

    input:
    path study
    path pseudobulk
    path(gene_sets, stageAs: 'sets/*')
    val given

    output:
    path('migration/**', emit: results)
    path('skipped.tsv', topic: skipped)
    path('[!.]*/**', topic: published, optional: true)
    tuple(val(task.process), eval('sc-compartments versions numpy scipy'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments score_gene_sets ${options(study: study, pseudobulk: pseudobulk)} \\
        ${options(gene_sets: gene_sets)} ${given}
    """

    stub:
    """
    sc-compartments write_stub migration/scores.tsv migration/effects.tsv migration/donors.tsv skipped.tsv
    """
}

// Activities of pathways and regulators per sample, compared between donors.
process SCORE_ACTIVITIES {
    label 'light'
    memory { memoryFor(task, [pseudobulk, regulators]) }
    time { timeFor(task, [pseudobulk, regulators]) }
    ext(code: { code('score_activities') })
    errorStrategy { stepFailed(task) }

    input:
    path study
    path pseudobulk
    path(pathways, stageAs: 'sets/*')
    path(regulators, stageAs: 'networks/*')
    val resource
    path(resource_table, stageAs: 'resource/*')
    val given

    output:
    path('activities/**', emit: results)
    path('skipped.tsv', topic: skipped)
    path('[!.]*/**', topic: published, optional: true)
    tuple(val(task.process), eval('sc-compartments versions decoupler numpy scipy'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments score_activities ${options(study: study, pseudobulk: pseudobulk, pathways: pathways)} \\
        ${options(regulators: regulators, lr_resource: resource_table ?: resource)} ${given}
    """

    stub:
    """
    sc-compartments write_stub activities/scores.tsv activities/effects.tsv activities/donors.tsv.gz skipped.tsv
    """
}

// LIANA's consensus of one sample: descriptive, never compared between samples by rank.
process RUN_LIANA {
    tag "${meta.sample}"
    label 'sample'
    label 'array'
    memory { memoryFor(task, [filtered]) }
    time { timeFor(task, [filtered]) }
    ext(code: { code('run_liana') })
    errorStrategy { sampleFailed(task, meta) }

    input:
    tuple val(meta), path(filtered), path(doublets), path(labels)
    val resource
    path(resource_table, stageAs: 'resource/*')
    val given

    output:
    path("${meta.sample}.liana.parquet", emit: liana, optional: true)
    path('samples/*/*.liana.json', emit: results, optional: true)
    path('skipped.tsv', topic: skipped)
    path('[!.]*/**', topic: published, optional: true)
    tuple(val(task.process), eval('sc-compartments versions liana'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments run_liana ${options(filtered: filtered, doublets: doublets, labels: labels)} \\
        ${options(lr_resource: resource_table ?: resource)} ${given}
    """

    stub:
    """
    sc-compartments write_stub --sample '${meta.sample}' ${meta.sample}.liana.parquet skipped.tsv \\
        samples/${meta.sample}/${meta.sample}.liana.json
    """
}

// How central each lineage is in the network of one sample.
process SCORE_CENTRALITY {
    tag "${meta.sample}"
    label 'sample'
    label 'array'
    memory { memoryFor(task, [filtered]) }
    time { timeFor(task, [filtered]) }
    ext(code: { code('score_centrality') })
    errorStrategy { sampleFailed(task, meta) }

    input:
    tuple val(meta), path(filtered), path(doublets), path(labels), val(umis_kept)
    path ambient_genes
    val resource
    path(resource_table, stageAs: 'resource/*')
    path migration_pairs
    path genes
    val given

    output:
    path("${meta.sample}.centrality.tsv", emit: centrality, optional: true)
    path("${meta.sample}.network.tsv", emit: network, optional: true)
    path('skipped.tsv', topic: skipped)
    path('[!.]*/**', topic: published, optional: true)
    tuple(val(task.process), eval('sc-compartments versions networkx'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments score_centrality ${options(filtered: filtered, doublets: doublets, labels: labels)} \\
        ${options(lr_resource: resource_table ?: resource, migration_pairs: migration_pairs)} \\
        ${options(umis_kept: umis_kept, genes: genes, ambient_genes: ambient_genes)} ${given}
    """

    stub:
    """
    sc-compartments write_stub --sample '${meta.sample}' \\
        ${meta.sample}.centrality.tsv ${meta.sample}.network.tsv skipped.tsv
    """
}

// Edges, groups of pairs and centrality, compared between donors.
process COMPARE_INTERACTIONS {
    label 'cohort'
    memory { memoryFor(task, [pseudobulk, liana]) }
    time { timeFor(task, [pseudobulk, liana]) }
    ext(code: { code('compare_interactions') })
    errorStrategy { stepFailed(task) }

    input:
    path study
    path pseudobulk
    path(liana, stageAs: 'liana/*')
    path(centrality, stageAs: 'scores/*')
    path(networks, stageAs: 'networks/*')
    val resource
    path(resource_table, stageAs: 'resource/*')
    path migration_pairs
    path(groups, stageAs: 'groups/*')
    val given

    output:
    path('interactions/effects.parquet', emit: effects)
    path('interactions/{*.tsv,liana.parquet,edge_donors.parquet}', emit: results)
    path('skipped.tsv', topic: skipped)
    path('[!.]*/**', topic: published, optional: true)
    tuple(val(task.process), eval('sc-compartments versions numpy scipy pyarrow'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments compare_interactions ${options(study: study, pseudobulk: pseudobulk, groups: groups)} \\
        ${options(lr_resource: resource_table ?: resource, migration_pairs: migration_pairs)} ${given} \\
        ${options(liana: liana, centrality: centrality, networks: networks)}
    """

    stub:
    """
    sc-compartments write_stub interactions/liana.parquet interactions/effects.tsv interactions/effects.parquet \\
        interactions/edge_donors.parquet interactions/group_donors.tsv interactions/centrality_donors.tsv \\
        interactions/groups.tsv interactions/centrality.tsv interactions/centrality_effects.tsv \\
        interactions/network.tsv interactions/top_edges.tsv interactions/cross_compartment.tsv \\
        interactions/not_testable.tsv skipped.tsv
    """
}

// Do the compartments move together?
process COMPARE_COUPLING {
    label 'light'
    memory { memoryFor(task, [cohort]) }
    time { timeFor(task, [cohort]) }
    ext(code: { code('compare_coupling') })
    errorStrategy { stepFailed(task) }

    input:
    path study
    path(composition, stageAs: 'composition/*')
    path donors
    path expression
    path cohort
    val given

    output:
    path('coupling/**', emit: results)
    path('skipped.tsv', topic: skipped)
    path('[!.]*/**', topic: published, optional: true)
    tuple(val(task.process), eval('sc-compartments versions numpy scipy'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments compare_coupling ${options(study: study, composition: composition, donors: donors)} \\
        ${options(expression: expression, cohort: cohort)} ${given}
    """

    stub:
    """
    sc-compartments write_stub coupling/coupling.tsv coupling/drivers.tsv coupling/concordance.tsv \\
        coupling/edistance.tsv skipped.tsv
    """
}
