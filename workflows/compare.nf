include { carried } from '../lib/code'
include { announced } from '../lib/console'
include { filesOf ; tableOf } from '../lib/files'
include { leavesOut } from '../lib/options'
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

    main:
    def table = tableOf(params.lr_resource, 'lr_resource')
    def pairs = carried(projectDir.resolve('assets/interaction_groups.tsv'))
    def migration = carried(projectDir.resolve('assets/migration_sets.gmt'))
    def sets = [migration] + filesOf(params.gene_sets, 'gene_sets')
    // own pathways stand in place of the built-in ones
    def pathways = filesOf(params.pathways, 'pathways')
    def (resource, sides) = pathways ? ['', []] : [params.lr_resource, table]
    def regulators = filesOf(params.regulators, 'regulators')

    // parts that the run is to leave out get nothing to work on
    def nothing = channel.empty()
    ch_expressed = leavesOut('expression') ? nothing : pseudobulk
    ch_talking = leavesOut('interactions') ? nothing : cells
    ch_pairs = leavesOut('interactions') ? nothing : pseudobulk

    COMPARE_COMPOSITION(study, counts)
    ZOOM_LINEAGES(study, params.zoom ? embedded : nothing)
    CALIBRATE(study, counts, COMPARE_COMPOSITION.out.summary)
    COMPARE_EXPRESSION(study, ch_expressed, COMPARE_COMPOSITION.out.effects)
    SCORE_GENE_SETS(study, pseudobulk, sets)
    SCORE_ACTIVITIES(study, pseudobulk, pathways ?: [migration], regulators, resource, sides)
    RUN_LIANA(ch_talking, params.lr_resource, table)
    ch_thinned = thinned(ch_talking, depth)
    SCORE_CENTRALITY(ch_thinned, ambient_genes.collect(), params.lr_resource, table, pairs, genes.collect())
    COMPARE_INTERACTIONS(
        study,
        ch_pairs,
        byName(RUN_LIANA.out.liana),
        byName(SCORE_CENTRALITY.out.centrality),
        byName(SCORE_CENTRALITY.out.network),
        params.lr_resource, table, pairs, filesOf(params.interaction_groups, 'interaction_groups'),
    )
    ch_genes = leavesOut('expression') ? [] : COMPARE_EXPRESSION.out.effects
    COMPARE_COUPLING(study, COMPARE_COMPOSITION.out.effects, COMPARE_COMPOSITION.out.donors, ch_genes, embedded)

    announced(COMPARE_COMPOSITION.out.results.flatten(), 'composition compared (# tables)')
    announced(ZOOM_LINEAGES.out.results.flatten(), 'subclusters compared (# tables)')
    announced(CALIBRATE.out.results.flatten(), 'claims counted of relabelled donors (# table)')
    announced(COMPARE_EXPRESSION.out.results.flatten(), 'expression compared (# tables)')
    announced(SCORE_GENE_SETS.out.results.flatten(), 'migration scores compared (# tables)')
    announced(SCORE_ACTIVITIES.out.results.flatten(), 'pathways and regulators compared (# tables)')
    announced(COMPARE_INTERACTIONS.out.results.flatten(), 'interactions compared (# tables)')
    announced(COMPARE_COUPLING.out.results.flatten(), 'coupling of the compartments (# tables)')

    results = COMPARE_COMPOSITION.out.results.mix(
        ZOOM_LINEAGES.out.results,
        CALIBRATE.out.results,
        COMPARE_EXPRESSION.out.results,
        SCORE_GENE_SETS.out.results,
        SCORE_ACTIVITIES.out.results,
        RUN_LIANA.out.results,
        COMPARE_INTERACTIONS.out.results,
        COMPARE_COUPLING.out.results,
    )

    emit:
    results
}

// All files of a channel in one order, whatever was ready first.
def byName(channel) {
    channel.toSortedList { a, b -> a.name <=> b.name }
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
