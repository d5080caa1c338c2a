"""Count-level studies with known truth, through the composition step: what the benches of the statistics share."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmarks.studies import count_study
from compartments.compare import composition, coupling
from compartments.compare.zero import kernel_mode
from compartments.core.left_out import LeftOut
from compartments.findings.answers import answer_all
from compartments.findings.rows import Tables
from compartments.simulate.presets import preset_effects
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet


def long_counts(table):
    """Samples x lineages as ``counts.tsv``."""
    long = table.rename_axis("sample").reset_index().melt("sample", var_name="lineage", value_name="n_cells")
    return long.assign(level="lineage")


def study_of(samples, covariates=()):
    """The study of simulated samples, by way of a samplesheet."""
    sheet = parse_samplesheet(samples.assign(filtered="none.h5ad").to_csv(index=False))
    return make_study(sheet, covariates=covariates)


class Claims(NamedTuple):
    """What a run says of one study: tables of composition and coupling, and the findings."""

    effects: pd.DataFrame
    coupling: pd.DataFrame
    findings: pd.DataFrame


def composed(samples, counts, covariates=()):
    """The study, and the composition, of samples x lineages."""
    study = study_of(samples, covariates)
    return study, composition.compare(study, long_counts(counts))


def claims(samples, counts, covariates=()):
    """All that composition and coupling lead to, for one study of samples x lineages."""
    study, found = composed(samples, counts, covariates)
    coupled, drivers = coupling.compare(study, found.effects, found.donors, LeftOut("compare_coupling"))
    tables = {"composition": found.effects, "calls": found.calls, "single_case": found.single_case}
    tables |= {"coupling": coupled if len(coupled) else None, "drivers": drivers if len(drivers) else None}
    answers = answer_all(study, Tables(**tables, composition_summary=found.summary))
    return Claims(found.effects, coupled, answers)


def analyse(simulated, absolute=True, with_coupling=False):
    """Composition of one simulated study (and its coupling, else None)."""
    samples = simulated.samples if absolute else simulated.samples.drop(columns="cells_per_ul")
    study = study_of(samples)
    found = composition.compare(study, long_counts(simulated.counts))
    if not with_coupling:
        return found, None
    return found, coupling.compare(study, found.effects, found.donors, LeftOut("compare_coupling"))[0]


def many(preset, arms, n, seed, absolute=True, with_coupling=False, effects=None, unequal=0.0):
    """Results of ``n`` studies, stacked, with column ``study``.

    Parameters
    ----------
    preset : str
        Of :data:`compartments.simulate.presets.PRESETS`.
    arms : pair of int
        Donors with the condition and of the reference.
    effects : DataFrame, optional
        Columns ``CSF``, ``blood``; instead of those of the preset.
    unequal : float
        Log-normal spread of the lineages' sample variances.

    Returns
    -------
    effects : DataFrame
        With ``truth`` (log2; on the relative scale against the change that most lineages share).
    calls : DataFrame
        With ``truth_u, truth_own, truth_base``: absolute changes.
    coupling : DataFrame or None
    """
    rng = np.random.default_rng(seed)
    planted = preset_effects(preset) if effects is None else effects
    terms = {"within:CSF": planted["CSF"], "within:blood": planted["blood"]}
    terms["interaction"] = planted["CSF"] - planted["blood"]
    rows = {"effects": [], "calls": [], "coupling": []}
    for number in range(n):
        sd = 0.3 * rng.lognormal(0, unequal, len(planted)) if unequal else 0.3
        simulated = count_study(rng, *arms, planted["CSF"], planted["blood"], sd_sample=sd)
        found, coupled = analyse(simulated, absolute, with_coupling)
        rows["effects"].append(found.effects.assign(study=number))
        rows["calls"].append(found.calls.assign(study=number))
        if with_coupling:
            rows["coupling"].append(coupled.assign(study=number))
    table, calls = pd.concat(rows["effects"]), pd.concat(rows["calls"])
    # half a log2 is about the standard error of an estimate at these sizes
    zeros = {term: 0.0 if absolute else kernel_mode(x.to_numpy(), np.full(len(x), 0.5)) for term, x in terms.items()}
    truth = pd.concat({term: x - zeros[term] for term, x in terms.items()})
    table["truth"] = truth.reindex(pd.MultiIndex.from_frame(table[["term", "lineage"]])).to_numpy()
    for name, term in (("truth_u", "interaction"), ("truth_own", "within:CSF"), ("truth_base", "within:blood")):
        calls[name] = calls["lineage"].map(terms[term])
    return table, calls, pd.concat(rows["coupling"]) if with_coupling else None


def first_study(effects, others):
    """Sums over the first study of tables that :func:`many` gave, which change when an estimate or a test does."""
    one = effects[effects["study"] == 0]
    found = {"p": one["p_value"].sum(), "width": (one["ci_high"] - one["ci_low"]).sum()}
    return found | {"other p": others.loc[others["study"] == 0, "p_value"].sum()}
