include { settled } from '../lib/code'
include { parametersOf } from '../lib/options'
include { SUM_SAMPLE ; MERGE_SAMPLES ; EMBED_COHORT } from '../modules/cohort'

// All samples in one object, the sums that statistics need, and the picture of all cells.
workflow COHORT {
    take:
    study // study.json
    cells // [meta, h5ad, doublets, labels]
    summaries // of the labels
    settings // name -> value, of the parameters

    main:
    SUM_SAMPLE(cells)
    ch_sums = SUM_SAMPLE.out.sums.toSortedList { a, b -> a[0].sample <=> b[0].sample }
    MERGE_SAMPLES(
        study,
        ch_sums.map { parts -> parts.collect { _meta, sums -> sums } },
        summaries.toSortedList { a, b -> a.name <=> b.name },
        parametersOf(settings, 'merge_samples'),
    )
    // samples that may be swapped are said before anything is compared
    MERGE_SAMPLES.out.doubts.subscribe { path -> path.readLines().each { line -> log.warn(line) } }
    ch_cells = cells.toSortedList { a, b -> a[0].sample <=> b[0].sample }
    EMBED_COHORT(
        MERGE_SAMPLES.out.merged,
        MERGE_SAMPLES.out.pseudobulk,
        ch_cells.map { parts -> parts.collect { _meta, filtered, _doublets, _labels -> filtered } },
        parametersOf(settings, 'embed_cohort'),
    )

    // a note in the samplesheet is in the table of cells, not in what is compared
    pseudobulk = MERGE_SAMPLES.out.pseudobulk.map { path -> settled(path) }
    counts = MERGE_SAMPLES.out.counts.map { path -> settled(path) }
    depth = MERGE_SAMPLES.out.depth
    genes = MERGE_SAMPLES.out.genes.map { path -> settled(path) }
    ambient_genes = MERGE_SAMPLES.out.ambient_genes.map { path -> settled(path) }
    embedded = EMBED_COHORT.out.cohort
    warnings = MERGE_SAMPLES.out.warnings
    results = MERGE_SAMPLES.out.results.mix(MERGE_SAMPLES.out.pseudobulk, EMBED_COHORT.out.results)

    emit:
    pseudobulk // h5ad
    counts // table of cells per sample and lineage
    depth // table of samples: share of the UMIs that all are thinned to
    genes // table of genes that some files lack or name otherwise
    ambient_genes // table: genes that are no partner in a lineage
    embedded // h5ad
    warnings // table of what deserves a look
    results
}
