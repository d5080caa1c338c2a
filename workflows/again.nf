include { carriedTo ; givenOf ; namedAs ; optionsOf ; problemOf ; stateOf } from '../lib/again'
include { pathOf } from '../lib/files'
include { COMPARE_AGAIN } from '../modules/again'

// Published results, and what is asked of them otherwise: as `sc-compartments compare`, which is what the task runs.
workflow AGAIN {
    take:
    settings // name -> value, of the parameters

    main:
    given = givenOf(settings)
    problem = problemOf(settings, given)
    problem ? error("ERROR: ${problem}") : true
    before = pathOf(settings.from)
    cohort = [before.resolve('cohort/cohort.h5ad')].findAll { path -> path.exists() }
    COMPARE_AGAIN([before, stateOf(before), cohort], carriedTo(settings, given), optionsOf(settings, given))
    COMPARE_AGAIN.out.problems.subscribe { path ->
        if (path.text.trim()) {
            error("ERROR: ${namedAs(settings, path)}")
        }
    }
    ch_lines = COMPARE_AGAIN.out.said.map { path -> [namedAs(settings, path).readLines()] }
    made = COMPARE_AGAIN.out.results.map { paths -> [[paths].flatten()] }.combine(ch_lines)

    emit:
    made // [files as the task named them, in new/; lines on what was made anew, and which answers differ], once
}
