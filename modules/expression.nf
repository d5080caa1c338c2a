include { code ; stepFailed ; memoryFor ; timeFor } from './library'

// Pseudobulk differential expression, within each compartment and for the interaction.
process COMPARE_EXPRESSION {
    label 'parallel'
    memory { memoryFor(task, [pseudobulk]) }
    time { timeFor(task, [pseudobulk]) }
    ext code: { code('compare_expression') }
    errorStrategy { stepFailed(task) }
    publishDir "${params.outdir}/expression", mode: params.publish_mode, saveAs: { name -> name == 'skipped.tsv' ? null : name }

    input:
    path study
    path pseudobulk
    path composition, stageAs: 'composition/*'

    output:
    path '*.parquet', emit: effects
    path '*.tsv.gz', emit: tables
    path 'expression.json', emit: summary
    path 'target_{gene,relation}.tsv', emit: target, optional: true
    path 'skipped.tsv', emit: skipped
    tuple val(task.process), eval('sc-compartments versions pydeseq2 numpy'), topic: versions

    script:
    def target = params.target_gene ? "--target_gene '${params.target_gene}' --composition '${composition}'" : ''
    """
    # code ${task.ext.code}
    sc-compartments compare_expression --study '${study}' --pseudobulk '${pseudobulk}' --de_engine ${params.de_engine} \\
        --min_cells_pb ${params.min_cells_pb} ${target} --cpus ${task.cpus}
    """

    stub:
    """
    sc-compartments write_stub contrast.parquet contrast.tsv.gz expression.json target_gene.tsv target_relation.tsv skipped.tsv
    """
}

// Migration and any other gene sets, scored per sample and compared between donors.
process SCORE_GENE_SETS {
    label 'light'
    memory { memoryFor(task, [pseudobulk]) }
    time { timeFor(task, [pseudobulk]) }
    ext code: { code('score_gene_sets') }
    errorStrategy { stepFailed(task) }
    publishDir "${params.outdir}/migration", mode: params.publish_mode, saveAs: { name -> name == 'skipped.tsv' ? null : name }

    input:
    path study
    path pseudobulk
    path gene_sets, stageAs: 'sets/*'

    output:
    path 'scores.tsv', emit: scores
    path 'effects.tsv', emit: effects
    path 'skipped.tsv', emit: skipped
    tuple val(task.process), eval('sc-compartments versions numpy scipy'), topic: versions

    script:
    """
    # code ${task.ext.code}
    sc-compartments score_gene_sets --study '${study}' --pseudobulk '${pseudobulk}' --gene_sets ${gene_sets} --min_cells_pb ${params.min_cells_pb} --seed ${params.seed}
    """

    stub:
    """
    sc-compartments write_stub scores.tsv effects.tsv skipped.tsv
    """
}
