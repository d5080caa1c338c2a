include { code } from '../lib/code'
include { laidOut ; options ; quoted } from '../lib/options'
include { memoryFor ; timeFor } from '../lib/resources'
include { startedAs } from '../lib/versions'

// Every comparison that a change touches, made anew from published results; the rest is theirs. It calls the steps of
// the pipeline itself, so it has the code of all of them.
process COMPARE_AGAIN {
    label 'parallel'
    memory { memoryFor(task, cohort) }
    time { timeFor(task, cohort) }
    ext(code: { code([
        'compare', 'check_design', 'annotate_cells', 'sum_sample', 'merge_samples', 'embed_cohort',
        'compare_composition', 'power', 'zoom_lineages', 'calibrate', 'compare_expression', 'score_gene_sets',
        'score_activities', 'run_liana', 'score_centrality', 'compare_interactions', 'compare_coupling',
        'collect_skipped', 'write_findings', 'make_report', 'print_report',
    ]) })

    input:
    tuple path(results, stageAs: 'from/*'), val(state), val(cohort)
    tuple val(places), path(files, stageAs: 'staged/?/*')
    val given

    output:
    path('problems.txt', emit: problems)
    path('said.txt', emit: said)
    path('new/**', emit: results, optional: true)

    script:
    """
    # code ${task.ext.code}
    ${laidOut(places, 'carried')}
    export COMPARTMENTS_CARRIED="\$PWD/carried"
    sc-compartments compare ${quoted(results)} ${given} ${options(startedAs())} ${options(cpus: task.cpus)} \\
        --out new --problems problems.txt > said.txt
    """

    stub:
    """
    touch problems.txt
    echo 'The new report: new/report.html' > said.txt
    sc-compartments write_stub new/report.html new/changes.tsv new/findings.tsv new/pipeline_info/compare.json
    """
}
