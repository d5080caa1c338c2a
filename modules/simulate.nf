include { code } from './library'

// A cohort with known truth: samplesheet, raw droplets, truth tables, labelled reference.
process SIMULATE_COHORT {
    tag "${preset}"
    label 'light'
    ext code: { code('simulate_cohort.py') }
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
    simulate_cohort.py --preset ${preset} ${params.simulate_options} --profiles '${profiles}' --gene_sets '${gene_sets}' --seed ${params.seed} --outdir cohort
    mv cohort/truth truth
    """

    stub:
    """
    write_stub.py cohort/samplesheet.csv cohort/reference.h5ad truth/cells.tsv
    """
}

// A CellTypist model from labelled cells.
process TRAIN_MODEL {
    label 'sample'
    ext code: { code('train_model.py') }

    input:
    path reference

    output:
    path 'model.pkl', emit: model
    tuple val(task.process), eval('versions.py celltypist scikit-learn'), topic: versions

    script:
    """
    # code ${task.ext.code}
    train_model.py --reference '${reference}' --labels lineage --out model.pkl --seed ${params.seed}
    """

    stub:
    """
    write_stub.py model.pkl
    """
}
