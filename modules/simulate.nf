include { code } from '../lib/code'
include { options } from '../lib/options'
include { memoryFor ; timeFor } from '../lib/resources'

// A cohort with known truth: samplesheet and raw droplets, truth tables, labelled reference.
process SIMULATE_COHORT {
    tag "${preset}"
    label 'light'
    memory { memoryFor(task, [profiles]) }
    time { timeFor(task, [profiles]) }
    ext(code: { code('simulate_cohort') })

    input:
    val preset
    val words // further options
    path profiles
    path gene_sets
    val given

    output:
    path('samplesheet.csv', emit: samplesheet)
    path('reference.h5ad', emit: reference)
    path('D*', type: 'dir', emit: folders, optional: true) // of the samples, which the samplesheet names
    path('simulated/**', topic: published)

    script:
    """
    # code ${task.ext.code}
    sc-compartments simulate_cohort ${options(preset: preset, profiles: profiles, gene_sets: gene_sets)} \\
        ${words} ${given} --outdir cohort
    mkdir simulated
    mv cohort/truth simulated/truth
    mv cohort/* .
    """

    stub:
    """
    sc-compartments write_stub samplesheet.csv reference.h5ad simulated/truth/cells.tsv
    """
}

// Its raw counts as FASTQ of a small genome.
process SIMULATE_READS {
    label 'counts'
    memory { memoryFor(task, [folders]) }
    time { timeFor(task, [folders]) }
    ext(code: { code('simulate_reads', 'counts') })

    input:
    path samplesheet
    path folders
    val given

    output:
    path('samplesheet.csv', emit: samplesheet)
    tuple(path('genome.fa'), path('genes.gtf'), emit: genome)
    path('*.fastq.gz', emit: files)
    path('simulated/**', topic: published)

    script:
    """
    # code ${task.ext.code}
    sc-compartments simulate_reads ${options(samplesheet: samplesheet)} --outdir reads ${given}
    rm ${samplesheet}
    mv reads/* .
    """

    stub:
    """
    rm ${samplesheet}
    sc-compartments write_stub samplesheet.csv genome.fa genes.gtf simulated/truth/barcodes.tsv
    touch stub.fastq.gz
    """
}
