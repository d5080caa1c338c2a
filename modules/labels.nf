include { code } from '../lib/code'
include { sampleFailed } from '../lib/failures'
include { options } from '../lib/options'
include { memoryFor ; timeFor } from '../lib/resources'

// A CellTypist model from labelled cells, named as their file.
process TRAIN_MODEL {
    tag "${reference.baseName}"
    label 'cohort'
    memory { memoryFor(task, [reference]) }
    time { timeFor(task, [reference]) }
    ext(code: { code('train_model') })

    input:
    path reference
    val column
    path(lineage_map, stageAs: 'map/*')
    val given

    output:
    path('problems.txt', emit: problems)
    path('notes.txt', emit: notes)
    path('*.pkl', emit: model, optional: true)
    tuple(val(task.process), eval('sc-compartments versions celltypist scikit-learn'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments train_model ${options(label_reference: reference, label_reference_column: column)} \\
        ${options(lineage_map: lineage_map, out: "${reference.baseName}.pkl")} ${given} \\
        --problems problems.txt --notes notes.txt
    """

    stub:
    """
    touch problems.txt notes.txt
    sc-compartments write_stub model.pkl
    """
}

// CellTypist labels, summed within lineages and checked against markers.
process ANNOTATE_CELLS {
    tag "${meta.sample}"
    label 'sample'
    label 'array'
    memory { memoryFor(task, [filtered]) }
    time { timeFor(task, [filtered]) }
    ext(code: { code('annotate_cells') })
    errorStrategy { sampleFailed(task, meta) }

    input:
    tuple val(meta), path(filtered), val(row), path(models, stageAs: 'models/?/*'), path(by_hand, stageAs: 'by_hand/*')
    path known_models
    path lineage_map
    path markers
    path meanings
    path(clusters, stageAs: 'clusters/*')
    val given

    output:
    tuple(val(meta), path("samples/*/${meta.sample}.labels.tsv.gz"), emit: labels, optional: true)
    path('samples/*/*.labels.json', emit: results, optional: true)
    path('skipped.tsv', topic: skipped)
    path('[!.]*/**', topic: published, optional: true)
    tuple(val(task.process), eval('sc-compartments versions celltypist scikit-learn'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments annotate_cells ${options(cells: filtered, compartment: row.compartment, model: models)} \\
        ${options(lineage_map: lineage_map, markers: markers, label_overrides: by_hand)} \\
        ${options(label_meanings: meanings)} \\
        ${options(label_clusters: clusters, known_models: known_models)} ${given}
    """

    stub:
    """
    sc-compartments write_stub --sample '${meta.sample}' skipped.tsv \\
        samples/${meta.sample}/${meta.sample}.labels.tsv.gz samples/${meta.sample}/${meta.sample}.labels.json
    """
}
