"""Small simulated cohorts: the study, counts per lineage, and what the composition says of them."""

import numpy as np

from benchmarks.studies import count_study
from compartments.compare import composition, coupling
from compartments.core.left_out import LeftOut
from compartments.simulate.presets import preset_effects
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet


def long_counts(table, level="lineage"):
    long = table.rename_axis("sample").reset_index().melt("sample", var_name="lineage", value_name="n_cells")
    return long.assign(level=level)[["sample", "level", "lineage", "n_cells"]]


def study_of(samples, **options):
    return make_study(parse_samplesheet(samples.assign(filtered="x.h5ad").to_csv(index=False)), **options)


def cohort(preset="alemtuzumab", arms=(2, 4), seed=0, absolute=True, keep=None, **options):
    effects = preset_effects(preset)
    simulated = count_study(np.random.default_rng(seed), *arms, effects["CSF"], effects["blood"])
    samples = simulated.samples if absolute else simulated.samples.drop(columns="cells_per_ul")
    if keep is not None:
        samples = samples[keep(samples)]
    return study_of(samples, **options), simulated.counts.loc[samples["sample"]], simulated.truth


def analysed(preset="alemtuzumab", arms=(4, 4), seed=1, absolute=True):
    study, counts, _ = cohort(preset, arms, seed, absolute)
    return study, composition.compare(study, long_counts(counts))


def coupled(study, found):
    """Coupling and drivers of a composition, and the reasons for what they lack."""
    left_out = LeftOut("compare_coupling")
    return *coupling.compare(study, found.effects, found.donors, left_out), left_out.rows


def row_of(table, **values):
    for column, value in values.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]
