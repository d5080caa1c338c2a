include { carried ; settled } from '../lib/code'
include { announced } from '../lib/console'
include { columnsOf ; existing ; filesOf ; orderOf ; pathOf } from '../lib/files'
include { parametersOf } from '../lib/options'
include { ANNOTATE_CELLS ; TRAIN_MODEL } from '../modules/labels'

// The models that name cells: those that are given, and behind them one of labelled cells.
workflow MODELS {
    take:
    given // [[compartment or empty, CellTypist model, whether by name], ...], or an empty list
    reference // h5ad, or nothing
    column // of its obs, or empty
    settings // name -> value, of the parameters

    main:
    lineages = carried(existing(pathOf(settings.lineage_map), '--lineage_map'))
    TRAIN_MODEL(reference, column, lineages, parametersOf(settings, 'train_model'))
    TRAIN_MODEL.out.notes.subscribe { path -> path.readLines().each { line -> log.info(line) } }
    ch_sound = TRAIN_MODEL.out.problems.map { path -> path.text.trim() ? error("ERROR: ${path.text.trim()}") : true }
    ch_trained = TRAIN_MODEL.out.model.combine(ch_sound).map { path, _sound -> [['', settled(path), false]] }
    models = given.concat(ch_trained).toList().map { parts -> parts.sum() }

    emit:
    models // [[compartment or empty, CellTypist model, whether by name], ...]
}

// Lineages of each sample's cells.
workflow LABELS {
    take:
    filtered // [meta, h5ad]
    doublets // [meta, table]
    rows // [meta, row of the samplesheet]
    models // [[compartment or empty, CellTypist model, whether by name], ...]
    by_hand // [sample -> table of its labels by hand], once
    meanings // what labels of the user mean that have two meanings
    settings // name -> value, of the parameters

    main:
    ch_filtered = filtered
        .join(columnsOf(rows, ['compartment']))
        .combine(models.map { entries -> [entries] })
        .combine(by_hand)
        .map { meta, path, row, entries, tables ->
            def own = entries.findAll { one -> one[0] in ['', row.compartment] }.collect { one -> one[1] }
            [meta, path, row + [order: orderOf(own)], own, tables[meta.sample] ?: []]
        }
    ANNOTATE_CELLS(
        ch_filtered,
        carried(projectDir.resolve('assets/celltypist_models.tsv')),
        carried(existing(pathOf(settings.lineage_map), '--lineage_map')),
        carried(existing(pathOf(settings.markers), '--markers')),
        meanings,
        filesOf(settings, 'label_clusters'),
        parametersOf(settings, 'annotate_cells'),
    )
    // a cluster named by hand is of all samples: those whose labels stay as they were are not looked at again
    ch_labels = ANNOTATE_CELLS.out.labels.map { meta, path -> [meta, settled(path)] }
    cells = filtered.join(doublets).join(ch_labels)
    announced(cells, '# samples: filtered, doublets scored, labelled')
    results = ANNOTATE_CELLS.out.results
    // before anything is compared
    results.subscribe { path ->
        def said = new groovy.json.JsonSlurper().parse(path)
        if (said.model_doubt) {
            log.warn("${said.sample}: ${said.model_doubt}")
        }
    }

    emit:
    cells // [meta, h5ad, doublets, labels]
    results
}
