include { code ; stepFailed } from './library'

// Within-donor difference-in-differences of log abundances.
process COMPARE_COMPOSITION {
    label 'light'
    ext code: { code(['compare_composition', 'power']) }
    errorStrategy { stepFailed(task) }
    publishDir "${params.outdir}/composition", mode: params.publish_mode, saveAs: { name -> name == 'skipped.tsv' ? null : name }

    input:
    path study
    path counts

    output:
    path 'effects.tsv', emit: effects
    path 'donors.tsv', emit: donors
    path '{calls,compartments,single_case}.tsv', emit: calls
    path 'power.tsv', emit: power
    path 'composition.json', emit: summary
    path 'skipped.tsv', emit: skipped
    tuple val(task.process), eval('sc-compartments versions numpy scipy'), topic: versions

    script:
    """
    # code ${task.ext.code}
    sc-compartments compare_composition --study '${study}' --counts '${counts}' --equiv_margin ${params.equiv_margin} --seed ${params.seed}
    sc-compartments power --study '${study}' --effects effects.tsv --out power.tsv
    """

    stub:
    """
    sc-compartments write_stub effects.tsv donors.tsv calls.tsv compartments.tsv single_case.tsv power.tsv composition.json skipped.tsv
    """
}
