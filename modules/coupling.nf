include { code ; stepFailed ; memoryFor ; timeFor } from './library'

// Do the compartments move together?
process COMPARE_COUPLING {
    label 'light'
    memory { memoryFor(task, [cohort]) }
    time { timeFor(task, [cohort]) }
    ext code: { code('compare_coupling.py') }
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
    tuple val(task.process), eval('versions.py numpy scipy'), topic: versions

    script:
    """
    # code ${task.ext.code}
    compare_coupling.py --study '${study}' --composition '${composition}' --donors '${donors}' --expression ${expression} --cohort '${cohort}' --equiv_margin ${params.equiv_margin} --seed ${params.seed}
    """

    stub:
    """
    write_stub.py coupling.tsv drivers.tsv concordance.tsv edistance.tsv skipped.tsv
    """
}
