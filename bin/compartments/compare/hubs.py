"""Do lineages become more central in the networks of their samples? Shares compared between donors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.compare.by_arm import ByArm
from compartments.compare.engine import ARMS, TESTS, Compared, Comparison, compare
from compartments.compare.expected_counts import LEAST_VARIANCE
from compartments.compare.shares import shares
from compartments.compare.weighted import fit_weighted
from compartments.core.contract import Contract
from compartments.core.left_out import LeftOut
from compartments.core.multiple_testing import benjamini_hochberg
from compartments.core.vocabulary import ALPHA
from compartments.study.arms import arm_numbers, held_design, residual_df
from compartments.study.study import COMPARTMENTS, Study
from compartments.study.terms import Term, terms_of

TOP_RANK = 3  # of a hub, in every sample of the condition
MIN_SHARE = 1e-6  # shares are kept this far from 0 and 1 for the logit
LEAST_LINEAGES = 3  # of two each has half of the network, whatever their cells do
KINDS = ["strength", "strength_downsampled"]


def compare_centrality(study: Study, nodes: pd.DataFrame, edges: pd.DataFrame, left_out: LeftOut) -> Comparison:
    """Test whether lineages become more central: logit of their share of the network, compared between donors.

    Parameters
    ----------
    study : Study
    nodes : DataFrame
        All ``centrality.tsv`` of the samples.
    edges : DataFrame
        All ``network.tsv`` of the samples.
    left_out : LeftOut
        Gets lineages that half of an arm lacks.

    Returns
    -------
    Comparison
        Effects: ``network, lineage, contrast, term, compartment, estimate`` (logit share, natural log) with its test,
        ``estimate_downsampled`` (at most 20 cells per lineage), ``loo_low, loo_high`` (range of estimates without one
        donor), ``loo_same_sign``, ``worst_rank`` (in the samples of the compartment that a change would raise: those
        with the condition, at the last time, of the first group), ``call``.

    Notes
    -----
    A lineage is compared over the units that have it, in the network of the lineages that all these units have; where
    these are fewer than three, those that most units have are added and units without them left out, half of each arm
    at most; so are units in whose network no pair is expressed, which has no shares. The
    call ``hub_gained_in_<compartment>`` stands on interaction rows and needs three things: within the compartment the
    share is up, more so than in the other compartment (an intersection-union test: both two-sided p < .05, neither row
    descriptive), and the lineage is among the top 3 in every sample of the condition there. It is made for the
    reference compartment on the same row, with the sign of the interaction reversed. Where donors have one condition,
    ``hub_in_<compartment>`` needs a larger share than in the other compartment and the top 3 in every sample there.
    """
    tables, compared = [], []
    for network, network_edges in edges.groupby("network", sort=False):
        strengths = _matrices(network_edges)
        ranks = nodes[nodes["network"] == network].set_index(["sample", "lineage"])["rank"]
        for term in terms_of(study, list(strengths)):
            features, values = _measure(term, strengths, str(network), left_out)
            if not len(features):
                continue
            table, answer = _compare_shares(term, features, values, study.covariates)
            table["q_value"] = benjamini_hochberg(table["p_value"], table["lineage"].isin(study.primary_lineages))
            first, last = _ranked_samples(term)
            table["worst_rank"] = _worst_ranks(ranks, first, table["lineage"])
            table["other_rank"] = _worst_ranks(ranks, last, table["lineage"])
            tables.append(table)
            compared.append(answer)
    if not tables:
        columns = Contract.of(left_out.stage).names("interactions/centrality_effects.tsv")
        return Comparison(pd.DataFrame(columns=columns), compared)
    return Comparison(call_hubs(pd.concat(tables, ignore_index=True), study), compared)


def _matrices(edges: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Sample -> DataFrame with columns (kind, target), rows source; symmetric in its lineages, missing on the diagonal
    and where no capture of the sample has both."""
    matrices = {}
    for sample, rows in edges.groupby("sample", sort=False):
        matrices[sample] = rows.pivot(index="source", columns="target", values=KINDS)
    return matrices


