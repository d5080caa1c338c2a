"""Scores of pseudobulks, of gene sets or others: what they are made of, their means over lineages, donors compared.

Donors, not genes or cells, are the observations of every test.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.cohort import pseudobulk
from compartments.cohort.ambient_genes import ambient_genes, assume_ambient
from compartments.cohort.pseudobulk import Lineage
from compartments.compare.by_arm import ByArm
from compartments.compare.engine import OTHER_TEST, Compared, Comparison, compare_every
from compartments.compare.normalisation import log_cpm
from compartments.core.left_out import LeftOut
from compartments.core.vocabulary import AMBIENT_SHARE_MAX
from compartments.study.study import CHANGE, Study
from compartments.study.terms import Term, terms_of

ALL = "all"
NAMED = 3  # sets of a reason; the others are counted
MIN_SAMPLES = 3  # a z-score over fewer says nothing


def read_lineages(path: str, study: Study, min_cells: int, left_out: LeftOut) -> tuple[list[Lineage], pd.Index, int]:
    """Pseudobulks of lineages as scores are made of them, with the genes that :func:`without_ambient` keeps.

    Parameters
    ----------
    path : str
        ``pseudobulk.h5ad`` of merge_samples.
    study : Study
        Of specimens.
    min_cells : int
        Of a pseudobulk.
    left_out : LeftOut

    Returns
    -------
    lineages : list of Lineage
    genes : Index
        All of the file.
    n_samples : int
        That have a pseudobulk of ``min_cells``.
    """
    data = pseudobulk.read_pseudobulk(path, study, ["counts", "corrected", "ambient"], left_out)
    assume_ambient(data)
    lineages = pseudobulk.lineages(data, min_cells, left_out)
    kept = [without_ambient(lineage, left_out) for lineage in lineages]
    scored = set[str]().union(*(lineage.samples.index for lineage in kept))
    for sample in data.obs["sample"].unique():
        if sample not in scored:
            left_out.add(f"no lineage of {min_cells} cells: without scores", sample=sample)
    return kept, data.var_names, len(scored)


def without_ambient(lineage: Lineage, left_out: LeftOut, ambient_share_max: float = AMBIENT_SHARE_MAX) -> Lineage:
    """The lineage without the genes that :func:`ambient_genes` finds, as in expression,
    nor those that the file of any of its samples does not list.

    Parameters
    ----------
    lineage : Lineage
        With raw and ambient counts.
    left_out : LeftOut
        Gets how many genes there were.
    ambient_share_max : float
    """
    if lineage.counts is None or lineage.ambient is None:
        raise TypeError(f"{lineage.name} was read without its raw and ambient counts")
    groups = (lineage.samples["condition"] + " " + lineage.samples["compartment"]).to_numpy()
    kept, lacking = ~ambient_genes(lineage.counts, lineage.ambient, groups, ambient_share_max), lineage.lacking()
    if not kept.all():
        reason = f"{(~kept).sum()} genes do not count in scores: more than {ambient_share_max:.0%} of them was ambient"
        left_out.add(reason, lineage=lineage.name)
    if lacking.any():
        reason = "genes do not count in scores: the files of some samples do not list them (cohort/genes.tsv)"
        left_out.add(f"{lacking.sum()} {reason}", lineage=lineage.name)
    kept &= ~lacking
    return Lineage(lineage.name, lineage.samples, lineage.genes[kept], lineage.corrected[:, kept], None, None)


def enough_samples(lineage: Lineage, left_out: LeftOut) -> bool:
    """Whether z-scores of a lineage say something; if not, ``left_out`` gets the lineage."""
    if few := len(lineage.samples) < MIN_SAMPLES:
        reason = f"not_testable: {len(lineage.samples)} samples have enough cells, needs {MIN_SAMPLES}"
        left_out.add(reason, lineage=lineage.name)
    return not few


def standardised(lineage: Lineage) -> tuple[pd.Index, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Expression of the genes that are counted in at least two samples of a lineage, and that vary.

    Returns
    -------
    genes : Index
    means : array, shape (genes,)
        Of log2(CPM + .5) with TMM library sizes.
    z : array, shape (samples, genes)
        The same per gene over all samples of the lineage, with mean 0 and standard deviation 1.
    """
    detected = (lineage.corrected > 0).sum(0) >= 2
    genes = lineage.genes[detected]
    values = log_cpm(lineage.corrected)[:, detected]
    sd = values.std(0)
    usable = sd > 0
    genes, values, sd = genes[usable], values[:, usable], sd[usable]
    means = values.mean(0)
    return genes, means, (values - means) / sd


