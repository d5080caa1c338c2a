include { code } from '../lib/code'
include { sampleFailed } from '../lib/failures'
include { options } from '../lib/options'
include { memoryFor ; timeFor } from '../lib/resources'

// Are the programs here that the reads will be given to?
process CHECK_PROGRAMS {
    label 'counts'
    cache false // what is missing now may be here when the run goes on
    ext(code: { code('check_programs', 'counts') })

    input:
    val asked // once, where there are reads
    val given

    output:
    path('problems.txt', emit: problems)

    script:
    """
    # code ${task.ext.code}
    sc-compartments check_programs ${given}
    """

    stub:
    """
    touch problems.txt
    """
}

// Whole reads of all lanes, their chemistry, what is wrong with them: before anything is mapped.
process INSPECT_READS {
    tag "${meta.sample}"
    label 'counts'
    label 'array'
    memory { memoryFor(task, [first, second]) }
    time { timeFor(task, [first, second]) }
    ext(code: { code('inspect_reads', 'counts') })

    input:
    tuple val(meta), path(first, stageAs: 'first/?/*'), path(second, stageAs: 'second/?/*'), val(chemistry), val(order)

    output:
    tuple(val(meta), path('problems.txt'), emit: problems)
    tuple(val(meta), path('*.look.json'), emit: looks, optional: true)
    tuple(val(meta), path('input.sha256'), emit: hashes)

    script:
    """
    # code ${task.ext.code}
    (find -L first second -type f | LC_ALL=C sort | xargs -d '\\n' sha256sum) > staged.sha256
    sed 's#  [a-z]*/[0-9]*/#  #' staged.sha256 > input.sha256
    sc-compartments inspect_reads ${options(sample: meta.sample, chemistry: chemistry)} \\
        ${options(fastq_1: first, fastq_2: second)}
    """

    stub:
    """
    touch problems.txt
    (find -L first second -type f | LC_ALL=C sort | xargs -d '\\n' sha256sum) > staged.sha256
    sed 's#  [a-z]*/[0-9]*/#  #' staged.sha256 > input.sha256
    echo '{"reads": 0}' > ${meta.sample}.look.json
    """
}

// Qualities of bases and reads, for MultiQC; the reads stay as they are.
process READ_QUALITY {
    tag "${meta.sample}"
    label 'counts'
    label 'array'
    label 'parallel'
    memory { memoryFor(task, [first, second]) }
    time { timeFor(task, [first, second]) }
    ext(code: { code('read_quality', 'counts') })

    input:
    tuple val(meta), path(first, stageAs: 'first/?/*'), path(second, stageAs: 'second/?/*')

    output:
    path('[!.]*/**', topic: published, optional: true)
    tuple(val(task.process), eval('fastp --version 2>&1 | tr " " "="'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments read_quality ${options(sample: meta.sample, fastq_1: first, fastq_2: second)}
    """

    stub:
    """
    sc-compartments write_stub samples/${meta.sample}/${meta.sample}_R1.fastp.json
    """
}

// Are genome and genes of each other, and what will an index of them need?
process CHECK_GENOME {
    label 'counts'
    memory { memoryFor(task, [fasta, gtf]) }
    time { timeFor(task, [fasta, gtf]) }
    ext(code: { code('check_genome', 'counts') })

    input:
    path(fasta, stageAs: 'fasta/*')
    path(gtf, stageAs: 'gtf/*')
    val given

    output:
    path('problems.txt', emit: problems)
    path('genome.json', emit: genome, optional: true)
    path('plan.txt', emit: plan, optional: true)

    script:
    """
    # code ${task.ext.code}
    sc-compartments check_genome ${options(fasta: fasta, gtf: gtf)} ${given}
    """

    stub:
    """
    touch problems.txt plan.txt
    echo '{"gb": 1, "gb_to_build": 1, "folder": "stub"}' > genome.json
    """
}

// The counter's index, kept for other runs: one for a genome and its genes, whatever their files are called.
process BUILD_INDEX {
    label 'counts'
    cpus { 8 }
    memory { 1.GB * Math.ceil(genome.gb_to_build as double).toInteger() * task.attempt }
    time { 12.h * task.attempt }
    storeDir "${store}"
    ext(code: { code('build_index', 'counts') })

    input:
    tuple val(genome), path(look)
    path(fasta, stageAs: 'fasta/*')
    path(gtf, stageAs: 'gtf/*')
    val store // folder
    val given

    output:
    path("${genome.folder}", emit: index)

    script:
    """
    # code ${task.ext.code}
    sc-compartments build_index ${options(genome: look, fasta: fasta, gtf: gtf, out: genome.folder)} \\
        ${options(cpus: task.cpus)} ${given}
    """

    stub:
    """
    mkdir ${genome.folder}
    """
}

// A part of the reads: are they of this genome, and which way do they run?
process FIND_STRAND {
    tag "${meta.sample}"
    label 'counts'
    cpus { 8 }
    memory { 1.GB * Math.ceil(gb as double).toInteger() * task.attempt }
    time { 2.h * task.attempt }
    ext(code: { code('find_strand', 'counts') })

    input:
    tuple val(meta), path(first, stageAs: 'first/?/*'), path(second, stageAs: 'second/?/*'), path(look)
    path(index, stageAs: '.index') // hidden: what lies in other folders is public
    val gb
    val given

    output:
    tuple(val(meta), path('problems.txt'), emit: problems)
    tuple(val(meta), path('*.strand.json'), emit: strands, optional: true)

    script:
    """
    # code ${task.ext.code}
    sc-compartments find_strand ${options(look: look, fastq_1: first, fastq_2: second, index: index)} \\
        ${options(cpus: task.cpus)} ${given}
    """

    stub:
    """
    touch problems.txt
    cp ${look} ${meta.sample}.strand.json
    """
}

// All reads of a sample to molecules per droplet and gene.
process COUNT_READS {
    tag "${meta.sample}"
    label 'sample'
    label 'counts'
    cpus { 8 }
    memory { 1.GB * Math.ceil(gb as double).toInteger() * task.attempt }
    time { 24.h * task.attempt }
    ext(code: { code('count_reads', 'counts') })
    errorStrategy { sampleFailed(task, meta) }

    input:
    tuple val(meta), path(first, stageAs: 'first/?/*'), path(second, stageAs: 'second/?/*'), path(strand)
    path(index, stageAs: '.index') // hidden: what lies in other folders is public
    val gb
    val given

    output:
    tuple(val(meta), path("${meta.sample}.counted.h5"), emit: counted)
    path('samples/*/*.reads.json', emit: results)
    path('[!.]*/**', topic: published, optional: true)
    tuple(val(task.process), eval('sc-compartments versions numpy h5py; cat .versions'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments count_reads ${options(strand: strand, fastq_1: first, fastq_2: second, index: index)} \\
        ${options(cpus: task.cpus)} ${given}
    """

    stub:
    """
    touch .versions
    sc-compartments write_stub --sample '${meta.sample}' ${meta.sample}.counted.h5 \\
        samples/${meta.sample}/${meta.sample}.reads.json
    """
}

// Reads of all samples side by side.
process COMPARE_READS {
    label 'light'
    ext(code: { code('compare_reads') })

    input:
    path study
    path reads

    output:
    path('cohort/reads.tsv', emit: results)
    path('warnings.txt', emit: warnings)
    path('[!.]*/**', topic: published, optional: true)

    script:
    """
    # code ${task.ext.code}
    sc-compartments compare_reads ${options(study: study, reads: reads)}
    """

    stub:
    """
    sc-compartments write_stub cohort/reads.tsv
    touch warnings.txt
    """
}
