include { code } from '../lib/code'
include { options } from '../lib/options'
include { memoryFor ; timeFor } from '../lib/resources'

// The table of several pools, by the rules of all tables that users write.
process READ_POOLS {
    label 'light'
    ext(code: { code('read_pools') })

    input:
    path(table, stageAs: 'table/*')

    output:
    path('problems.txt', emit: problems)
    path('pools.json', emit: pools, optional: true)
    tuple(val(task.process), eval('sc-compartments versions pandas'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments read_pools ${options(table: table)} --problems problems.txt
    """
}

// One h5ad of a whole study, or one of each pool, to a file for each sample, and the samplesheet that names them.
process SPLIT_STUDY {
    label 'light'
    memory { memoryFor(task, [study]) }
    time { timeFor(task, [study]) }
    ext(code: { code('split_study') })

    input:
    path(study, stageAs: 'study/?/*')
    val pools // names of several files, or an empty list
    val order // of the files
    path(samplesheet, stageAs: 'sheet/*')
    path(table, stageAs: 'table/*')
    path(tags, stageAs: 'tags/*')
    val given

    output:
    path('problems.txt', emit: problems)
    path('notes.txt', emit: notes)
    path('split/*.csv', emit: samplesheet, optional: true)
    path('split/samples/*', emit: samples, optional: true)
    tuple(val(task.process), eval('sc-compartments versions anndata h5py scanpy scipy'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments split_study ${options(path: study, pool: pools, samplesheet: samplesheet)} \\
        ${options(sample_table: table, hashtags: tags)} ${given} --problems problems.txt --notes notes.txt
    """
}

// The samplesheet, the parameters and the questions, before any data are read.
process CHECK_DESIGN {
    label 'light'
    ext(code: { code('check_design') })

    input:
    path(samplesheet, stageAs: 'sheet/*')
    path(contrasts, stageAs: 'contrasts/*')
    path schema
    val parameters
    val resource
    path(resource_table, stageAs: 'resource/*')
    path(groups, stageAs: 'groups/*')
    path(sets, stageAs: 'sets/*')
    path(pathways, stageAs: 'pathways/*')
    path(regulators, stageAs: 'networks/*')
    path(palette, stageAs: 'palette/*')
    path(overrides, stageAs: 'overrides/*')
    path(logo, stageAs: 'logo/*')

    output:
    path('problems.txt', emit: problems)
    path('study.json', emit: study, optional: true)
    path('ordered.json', emit: ordered, optional: true)
    path('compared.json', emit: compared, optional: true)
    path('samples.tsv', emit: samples, optional: true)
    path('plan.txt', emit: plan, optional: true)
    path('by_hand/*.tsv', emit: by_hand, optional: true)
    path('{study.json,samples.tsv,design.tsv,pipeline_info/params.json}', emit: results, optional: true)
    tuple(val(task.process), eval('sc-compartments versions pandas'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    cat > params.json <<'PARAMETERS'
    ${parameters}
    PARAMETERS
    sc-compartments check_design ${options(samplesheet: samplesheet, contrasts: contrasts)} \\
        ${options(interaction_groups: groups, lr_resource: resource_table ?: resource)} \\
        ${options(palette: palette, schema: schema, label_overrides: overrides, logo: logo)} \\
        ${options(gene_sets: sets, pathways: pathways, regulators: regulators)} \\
        --params params.json --problems problems.txt
    """
}

// Does the file open and does it hold counts? Cheap; all inputs are looked at before anything is computed.
process INSPECT_INPUT {
    tag "${meta.sample} ${column}"
    label 'light'
    label 'array'
    memory { memoryFor(task, [matrix]) }
    time { timeFor(task, [matrix]) }
    ext(code: { code('inspect_input') })

    input:
    tuple val(meta), val(column), path(matrix, stageAs: 'input/*'), val(asked), path(by_hand, stageAs: 'by_hand/*')
    path(gtf, stageAs: 'gtf/*')
    val given

    output:
    tuple(val(meta), path('problems.txt'), emit: problems)
    tuple(val(meta), path('doubts.txt'), emit: doubts)
    tuple(val(meta), path('input.sha256'), emit: hashes)
    path('*.cells.json', emit: cells, optional: true)
    path('*.beside.json', emit: beside, optional: true)
    tuple(val(meta), path('extent.json'), emit: extents, optional: true)
    tuple(val(task.process), eval('sc-compartments versions anndata h5py pandas'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    (cd input && find -L . -type f -printf '%P\\n' | LC_ALL=C sort | xargs -r -d '\\n' sha256sum) > input.sha256
    sc-compartments inspect_input ${options(sample: meta.sample, column: column)} \\
        ${options(path: matrix, label_overrides: by_hand, gtf: gtf)} ${options(asked)} ${given}
    """

    stub:
    """
    touch problems.txt doubts.txt
    (cd input && find -L . -type f -printf '%P\\n' | LC_ALL=C sort | xargs -r -d '\\n' sha256sum) > input.sha256
    """
}

// Are any cells given twice, as one file under two names or as lanes of one library? Do files list different genes?
process CHECK_CAPTURES {
    label 'light'
    memory { memoryFor(task, [cells]) }
    time { timeFor(task, [cells]) }
    ext(code: { code('check_captures') })

    input:
    path study
    path cells
    path beside

    output:
    path('problems.txt', emit: problems)
    path('notes.txt', emit: notes)
    tuple(val(task.process), eval('sc-compartments versions numpy pandas'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments check_captures ${options(study: study, cells: cells, beside: beside)}
    """

    stub:
    """
    touch problems.txt notes.txt
    """
}

// Models, tables and names that the labels rest on, looked at before any cell is.
process CHECK_LABELS {
    label 'light'
    memory { memoryFor(task, [cells]) }
    time { timeFor(task, [cells]) }
    ext(code: { code('check_labels') })

    input:
    path study
    path compared
    path(models, stageAs: 'models/?/*')
    val said
    path known_models
    path lineage_map
    path markers
    path(overrides, stageAs: 'overrides/*')
    path(clusters, stageAs: 'clusters/*')
    path(cells, stageAs: 'cells/*')
    val given

    output:
    path('problems.txt', emit: problems)
    path('notes.txt', emit: notes)
    path('pipeline_info/labelled.json', emit: compared, optional: true)
    path('pipeline_info/label_meanings.tsv', emit: meanings, optional: true)
    path('pipeline_info/{models.tsv,label_meanings.tsv,labelled.json}', emit: results, optional: true)
    tuple(val(task.process), eval('sc-compartments versions celltypist pandas'), topic: versions)

    script:
    """
    # code ${task.ext.code}
    sc-compartments check_labels ${options(study: study, compared: compared, model: models)} \\
        ${options(lineage_map: lineage_map, markers: markers)} \\
        ${options(compartment: said.compartment, by_name: said.by_name, known_models: known_models)} \\
        ${options(label_overrides: overrides, label_clusters: clusters, cells: cells)} \\
        ${given} --problems problems.txt --notes notes.txt
    """

    stub:
    """
    touch problems.txt notes.txt
    sc-compartments write_stub pipeline_info/models.tsv pipeline_info/label_meanings.tsv
    cp ${compared} pipeline_info/labelled.json
    """
}
