"""Small simulated cohorts: the study, counts per lineage, and what the composition says of them."""

import numpy as np
import pandas as pd

from benchmarks.studies import count_study
from compartments.compare import composition, coupling
from compartments.core.left_out import LeftOut
from compartments.simulate.presets import preset_effects
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet
from compartments.study.study import BETWEEN, Contrast
from compartments.study.terms import Part, Term, term_of


def long_counts(table, level="lineage"):
    long = table.rename_axis("sample").reset_index().melt("sample", var_name="lineage", value_name="n_cells")
    return long.assign(level=level)[["sample", "level", "lineage", "n_cells"]]


def study_of(samples, **options):
    return make_study(parse_samplesheet(samples.assign(filtered="x.h5ad").to_csv(index=False)), **options)


def asked(study, name, compartment="CSF", number=0):
    """A term of one of the study's contrasts."""
    return term_of(study, list(study.asked())[number], name, compartment)


def made_term(arms, paired=False, condition="a", reference="b", **columns):
    """A term of units with these arms, a donor each, in one compartment or between two."""
    parts = (Part("sample", 1.0, "CSF", ""), Part("reference_sample", -1.0, "blood", ""))[: 1 + paired]
    donors = [f"D{i}" for i in range(len(arms))]
    units = pd.DataFrame({"donor": donors, "arm": list(arms), **{part.column: donors for part in parts}} | columns)
    name = "interaction" if paired else "within:CSF"
    return Term(Contrast("c", condition, reference), name, "CSF", units, parts, BETWEEN)


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
