include { carried } from '../lib/code'
include { SIMULATE_COHORT ; TRAIN_MODEL } from '../modules/simulate'

// A cohort with known truth, and a model trained on its labelled cells.
workflow SIMULATE {
    take:
    preset // name

    main:
    SIMULATE_COHORT(
        preset,
        carried(projectDir.resolve('assets/profiles.tsv.gz')),
        carried(projectDir.resolve('assets/migration_sets.gmt')),
    )
    TRAIN_MODEL(SIMULATE_COHORT.out.reference)

    samplesheet = SIMULATE_COHORT.out.samplesheet
    models = TRAIN_MODEL.out.model.collect()

    emit:
    samplesheet
    models
}
