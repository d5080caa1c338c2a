include { announced } from '../lib/console'
include { digestsOf ; existing ; linesOf ; orderOf ; pathOf ; problemsIn } from '../lib/files'
include { isTrue ; parametersOf } from '../lib/options'
include { countingOf ; indexTooLarge ; sizeOf } from '../lib/resources'
include { otherStudy } from '../lib/results'
include { warned } from '../lib/warnings'
include { BUILD_INDEX ; CHECK_GENOME ; CHECK_PROGRAMS ; COMPARE_READS ; COUNT_READS } from '../modules/reads'
include { FIND_STRAND ; INSPECT_READS ; READ_QUALITY } from '../modules/reads'

// FASTQ of samples to their raw counts, when nothing is wrong with any file.
workflow READS {
    take:
    samples // [meta, files of reads 1, files of reads 2, chemistry of the samplesheet]
    rows // [meta, row of the samplesheet]
    genome // [FASTA, GTF], or empty texts
    study // study.json
    sound // once, when the files of counts of all other samples are sound
    beside // [meta, lines of sha256sum] of those files
    settings // name -> value, of the parameters

    main:
    // a program that is missing is told before anything is read
    CHECK_PROGRAMS(samples.map { _row -> true }.first(), parametersOf(settings, 'check_programs'))
    ch_here = CHECK_PROGRAMS.out.problems.map { path ->
        path.text.trim() ? error("ERROR: ${path.readLines().join('; ')}") : true
    }
    // what is mapped after it is given its look, which is another file then
    ch_read = samples.map { row -> row + ["${orderOf(row[1])}\n${orderOf(row[2])}".toString().trim()] }
    INSPECT_READS(ch_read.combine(ch_here).map { row -> row.take(5) })
    INDEX(ch_here.combine(genome).map { row -> row.takeRight(2) }, settings)
    lines = rows
        .combine(INSPECT_READS.out.problems, by: 0)
        .flatMap { _name, row, path -> linesOf(row, path) }
        .mix(INDEX.out.problems.filter { said -> said })
    // what was found of reads is a result: none is written into the folder of another study
    ch_digests = INSPECT_READS.out.hashes.mix(beside).flatMap { meta, path -> digestsOf(meta, path) }
    ch_fine = ch_here
        .combine(lines.count())
        .combine(sound)
        .combine(ch_digests.toList().map { found -> otherStudy(settings, found) })
        .filter { _here, n, _sound, _other -> n == 0 }
        .map { _here, _n, _sound, other -> other ? error("ERROR: ${other}") : true }
    INSPECT_READS.out.looks
        .map { _meta, path -> new groovy.json.JsonSlurper().parse(path).reads }
        .toList()
        .combine(ch_fine)
        .map { found -> found.dropRight(1) }
        .filter { reads -> reads } // none where all samples are given as counts
        .subscribe { reads -> log.info(countingOf(settings, reads).toString()) }
    ch_looked = isTrue(settings.read_quality) && !isTrue(settings.validate_only) ? samples : channel.empty()
    READ_QUALITY(ch_looked.combine(ch_fine).map { row -> row.take(3) })
    ch_index = isTrue(settings.validate_only) ? channel.empty() : INDEX.out.index.combine(ch_fine).first()
    ch_files = ch_index.map { index, _gb, _fine -> index }
    ch_gb = ch_index.map { _index, gb, _fine -> gb }

    ch_lanes = samples.map { row -> row.take(3) }
    FIND_STRAND(ch_lanes.join(INSPECT_READS.out.looks), ch_files, ch_gb, parametersOf(settings, 'find_strand'))
    warnedOnce(FIND_STRAND.out.strands)
    ch_strands = rows
        .combine(FIND_STRAND.out.problems, by: 0)
        .flatMap { _name, row, path -> linesOf(row, path) }
        .toList()
        .map { found -> problemsIn(found) ? error("ERROR: ${problemsIn(found)}") : true }
    ch_asked = ch_lanes.join(FIND_STRAND.out.strands).combine(ch_strands)
    COUNT_READS(ch_asked.map { row -> row.take(4) }, ch_files, ch_gb, parametersOf(settings, 'count_reads'))
    announced(COUNT_READS.out.counted, '# samples: reads counted')
    COMPARE_READS(study, COUNT_READS.out.results.collect(sort: { a, b -> a.name <=> b.name }))
    COMPARE_READS.out.warnings.subscribe { path -> path.readLines().each { line -> warned('compare_reads', '', line) } }

    counted = COUNT_READS.out.counted
    hashes = INSPECT_READS.out.hashes
    results = COUNT_READS.out.results.mix(COMPARE_READS.out.results)

    emit:
    lines // what is wrong with the reads, the genome or its genes
    counted // [meta, raw counts]
    hashes // [meta, lines of sha256sum]
    results
}

// The index that is given, or one that is made of a genome and its genes.
workflow INDEX {
    take:
    genome // [FASTA, GTF], once where there are reads to be mapped
    settings // name -> value, of the parameters

    main:
    def given = settings.star_index
    ch_made = given ? channel.empty() : genome.map { fasta, _gtf -> fileOfGenome(fasta, 'fasta') }
    ch_genes = given ? channel.empty() : genome.map { _fasta, gtf -> fileOfGenome(gtf, 'gtf') }
    CHECK_GENOME(ch_made, ch_genes, parametersOf(settings, 'check_genome'))
    CHECK_GENOME.out.plan.subscribe { path -> log.info(path.text.trim()) }
    ch_genome = CHECK_GENOME.out.genome.map { path -> [new groovy.json.JsonSlurper().parse(path), path] }
    ch_given = given
        ? genome
            .map { _files -> existing(pathOf(settings.star_index), '--star_index') }
            .map { path -> [path, sizeOf([path]) / 1000 + 2.5] }
        : channel.empty()
    // an index that is there already is not built again
    ch_large = ch_genome
        .map { made, _path ->
            [made.gb, pathOf("${settings.index_store}/${made.folder}").exists() ? 0 : made.gb_to_build]
        }
        .mix(ch_given.map { _path, gb -> [gb, 0] })
        .map { gb, gbToBuild -> indexTooLarge(settings, gb, gbToBuild) }
    ch_fits = ch_large.filter { said -> !said && !isTrue(settings.validate_only) }
    ch_asked = ch_genome.combine(ch_fits).map { row -> row.take(2) }
    BUILD_INDEX(ch_asked, ch_made, ch_genes, settings.index_store, parametersOf(settings, 'build_index'))
    index = BUILD_INDEX.out.index.combine(ch_genome).map { path, made, _path -> [path, made.gb] }.mix(ch_given)
    problems = CHECK_GENOME.out.problems.flatMap { path -> path.readLines() }.mix(ch_large)

    emit:
    index // [folder, GB of memory that mapping takes]
    problems // lines
}

// A warning of the index, which is the same of every sample.
def warnedOnce(strands) {
    strands
        .map { _meta, path -> new groovy.json.JsonSlurper().parse(path).warning }
        .filter { said -> said }
        .first()
        .subscribe { said -> warned('find_strand', '', said) }
}

// A file that samples given as FASTQ need.
def fileOfGenome(given, name) {
    def hint = 'samples given as FASTQ need --fasta and --gtf, or --star_index'
    given ? existing(pathOf(given.toString()), "--${name}") : error("ERROR: --${name} is missing: ${hint}")
}
