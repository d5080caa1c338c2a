include { code } from '../lib/code'
include { options ; parametersOf ; wordsOf } from '../lib/options'
include { memoryFor ; timeFor } from '../lib/resources'

// A cohort with known truth: samplesheet and raw droplets, truth tables, labelled reference.
process SIMULATE_COHORT {
    tag "${preset}"
    label 'light'
    memory { memoryFor(task, [profiles]) }
    time { timeFor(task, [profiles]) }
    ext code: { code('simulate_cohort') },
        given: { [wordsOf(params.simulate_options), parametersOf('simulate_cohort')].join(' ') }

    input:
    val preset
    path profiles
    path gene_sets

    output:
    path 'samplesheet.csv', emit: samplesheet
    path 'reference.h5ad', emit: reference
    path 'D*', type: 'dir', emit: folders, optional: true // of the samples, which the samplesheet names
    path 'simulated/**', topic: published

    script:
    """
    # code ${task.ext.code}
    sc-compartments simulate_cohort ${options(preset: preset, profiles: profiles, gene_sets: gene_sets)} \\
        ${task.ext.given} --outdir cohort
    mkdir simulated
    mv cohort/truth simulated/truth
    mv cohort/* .
    """

    stub:
    """
    sc-compartments write_stub samplesheet.csv reference.h5ad simulated/truth/cells.tsv
    """
}

// A CellTypist model from labelled cells.
process TRAIN_MODEL {
    label 'sample'
    memory { memoryFor(task, [reference]) }
    time { timeFor(task, [reference]) }
    ext code: { code('train_model') }, given: { parametersOf('train_model') }

    input:
    path reference

    output:
    path 'model.pkl', emit: model
    tuple val(task.process), eval('sc-compartments versions celltypist scikit-learn'), topic: versions

    script:
    """
    # code ${task.ext.code}
    sc-compartments train_model ${options(reference: reference)} --labels lineage --out model.pkl ${task.ext.given}
    """

    stub:
    """
    sc-compartments write_stub model.pkl
    """
}
