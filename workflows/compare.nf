include { carried } from '../lib/code'
include { announced } from '../lib/console'
include { filesOf ; tableOf } from '../lib/files'
include { leavesOut ; parametersOf } from '../lib/options'
include { COMPARE_COMPOSITION ; ZOOM_LINEAGES ; CALIBRATE ; COMPARE_EXPRESSION } from '../modules/compare'
include { SCORE_GENE_SETS ; SCORE_ACTIVITIES } from '../modules/compare'
include { RUN_LIANA ; SCORE_CENTRALITY ; COMPARE_INTERACTIONS ; COMPARE_COUPLING } from '../modules/compare'

// What differs between conditions, within compartments and between them: donors are the replicates.
workflow COMPARE {
    take:
    study // study.json, without columns that no comparison looks at
    cells // [meta, h5ad, doublets, labels]
    pseudobulk // h5ad
    counts // table of cells per sample and lineage
    depth // table of samples: share of the UMIs that all are thinned to
    genes // table of genes that some files lack or name otherwise
    ambient_genes // table: genes that are no partner in a lineage
    embedded // h5ad
    settings // name -> value, of the parameters

    main:
    def migration = carried(projectDir.resolve('assets/migration_sets.gmt'))
    def sets = [migration] + filesOf(settings, 'gene_sets')

    // parts that the run is to leave out get nothing to work on
    def nothing = channel.empty()
    ch_expressed = leavesOut(settings, 'expression') ? nothing : pseudobulk
    ch_talking = leavesOut(settings, 'interactions') ? nothing : cells
    ch_pairs = leavesOut(settings, 'interactions') ? nothing : pseudobulk

    COMPARE_COMPOSITION(study, counts, parametersOf(settings, 'compare_composition'))
    ZOOM_LINEAGES(study, settings.zoom ? embedded : nothing, parametersOf(settings, 'zoom_lineages'))
    CALIBRATE(study, counts, COMPARE_COMPOSITION.out.summary, parametersOf(settings, 'calibrate'))
    ch_effects = COMPARE_COMPOSITION.out.effects
    COMPARE_EXPRESSION(study, ch_expressed, ch_effects, parametersOf(settings, 'compare_expression'))
    SCORE_GENE_SETS(study, pseudobulk, sets, parametersOf(settings, 'score_gene_sets'))
    ACTIVITIES(study, pseudobulk, migration, settings)
    INTERACTIONS(study, ch_talking, ch_pairs, depth, genes, ambient_genes, settings)
    COMPARE_COUPLING(
        study,
        ch_effects,
        COMPARE_COMPOSITION.out.donors,
        leavesOut(settings, 'expression') ? [] : COMPARE_EXPRESSION.out.effects,
        embedded,
        parametersOf(settings, 'compare_coupling'),
    )

    announced(COMPARE_COMPOSITION.out.results.flatten(), 'composition compared (# tables)')
    announced(ZOOM_LINEAGES.out.results.flatten(), 'subclusters compared (# tables)')
    announced(CALIBRATE.out.results.flatten(), 'claims counted of relabelled donors (# table)')
    announced(COMPARE_EXPRESSION.out.results.flatten(), 'expression compared (# tables)')
    announced(SCORE_GENE_SETS.out.results.flatten(), 'migration scores compared (# tables)')
    announced(COMPARE_COUPLING.out.results.flatten(), 'coupling of the compartments (# tables)')

    results = COMPARE_COMPOSITION.out.results.mix(
        ZOOM_LINEAGES.out.results,
        CALIBRATE.out.results,
        COMPARE_EXPRESSION.out.results,
        SCORE_GENE_SETS.out.results,
        ACTIVITIES.out.results,
        INTERACTIONS.out.results,
        COMPARE_COUPLING.out.results,
    )

    emit:
    results
}

// How active pathways and regulators are in each lineage, and how that differs.
workflow ACTIVITIES {
    take:
    study // study.json, without columns that no comparison looks at
    pseudobulk // h5ad
    migration // gene sets
    settings // name -> value, of the parameters

    main:
    // own pathways stand in place of the built-in ones
    def pathways = filesOf(settings, 'pathways')
    SCORE_ACTIVITIES(
        study,
        pseudobulk,
        pathways ?: [migration],
        filesOf(settings, 'regulators'),
        pathways ? '' : settings.lr_resource,
        pathways ? [] : tableOf(settings, 'lr_resource'),
        parametersOf(settings, 'score_activities'),
    )
    announced(SCORE_ACTIVITIES.out.results.flatten(), 'pathways and regulators compared (# tables)')
    results = SCORE_ACTIVITIES.out.results

    emit:
    results
}

// Who may talk to whom in each sample, and how that differs.
workflow INTERACTIONS {
    take:
    study // study.json, without columns that no comparison looks at
    cells // [meta, h5ad, doublets, labels]; none where the part is left out
    pseudobulk // h5ad; the same
    depth // table of samples: share of the UMIs that all are thinned to
    genes // table of genes that some files lack or name otherwise
    ambient_genes // table: genes that are no partner in a lineage
    settings // name -> value, of the parameters

    main:
    def table = tableOf(settings, 'lr_resource')
    def pairs = carried(projectDir.resolve('assets/interaction_groups.tsv'))
    RUN_LIANA(cells, settings.lr_resource, table, parametersOf(settings, 'run_liana'))
    SCORE_CENTRALITY(
        thinned(cells, depth),
        ambient_genes.collect(),
        settings.lr_resource,
        table,
        pairs,
        genes.collect(),
        parametersOf(settings, 'score_centrality'),
    )
    COMPARE_INTERACTIONS(
        study,
        pseudobulk,
        RUN_LIANA.out.liana.toSortedList { a, b -> a.name <=> b.name },
        SCORE_CENTRALITY.out.centrality.toSortedList { a, b -> a.name <=> b.name },
        SCORE_CENTRALITY.out.network.toSortedList { a, b -> a.name <=> b.name },
        settings.lr_resource,
        table,
        pairs,
        filesOf(settings, 'interaction_groups'),
        parametersOf(settings, 'compare_interactions'),
    )
    announced(COMPARE_INTERACTIONS.out.results.flatten(), 'interactions compared (# tables)')

    results = RUN_LIANA.out.results.mix(COMPARE_INTERACTIONS.out.results)

    emit:
    results
}

// Samples with the share of the UMIs that all are thinned to. By value, not by file: a sample's network is made anew
// only where its own share changes.
def thinned(cells, depth) {
    def kept = depth.flatMap { rows ->
        rows.splitCsv(header: true, sep: '\t').collect { row -> [row.sample, row.umis_kept] }
    }
    cells
        .map { meta, filtered, doublets, labels -> [meta.sample, meta, filtered, doublets, labels] }
        .join(kept)
        .map { _sample, meta, filtered, doublets, labels, share -> [meta, filtered, doublets, labels, share] }
}
