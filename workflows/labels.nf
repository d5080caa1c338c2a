include { carried } from '../lib/code'
include { announced } from '../lib/console'
include { filesOf } from '../lib/files'
include { ANNOTATE_CELLS } from '../modules/labels'

// Lineages of each sample's cells.
workflow LABELS {
    take:
    filtered // [meta, h5ad]
    doublets // [meta, table]
    models // files: CellTypist models

    main:
    ANNOTATE_CELLS(
        filtered,
        models,
        carried(file(params.lineage_map)),
        carried(file(params.markers)),
        filesOf(params.label_overrides, 'label_overrides'),
        filesOf(params.label_clusters, 'label_clusters'),
    )
    cells = filtered.join(doublets).join(ANNOTATE_CELLS.out.labels)
    announced(cells, '# samples: filtered, doublets scored, labelled')
    results = ANNOTATE_CELLS.out.results

    emit:
    cells // [meta, h5ad, doublets, labels]
    results
}
