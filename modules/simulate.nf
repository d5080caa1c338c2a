include { code } from './library'

// A cohort with known truth: samplesheet, raw droplets, truth tables, labelled reference.
process SIMULATE_COHORT {
    tag "${preset}"
    label 'light'
    ext code: { code('simulate_cohort') }
    publishDir "${params.outdir}/simulated", mode: params.publish_mode, pattern: 'truth'

    input:
    val preset
    path profiles
    path gene_sets

    output:
    path 'cohort/samplesheet.csv', emit: samplesheet
    path 'cohort', type: 'dir', emit: folder
    path 'cohort/reference.h5ad', emit: reference
    path 'truth', type: 'dir', emit: truth

    script:
    """
    # code ${task.ext.code}
    sc-compartments simulate_cohort --preset ${preset} ${params.simulate_options} --profiles '${profiles}' --gene_sets '${gene_sets}' --seed ${params.seed} --outdir cohort
    mv cohort/truth truth
    """

    stub:
    """
    sc-compartments write_stub cohort/samplesheet.csv cohort/reference.h5ad truth/cells.tsv
    """
}

// A CellTypist model from labelled cells.
process TRAIN_MODEL {
    label 'sample'
    ext code: { code('train_model') }

    input:
    path reference

    output:
    path 'model.pkl', emit: model
    tuple val(task.process), eval('sc-compartments versions celltypist scikit-learn'), topic: versions

    script:
    """
    # code ${task.ext.code}
    sc-compartments train_model --reference '${reference}' --labels lineage --out model.pkl --seed ${params.seed}
    """

    stub:
    """
    sc-compartments write_stub model.pkl
    """
}