def add_all_lineages(
    scores: pd.DataFrame,
    n_samples: int,
    left_out: LeftOut,
    unnamed: Collection[str] = (),
    feature: Sequence[str] = ("gene_set",),
) -> pd.DataFrame:
    """Append lineage ``all``: per set and sample, the mean score of the lineages that every sample has.

    The same lineages count in every sample, so that composition does not enter.

    Parameters
    ----------
    scores : DataFrame
        From :func:`score_lineage`, several lineages.
    n_samples : int
        Samples of the study.
    left_out : LeftOut
        Gets sets that no lineage has in every sample.
    unnamed : collection of str
        Lineages that do not count, as not every compartment's model can name them.
    feature : sequence of str
        Columns that name what is scored.

    Returns
    -------
    DataFrame
        The columns of ``scores`` and ``n_lineages``, which is 1 but in the rows ``all``, whose ``n_genes`` and
        ``coverage`` are means.
    """
    columns = [*scores, "n_lineages"]
    scores = scores.assign(n_lineages=1)
    present = scores.groupby([*feature, "lineage"])["sample"].transform("nunique")
    complete = scores[(present == n_samples) & ~scores["lineage"].isin(unnamed)]
    name = feature[-1]
    if lacking := list(dict.fromkeys(scores.loc[~scores[name].isin(complete[name]), name])):
        more = f" and {len(lacking) - NAMED} more" if len(lacking) > NAMED else ""
        reason = f"no lineage is scored in all {n_samples} samples, so none over lineages"
        left_out.add(f"{', '.join(lacking[:NAMED])}{more}: {reason}", lineage=ALL)
    keys = ["sample", "donor", "compartment", "condition", *feature]
    pooled = complete.groupby(keys, sort=False).agg(
        score=("score", "mean"),
        n_genes=("n_genes", "mean"),
        coverage=("coverage", "mean"),
        n_cells=("n_cells", "sum"),
        n_lineages=("lineage", "nunique"),
    )
    pooled = pooled.reset_index().assign(lineage=ALL)
    return pd.concat([scores, pooled], ignore_index=True)[columns]


def compare_features(scores: pd.DataFrame, study: Study, feature: Sequence[str], left_out: LeftOut) -> Comparison:
    """Scores of whatever ``feature`` names, per lineage, compared between donors.

    Parameters
    ----------
    scores : DataFrame
        ``sample, lineage, score`` and the columns of ``feature``.
    study : Study
    feature : sequence of str
    left_out : LeftOut
        Gets lineages without a donor in one arm.

    Returns
    -------
    Comparison
        Effects: ``lineage``, ``feature``, the keys of the term and its tests, no row where nothing is compared.
        ``p_value``, ``se``, ``df`` and interval are those of one feature in one lineage, with one ratio of the arms'
        variances over features and lineages; ``p_plain`` is that of the t test that takes them as equal;
        ``*_moderated`` borrow variance over features and lineages.
    """
    wide = scores.pivot(index="sample", columns=["lineage", *feature], values="score")
    wide = wide.sort_index(axis=1)
    compared = []
    for term in terms_of(study, wide.index):
        unnamed = wide.columns.get_level_values("lineage").isin(list(term.unnamed))
        for lineage in dict.fromkeys(wide.columns[unnamed].get_level_values("lineage")):
            left_out.add(term.unnamed[lineage], lineage=lineage, contrast=term.label)
        table = wide.loc[:, ~unnamed]
        answer = compare_every(term, partial(_values, table, True), study.covariates)
        moderated = compare_every(term, partial(_values, table, False), study.covariates)
        compared.append(replace(answer, effects=answer.effects.assign(**moderated.effects[OTHER_TEST])))
        _give_reasons(compared[-1], left_out)
    tables = [one.effects.reset_index().assign(**one.term.keys) for one in compared if len(one.effects)]
    return Comparison(pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(), compared)


def in_order(effects: pd.DataFrame, study: Study, by: list[str], ascending: list[bool]) -> pd.DataFrame:
    """Rows by contrast, as the study lists them, and then ``by`` these columns."""
    order = {name: i for i, name in enumerate(study.contrasts["contrast"])}
    return effects.sort_values(
        ["contrast", *by],
        key=lambda column: column.map(order) if column.name == "contrast" else column,
        ascending=[True, *ascending],
        kind="stable",
        ignore_index=True,
    )


def _values(wide: pd.DataFrame, own: bool, term: Term) -> ByArm:
    """Scores of the units of a term, with a variance of each set in each lineage alone or moderated over them."""
    of_lineage = wide.columns.get_level_values("lineage").to_numpy(object)
    return ByArm(wide.columns, term.values(wide), together=of_lineage, own=own)


def _give_reasons(compared: Compared, left_out: LeftOut) -> None:
    """Why lineages are not compared, and covariates that are not adjusted for."""
    for group in compared.groups:
        lineages = list(group.features.unique("lineage"))
        if group.absent:
            named = f"with {'group' if compared.term.kind == CHANGE else 'condition'} '{group.absent}'"
            reason = f"not_testable: no {compared.term.noun} {named}"
            if compared.term.one_arm:
                reason = "not_testable: no donor has it in all samples that are compared"
            left_out.lineages(lineages, compared.term.label, reason)
        for reason in group.dropped:
            left_out.add(reason, lineage=", ".join(lineages), contrast=compared.term.label)
