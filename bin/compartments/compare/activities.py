"""Activities of pathways and regulators per sample and lineage, by decoupler, and their comparison between donors.

An activity is one number per pseudobulk: how much more the targets are expressed than other genes, by their weights.
Donors, not genes or cells, are the observations of every test.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from compartments.cohort.pseudobulk import Lineage
from compartments.compare.donor_scores import ALL, compare_features, enough_samples, in_order, standardised
from compartments.compare.engine import ARMS, OTHER_TEST, TESTS, Comparison
from compartments.core.contract import Contract
from compartments.core.left_out import LeftOut
from compartments.core.multiple_testing import benjamini_hochberg
from compartments.study.study import Study

MIN_TARGETS = 5  # decoupler's own
FEATURE = ["kind", "source"]
SCORE_COLUMNS = [
    *["sample", "donor", "compartment", "condition", "lineage", *FEATURE],
    *["score", "n_genes", "coverage", "n_cells"],
]


def scaled(network: pd.DataFrame) -> pd.DataFrame:
    """A network whose weights of each source have the root mean square 1: networks of any scale give like scores."""
    squares = network["weight"].astype(float).pow(2).groupby([network[name] for name in FEATURE]).transform("mean")
    return network.assign(weight=network["weight"] / np.sqrt(squares))


def score_lineage(lineage: Lineage, network: pd.DataFrame, left_out: LeftOut) -> pd.DataFrame:
    """Activities of all sources in the samples of one lineage.

    Parameters
    ----------
    lineage : Lineage
    network : DataFrame
        ``kind, source, target, weight``.
    left_out : LeftOut
        Gets sources with fewer than 5 targets detected, by kind; a lineage in fewer than three samples.

    Returns
    -------
    DataFrame
        ``SCORE_COLUMNS``; ``score`` in z-score points per unit of weight.

    Notes
    -----
    Univariate linear model of decoupler (Badia-i-Mompel et al. 2022 Bioinform Adv 2:vbac016) on genes as of
    :func:`compartments.compare.donor_scores.standardised`: the slope of a sample's z-scores on the weights, zero for
    genes that are no targets. With weights of 1 that is the mean of the targets minus that of all other genes. Not its
    t value, which divides by the noise of the sample: donors with fewer cells would have activities closer to zero.
    """
    if not enough_samples(lineage, left_out):
        return pd.DataFrame(columns=SCORE_COLUMNS)
    genes, _, z = standardised(lineage)
    data = pd.DataFrame(z, lineage.samples.index, genes)
    tables = [_score_kind(lineage, data, str(kind), rows, left_out) for kind, rows in network.groupby("kind")]
    tables = [table for table in tables if len(table)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=SCORE_COLUMNS)


def _score_kind(
    lineage: Lineage, data: pd.DataFrame, kind: str, network: pd.DataFrame, left_out: LeftOut
) -> pd.DataFrame:
    from decoupler.mt import ulm

    size = network.groupby("source")["target"].size()
    detected = network[network["target"].isin(data.columns)]
    found = detected.groupby("source")["target"].size().reindex(size.index, fill_value=0)
    if few := list(found.index[found < MIN_TARGETS]):
        first = f"{len(few)} of {len(size)} {kind}s have fewer than {MIN_TARGETS} genes detected, such as {few[0]}"
        left_out.add(f"not_testable: {first}", lineage=lineage.name)
    # one of which all genes are targets has nothing to compare with
    found = found[(found >= MIN_TARGETS) & (found < data.shape[1])]
    net = scaled(detected[detected["source"].isin(found.index)])
    if net.empty:
        return pd.DataFrame(columns=SCORE_COLUMNS)
    scores, _ = ulm(data=data, net=net[["source", "target", "weight"]], tmin=MIN_TARGETS, tval=False, verbose=False)
    long = scores.rename_axis(index="sample", columns="source").stack().rename("score").reset_index()
    of_sample = lineage.samples[["donor", "compartment", "condition", "n_cells"]]
    long = long.merge(of_sample, left_on="sample", right_index=True)
    long["n_genes"] = long["source"].map(found)
    long["coverage"] = long["n_genes"] / long["source"].map(size)
    return long.assign(lineage=lineage.name, kind=kind)[SCORE_COLUMNS]


def score_lineages(lineages: Iterable[Lineage], network: pd.DataFrame, left_out: LeftOut) -> pd.DataFrame:
    """Activities in several lineages, as :func:`score_lineage`."""
    tables = [table for lineage in lineages if len(table := score_lineage(lineage, network, left_out))]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=SCORE_COLUMNS)


def compare_activities(scores: pd.DataFrame, study: Study, left_out: LeftOut) -> Comparison:
    """Effects of the conditions on activities within compartments and between them; of one condition, of compartments.

    Parameters
    ----------
    scores : DataFrame
        ``SCORE_COLUMNS``.
    study : Study
    left_out : LeftOut
        Gets lineages without a donor in one arm.

    Returns
    -------
    Comparison
        Effects as of :func:`compartments.compare.donor_scores.compare_features`. ``q_value``: BH over lineages
        and sources of a kind, per contrast, term and compartment; ``all`` apart.
    """
    effects, compared = compare_features(scores, study, FEATURE, left_out)
    if effects.empty:
        columns = Contract.of(left_out.stage).names("activities/effects.tsv")
        return Comparison(pd.DataFrame(columns=columns), compared)
    family = ["contrast", "term", "compartment", "kind"]
    families = [*(effects[name] for name in family), effects["lineage"] == ALL]
    effects["q_value"] = effects.groupby(families)["p_value"].transform(benjamini_hochberg)
    effects = in_order(effects, study, [*FEATURE, "lineage"], [True, True, True])
    columns = [*FEATURE, "lineage", "contrast", "term", "compartment", *TESTS, *OTHER_TEST, *ARMS, "q_value"]
    return Comparison(effects[columns], compared)
