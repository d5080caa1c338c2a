include { code ; stepFailed ; memoryFor ; timeFor } from './library'

// Do the compartments move together?
process COMPARE_COUPLING {
    label 'light'
    memory { memoryFor(task, [cohort]) }
    time { timeFor(task, [cohort]) }
    ext code: { code('compare_coupling') }
    errorStrategy { stepFailed(task) }
    publishDir "${params.outdir}/coupling", mode: params.publish_mode, saveAs: { name -> name == 'skipped.tsv' ? null : name }

    input:
    path study
    path composition, stageAs: 'composition/*'
    path donors
    path expression
    path cohort

    output:
    path 'coupling.tsv', emit: coupling
    path '{drivers,concordance,edistance}.tsv', emit: tables
    path 'skipped.tsv', emit: skipped
    tuple val(task.process), eval('sc-compartments versions numpy scipy'), topic: versions

    script:
    """
    # code ${task.ext.code}
    sc-compartments compare_coupling --study '${study}' --composition '${composition}' --donors '${donors}' --expression ${expression} --cohort '${cohort}' --equiv_margin ${params.equiv_margin} --seed ${params.seed}
    """

    stub:
    """
    sc-compartments write_stub coupling.tsv drivers.tsv concordance.tsv edistance.tsv skipped.tsv
    """
}
