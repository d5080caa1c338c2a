include { carried } from '../lib/code'
include { announced } from '../lib/console'
include { columnsOf ; existing ; filesOf ; pathOf } from '../lib/files'
include { ANNOTATE_CELLS } from '../modules/labels'

// Lineages of each sample's cells.
workflow LABELS {
    take:
    filtered // [meta, h5ad]
    doublets // [meta, table]
    rows // [meta, row of the samplesheet]
    models // files: CellTypist models

    main:
    ANNOTATE_CELLS(
        filtered.join(columnsOf(rows, ['compartment'])),
        models,
        carried(existing(pathOf(params.lineage_map), '--lineage_map')),
        carried(existing(pathOf(params.markers), '--markers')),
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
