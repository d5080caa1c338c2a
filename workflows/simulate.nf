include { carried } from '../lib/code'
include { parametersOf ; wordsOf } from '../lib/options'
include { SIMULATE_COHORT ; SIMULATE_READS } from '../modules/simulate'

// A cohort with known truth, and labelled cells of other donors. 'reads' is one given as FASTQ, with its genome.
workflow SIMULATE {
    take:
    preset // name
    settings // name -> value, of the parameters

    main:
    def asReads = preset == 'reads'
    def small = '--untreated 2 --genes 1500 --umi 1200 --soup_umi 30 --empties 1500 --cells_per_sample CSF=150 ' +
        '--cells_per_sample blood=200'
    SIMULATE_COHORT(
        asReads ? 'one_condition' : preset,
        wordsOf(settings.simulate_options ?: (asReads ? small : '')),
        carried(projectDir.resolve('assets/profiles.tsv.gz')),
        carried(projectDir.resolve('assets/migration_sets.gmt')),
        parametersOf(settings, 'simulate_cohort'),
    )

    SIMULATE_READS(
        SIMULATE_COHORT.out.samplesheet.filter { _path -> asReads },
        SIMULATE_COHORT.out.folders.filter { _paths -> asReads },
        parametersOf(settings, 'simulate_reads'),
    )
    samplesheet = asReads ? SIMULATE_READS.out.samplesheet : SIMULATE_COHORT.out.samplesheet
    genome = SIMULATE_READS.out.genome
    reference = SIMULATE_COHORT.out.reference

    emit:
    samplesheet
    genome // [FASTA, GTF], where the cohort is given as reads
    reference
}