def _measure(
    term: Term, strengths: dict[str, pd.DataFrame], network: str, left_out: LeftOut
) -> tuple[pd.MultiIndex, list[npt.NDArray[np.float64]]]:
    """Logit shares of every lineage that can be compared, shape (units, lineages), of :data:`KINDS`."""
    samples = term.units[term.sample_columns].to_numpy()
    found = {name for sample in samples.ravel() for name in strengths[sample].index}
    place = f"network '{network}', {term.name} {term.compartment}"
    for lineage in sorted(found & set(term.unnamed)):
        left_out.add(f"{place}: {term.unnamed[lineage]}", lineage=lineage, contrast=term.contrast.contrast)
    lineages = sorted(found - set(term.unnamed))

    def having(units: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """Which lineages are in all samples of each unit."""
        has = [[all(k in strengths[x].index for x in row) for k in lineages] for row in units.to_numpy()]
        return np.array(has, bool).reshape(len(units), len(lineages))

    has = having(term.units[term.sample_columns])
    of_sides = {
        name: having(side.units[[part.column for part in parts]]) for name, (side, parts) in term.sides().items()
    }
    arms = [term.has(arm) for arm in term.arms]
    names, measured = [], []
    known: dict[tuple[Any, ...], npt.NDArray[np.float64]] = {}  # lineages of the same units share a network
    for position, (lineage, present) in enumerate(zip(lineages, has.T, strict=True)):
        reason = _lost({name: there[:, position] for name, there in of_sides.items()})
        if not reason and not present.any():
            reason = "no donor has it in all samples that are compared"
        kept, shared = _common_network(has, present, arms)
        common = [lineages[k] for k in shared]
        if not reason and len(common) < LEAST_LINEAGES:
            reason = f"its donors share {len(common)} lineages, a share of a network needs {LEAST_LINEAGES}"
        if reason:
            left_out.add(f"{place}: {reason}", lineage=lineage, contrast=term.contrast.contrast)
            continue
        if not kept[present].all():
            reason = f"{place}: only the {kept.sum()} of {present.sum()} {term.noun}s that share {', '.join(common)}"
            left_out.add(reason, lineage=lineage, contrast=term.contrast.contrast)
        values = np.full((2, len(samples)), np.nan)
        of = (kept.tobytes(), *common)
        if of not in known:
            known[of] = np.array([_logit_shares(term, strengths, samples[kept], common, kind) for kind in KINDS])
        values[:, kept] = known[of][:, :, common.index(lineage)]
        there = np.isfinite(values[0])  # a network of nothing has no shares
        if lost := kept.sum() - there.sum():
            reason = f"{place}: no pair is expressed between {', '.join(common)} in {lost} of {kept.sum()} {term.noun}s"
            few = any(2 * there[arm].sum() < kept[arm].sum() for arm in arms)
            reason += ", too many to leave out" if few else ", left out"
            left_out.add(reason, lineage=lineage, contrast=term.contrast.contrast)
            if few:
                continue
            values[:, ~there] = np.nan
        names.append((network, lineage))
        measured.append(values)
    features = pd.MultiIndex.from_tuples(names, names=["network", "lineage"])
    return features, [np.array([values[i] for values in measured]).T for i in range(len(KINDS))]


def _common_network(
    has: npt.NDArray[np.bool_], units: npt.NDArray[np.bool_], arms: list[npt.NDArray[np.bool_]]
) -> tuple[npt.NDArray[np.bool_], list[int]]:
    """Units and lineages of the network that a lineage is compared in: the lineages that all ``units`` with it have.

    Where these are fewer than ``LEAST_LINEAGES``, those that most units have are added and units without them left out,
    as long as half of each arm stays. What cells express plays no part in it.
    """
    chosen = set(np.flatnonzero(has[units].all(0)).tolist()) if units.any() else set()
    for k in np.argsort(-has[units].sum(0), kind="stable").tolist():
        kept = units & has[:, k]
        if len(chosen) < LEAST_LINEAGES and k not in chosen and all(2 * kept[arm].sum() >= arm.sum() for arm in arms):
            chosen, units = chosen | {k}, kept
    return units, sorted(chosen)


def _lost(sides: dict[str, npt.NDArray[np.bool_]]) -> str:
    """Why a lineage is not compared, or an empty string; which units have it, by what is compared."""
    for name, having in sides.items():
        if not len(having) or (~having).mean() > 0.5:
            return f"absent in {name} ({int(having.sum())} of {len(having)} donors have it)"
    return ""


def _logit_shares(
    term: Term, strengths: dict[str, pd.DataFrame], samples: npt.NDArray[Any], common: list[str], kind: str
) -> npt.NDArray[np.float64]:
    """Logit shares per unit (row of ``samples``) and lineage, weighted over its parts; NaN for an empty network.

    Lineages that some sample has in captures of their own, such as sorted fractions, have no known edge there: theirs
    counts in no sample.
    """
    rows = [[strengths[sample][kind].loc[common, common].to_numpy() for sample in row] for row in samples]
    s = np.array(rows, float)  # units, parts, sources, targets
    share = np.clip(shares(np.where(np.isfinite(s).all((0, 1)), s, 0.0)), MIN_SHARE, 1 - MIN_SHARE)
    return term.weighted(list(np.log(share / (1 - share)).swapaxes(0, 1)))


def _compare_shares(
    term: Term, features: pd.MultiIndex, values: list[npt.NDArray[np.float64]], covariates: Sequence[str]
) -> tuple[pd.DataFrame, Compared]:
    """Effects on logit shares, on those with few cells, and their range without one donor."""
    all_cells, few_cells = values
    answer = compare(term, ByArm(features, all_cells), covariates)
    table = answer.effects[[*TESTS, *ARMS]].copy()
    table["estimate_downsampled"] = compare(term, ByArm(features, few_cells), covariates).effects["estimate"]
    table = table.join(_without_one_donor(term, features, all_cells, answer, covariates))
    return table.reset_index().assign(**term.keys), answer


def _without_one_donor(
    term: Term,
    features: pd.MultiIndex,
    values: npt.NDArray[np.float64],
    answer: Compared,
    covariates: Sequence[str],
) -> pd.DataFrame:
    """Range of the estimates without each donor in turn, where the others tell it, and whether the sign stays."""
    tables = []
    for group in answer.groups:
        at = features.get_indexer(group.features)
        present = np.isfinite(values[:, at[0]])
        units, z = term.of(present), values[present][:, at]
        found: dict[str, npt.NDArray[np.float64]] = {}
        for left in units.units["donor"].unique():
            rest = (units.units["donor"] != left).to_numpy()
            held = None if units.of(rest).absent() else held_design(units, covariates, rest)
            if held:
                found[left] = _estimates(units.of(rest), z[rest], *held)
        estimates = pd.DataFrame(found or {"": np.full(len(at), np.nan)}, index=group.features)
        whole = np.sign(answer.effects.loc[group.features, "estimate"])
        table = pd.DataFrame({"loo_low": estimates.min(axis=1), "loo_high": estimates.max(axis=1)})
        tables.append(table.assign(loo_same_sign=np.sign(estimates).eq(whole, axis=0).all(axis=1)))
    return pd.concat(tables)


def _estimates(
    term: Term, z: npt.NDArray[np.float64], x: npt.NDArray[np.float64], vector: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The contrast of a term alone, its pairs of units weighed as in the tests where donors have several."""
    if term.repeated and residual_df(term, x.shape[1]) > 0:
        donors, none = term.units["donor"].to_numpy(object), np.full_like(z, LEAST_VARIANCE)
        return fit_weighted(z, none, x, vector, arm_numbers(term), donors)["estimate"].to_numpy()
    return np.asarray(vector @ np.linalg.lstsq(x, z, rcond=None)[0])


def _ranked_samples(term: Term) -> tuple[pd.Series, pd.Series]:
    """Samples in which a rise would make a hub: of the compartment with the condition, in the first arm; of the last
    part."""
    units = term.units[term.has(term.arms[0])]
    here = [part for part in term.parts if part.compartment == term.compartment]
    changed = [part for part in here if part.condition == term.contrast.condition]
    return units[(changed or here)[0].column], units[term.parts[-1].column]


def _worst_ranks(ranks: pd.Series, samples: pd.Series, lineages: pd.Series) -> pd.Series:
    """Largest rank of each lineage in some samples that have a network; missing where it is absent from one."""
    found = [[ranks.get((sample, k), np.inf) for sample in samples] for k in lineages]
    worst = [max((rank for rank in of_lineage if not pd.isna(rank)), default=np.inf) for of_lineage in found]
    return pd.Series(worst).replace(np.inf, np.nan).astype("Int64")


def call_hubs(table: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Fill ``call`` where compartments are compared: hub in the compartment, in the reference, or inconclusive."""
    within = table["term"].str.startswith("within:")
    up, top = table["estimate"] > 0, table["worst_rank"].le(TOP_RANK).fillna(False)
    gained = up & (table["p_value"] < ALPHA) & top & within
    keys = ["network", "lineage", "contrast"]
    hubs = set(table.loc[gained, [*keys, "compartment"]].itertuples(index=False, name=None))
    at = table["compartment"].where(up, study.reference_compartment)
    named = table[keys].assign(compartment=at).itertuples(index=False, name=None)
    hub = (table["p_value"] < ALPHA) & pd.Series([name in hubs for name in named], table.index)
    still = table["term"] == COMPARTMENTS
    in_reference = table.pop("other_rank").le(TOP_RANK).fillna(False)
    hub |= still & (table["p_value"] < ALPHA) & top.where(up, in_reference)
    words = pd.Series(np.where(still, "hub_in_", "hub_gained_in_"), table.index) + at
    call = words.where(hub, "inconclusive")
    return table.assign(call=call.mask(within, ""))
