include { existing ; filesOf ; locate ; pathOf } from '../lib/files'
include { parametersOf } from '../lib/options'
include { SPLIT_STUDY } from '../modules/input'
include { MODELS } from './labels'
include { SIMULATE } from './simulate'

// What to analyse, and what names its cells: the user's samplesheet, or a cohort with known truth.
workflow GIVEN {
    take:
    settings // name -> value, of the parameters
    named // [[[compartment or empty, CellTypist model, whether by name], ...], [labelled cells]], either may be empty

    main:
    def (given, reference) = named
    def hint = 'give a CellTypist model by name (Immune_All_Low) or its file (.pkl), or --label_reference'
    ch_reference = channel.fromList(reference)
    if (settings.simulate) {
        SIMULATE(settings.simulate, settings)
        samplesheet = SIMULATE.out.samplesheet
        genome = SIMULATE.out.genome
        ch_reference = given || reference ? ch_reference : SIMULATE.out.reference
    }
    else {
        SHEET(settings)
        given || reference ?: error("ERROR: --celltypist_model is missing: ${hint}; see docs/use/usage.md")
        samplesheet = SHEET.out.samplesheet
        genome = channel.value([settings.fasta ?: '', settings.gtf ?: ''])
    }
    def column = reference ? settings.label_reference_column ?: '' : 'lineage'
    MODELS(channel.value(given), ch_reference, column, settings)
    models = MODELS.out.models

    emit:
    samplesheet // file
    genome // [FASTA, GTF], or empty texts, of samples given as reads
    models // [[compartment or empty, CellTypist model, whether by name], ...]
}

// The user's samplesheet, or that of a whole study in one file with a file for each sample.
workflow SHEET {
    take:
    settings // name -> value, of the parameters

    main:
    study = settings.study_file
    settings.input || study ?: error('ERROR: --input is missing: give a samplesheet, or try -profile demo')
    sheets = filesOf(settings, 'input')
    pools = study ? poolsOf(study) : []
    wrong = pools.find { one -> one.problem }
    wrong ? error("ERROR: --study_file ${study} row ${wrong.row}, column ${wrong.column}: ${wrong.problem}") : true
    ch_study = study ? channel.value(pools.collect { one -> one.path }) : channel.empty()
    SPLIT_STUDY(
        ch_study,
        pools.findResults { one -> one.pool },
        sheets,
        filesOf(settings, 'sample_table'),
        filesOf(settings, 'hashtags'),
        parametersOf(settings, 'split_study'),
    )
    SPLIT_STUDY.out.notes.subscribe { path -> path.readLines().each { line -> log.info(line) } }
    ch_sound = SPLIT_STUDY.out.problems.map { path -> path.text.trim() ? error("ERROR: ${path.text.trim()}") : true }
    ch_split = SPLIT_STUDY.out.samplesheet.combine(ch_sound).map { path, _sound -> path }.first()
    samplesheet = study ? ch_split : channel.value(sheets[0])

    emit:
    samplesheet
}

// The file of a whole study, or those of its pools, of which a table has a row each: [path, pool, or a problem], ...
def poolsOf(text) {
    def path = existing(pathOf(text), '--study_file')
    if (!(path.name =~ /(?i)\.(csv|tsv)$/)) {
        return [[path: path]]
    }
    def rows = path.splitCsv(header: true, strip: true, sep: path.text.readLines()[0].contains('\t') ? '\t' : ',')
    rows.withIndex(2).collect { row, number ->
        def lacking = ['pool', 'file'].find { column -> !row[column] }
        def twice = rows.count { other -> other.pool == row.pool } > 1
        def found = lacking || twice ? [:] : locate(row.file, path.parent, number, 'file')
        def said = lacking ? 'empty or not there; give pool and file' : "'${row.pool}' is there twice; name pools apart"
        lacking || twice
            ? [row: number, column: lacking ?: 'pool', problem: said]
            // in parentheses: the newest parsers take `Map ?` for a type that may be null
            : (found instanceof Map) ? found : [path: found, pool: row.pool]
    }
}
