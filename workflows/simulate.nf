include { carried } from '../lib/code'
include { SIMULATE_COHORT } from '../modules/simulate'

// A cohort with known truth, and labelled cells of other donors.
workflow SIMULATE {
    take:
    preset // name

    main:
    SIMULATE_COHORT(
        preset,
        carried(projectDir.resolve('assets/profiles.tsv.gz')),
        carried(projectDir.resolve('assets/migration_sets.gmt')),
    )

    samplesheet = SIMULATE_COHORT.out.samplesheet
    reference = SIMULATE_COHORT.out.reference

    emit:
    samplesheet
    reference
}
