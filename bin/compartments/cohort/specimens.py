"""Tables of captures as tables of specimens, which are what is compared (:mod:`compartments.study.captures`)."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.core.left_out import LeftOut
from compartments.core.matrix import memberships
from compartments.core.vocabulary import UNASSIGNED
from compartments.study.captures import Capture, specimen_of, specimens

if TYPE_CHECKING:
    from anndata import AnnData

WHOLE = 0.95  # of the specimen's cells: fractions with such a share together are as good as all of them
ENOUGH_CELLS = 10  # of a lineage in a fraction of a specimen, for its expression
UNSORTED = "unsorted cells"


def summed(
    counts: pd.DataFrame, samples: pd.DataFrame, left_out: LeftOut, captured: "pd.Series[int] | None" = None
) -> pd.DataFrame:
    """Cells of specimens from those of captures.

    Parameters
    ----------
    counts : DataFrame
        ``composition/counts.tsv``: ``sample, level, lineage, n_cells``, zeros included.
    samples : DataFrame
        The samplesheet, of captures or of :func:`~compartments.study.captures.specimens`.
    left_out : LeftOut
        Is given the specimens whose fractions do not add up to what those of the other specimens are.
    captured : Series, sample -> cells, optional
        All cells of each capture, where ``counts`` has a part of them: how deeply a fraction was captured is of all.

    Returns
    -------
    DataFrame
        The same columns, ``sample`` a specimen.

    Notes
    -----
    Replicates are summed. Captures of sorted fractions say nothing of how large each fraction is, so they are summed
    only where ``fraction_share`` says it: all are scaled down to the fraction captured least deeply (fewest cells per
    share), and the sums rounded, so that precision is never more than the cells give. A specimen with a capture of
    unsorted cells is that capture. Within a compartment only specimens of the same fractions are compared, those that
    most have.
    """
    table = specimens(samples)
    if all(len(captures) == 1 and not captures[0].fraction for captures in table["captures"]):
        return counts
    totals = captured
    if totals is None:
        totals = counts[counts["level"] == counts["level"].iloc[0]].groupby("sample")["n_cells"].sum()
    weights: dict[str, dict[str, float]] = {}
    kinds: dict[str, str] = {}
    for sample, captures in zip(table["sample"], table["captures"], strict=True):
        there = [capture for capture in captures if capture.sample in totals.index]
        if there:
            kinds[sample], weights[sample] = _weights(captures, totals)
            if not weights[sample]:
                left_out.add(f"composition: {kinds.pop(sample)}", sample=sample)
    compartments = table.set_index("sample")["compartment"]
    numbers = {c: Counter(kinds[s] for s in kinds if compartments[s] == c) for c in compartments.unique()}
    # of kinds that as many have all cells, whatever the order of the rows
    usual = {c: max(of, key=lambda kind: (of[kind], kind == "", kind), default="") for c, of in numbers.items()}
    weight: dict[str, float] = {}
    for sample, kind in kinds.items():
        most = usual[compartments[sample]]
        if kind != most:
            reason = f"composition: {kind or UNSORTED}, while most specimens of {compartments[sample]} are "
            left_out.add(f"{reason}{most or UNSORTED}: not comparable", sample=sample)
        else:
            weight |= weights[sample]
    of_captures = counts[counts["sample"].isin(weight)]
    cells = of_captures["n_cells"] * of_captures["sample"].map(weight)
    named = of_captures.assign(n_cells=cells, sample=of_captures["sample"].map(specimen_of(table)))
    keys = ["sample", "level", "lineage"]
    added = named.groupby(keys, sort=False, as_index=False)["n_cells"].sum()
    return added.assign(n_cells=np.rint(added["n_cells"]).astype(int))[list(counts)]


def _weights(captures: Sequence[Capture], totals: pd.Series) -> tuple[str, dict[str, float]]:
    """What the sum of a specimen's captures is (empty: all its cells) and the weight of each; or why there is none."""
    cells = {capture.sample: float(totals.get(capture.sample, 0)) for capture in captures}
    # one that was lost on the way stands for no cells: the fractions are what is left
    unsorted = {one.sample: 1.0 for one in captures if not one.fraction and one.sample in totals.index}
    if unsorted:
        return "", unsorted
    captures = [capture for capture in captures if capture.fraction]
    shares = {capture.fraction: capture.share for capture in captures}
    if len(shares) == 1:
        return next(iter(shares)), dict.fromkeys(cells, 1.0)
    names = " and ".join(shares)
    if any(np.isnan(share) for share in shares.values()):
        return f"fraction_share of {names} is not given for each: fractions cannot be added up", {}
    of_fraction = {name: sum(cells[c.sample] for c in captures if c.fraction == name) for name in shares}
    empty = [name for name, n in of_fraction.items() if not n]
    if empty:
        return f"fraction {' and '.join(empty)} has no cells: {names} cannot be added up", {}
    depth = {name: n / shares[name] for name, n in of_fraction.items()}
    least = min(depth.values())
    kind = "" if sum(shares.values()) >= WHOLE else "+".join(sorted(shares))
    return kind, {capture.sample: least / depth[capture.fraction] for capture in captures}


def averaged(table: pd.DataFrame, samples: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Values of specimens as means over their captures, of those that have the row.

    Parameters
    ----------
    table : DataFrame
        Column ``sample``, a capture; ``keys``; columns of numbers.
    samples : DataFrame
        As in :func:`summed`.
    keys : sequence of str
        Columns that tell the rows of a sample apart, such as ``network, lineage``.

    Returns
    -------
    DataFrame
        The same columns, ``sample`` a specimen. ``n_cells`` is a sum, ``rank`` made anew (of ``share``, within the
        specimen and all keys but the last), ``p_permutation`` twice the mean, which is valid however captures depend
        on each other (Vovk & Wang 2020 Biometrika 107:791, eq. 2).
    """
    name = specimen_of(samples)
    if all(capture == specimen for capture, specimen in name.items()):
        return table
    named = table.assign(sample=table["sample"].map(name))
    how = {column: "mean" for column in named if column not in ("sample", *keys)}
    how |= {column: "first" for column in how if not pd.api.types.is_numeric_dtype(named[column])}
    how |= {column: "sum" for column in how if column == "n_cells"}
    means = named.groupby(["sample", *keys], sort=False, as_index=False, observed=True).agg(how)[list(table)]
    several = means["sample"].isin([name[capture] for capture in name if name[capture] != capture])
    if "p_permutation" in means:
        means.loc[several, "p_permutation"] = np.minimum(2 * means.loc[several, "p_permutation"], 1)
    if "rank" in means:
        anew = means.groupby(["sample", *keys[:-1]])["share"].rank(ascending=False, method="min")
        means["rank"] = means["rank"].where(~several, anew).astype(table["rank"].dtype)
    return means


def of_specimens(bulk: "AnnData", samples: pd.DataFrame, left_out: LeftOut | None = None) -> "AnnData":
    """Pseudobulks of specimens: those of their captures summed, of one fraction per lineage and compartment.

    Parameters
    ----------
    bulk : AnnData
        One row per capture and lineage; ``obs`` with ``sample, lineage, n_cells``, maybe ``total_counts``.
    samples : DataFrame
        As in :func:`summed`.
    left_out : LeftOut, optional
        Is told which fraction was taken, where there are several.

    Returns
    -------
    AnnData
        Every layer summed; other columns of ``obs`` are those of a specimen's first row. As it was, where every
        specimen is one capture of all its cells.

    Notes
    -----
    Sorting changes what cells express and which of a lineage's cells are seen, so a lineage's expression is compared
    within the fraction that has at least ``ENOUGH_CELLS`` of its cells in most specimens.
    """
    import anndata

    table = specimens(samples)
    captures = {capture.sample: capture for several in table["captures"] for capture in several}
    name = specimen_of(table)
    if all(name[sample] == sample and not capture.fraction for sample, capture in captures.items()):
        return bulk
    obs = cast(pd.DataFrame, bulk.obs)
    given = pd.DataFrame(
        {
            "specimen": obs["sample"].map(name).to_numpy(),
            "fraction": [captures[sample].fraction for sample in obs["sample"]],
            "compartment": obs["sample"].map(name).map(table.set_index("sample")["compartment"]).to_numpy(),
            "lineage": obs["lineage"].to_numpy(),
            "n_cells": obs["n_cells"].to_numpy(),
        }
    )
    kept = np.flatnonzero(_in_one_fraction(given, left_out))
    order = {specimen: number for number, specimen in enumerate(table["sample"])}
    given = given.iloc[kept]
    keys = given["specimen"] + ":" + given["lineage"]
    first = given.assign(row=kept, key=keys, order=given["specimen"].map(order)).drop_duplicates("key")
    first = first.sort_values(["order", "lineage"])
    codes = pd.Index(first["key"]).get_indexer(keys)
    members = memberships(codes, len(first), np.int64)
    layers = {
        layer: _added(members, cast(Any, matrix)[kept]) for layer, matrix in cast(dict[str, Any], bulk.layers).items()
    }
    new = obs.iloc[first["row"]].copy()
    new.index = pd.Index(first["key"].to_numpy(object))
    new["sample"] = first["specimen"].to_numpy(object)
    for column in {"n_cells", "total_counts"} & set(new):
        new[column] = np.bincount(codes, obs[column].to_numpy()[kept], len(first)).astype(np.int64)
    return anndata.AnnData(obs=new, var=bulk.var.copy(), layers=layers)


def _added(members: sparse.csr_matrix, matrix: Any) -> sparse.csr_array:
    """Sums of rows in the matrix's own type."""
    return sparse.csr_array(members @ sparse.csr_matrix(matrix), dtype=matrix.dtype)


def _in_one_fraction(given: pd.DataFrame, left_out: LeftOut | None) -> npt.NDArray[np.bool_]:
    """Which pseudobulks of captures are of the fraction in which their lineage is compared."""
    if given["fraction"].nunique() < 2:
        return np.ones(len(given), bool)
    by = ["lineage", "compartment", "fraction"]
    cells = given.groupby([*by, "specimen"], sort=False)["n_cells"].sum()
    enough = (cells >= ENOUGH_CELLS).groupby(by, sort=False).sum()
    # of fractions that are as good in a compartment, the one that is better over all
    overall = enough.groupby(["lineage", "fraction"], sort=False).sum()
    ranked = enough.rename("here").reset_index().join(overall.rename("overall"), on=["lineage", "fraction"])
    ranked = ranked.join(cells.groupby(by, sort=False).sum().rename("cells"), on=by)
    ranked = ranked.sort_values(
        ["lineage", "compartment", "here", "overall", "cells"], ascending=[True, True, *[False] * 3]
    )
    best = ranked.drop_duplicates(["lineage", "compartment"])
    chosen = best.set_index(["lineage", "compartment"])["fraction"]
    if left_out is not None:
        for lineage, rows in best.groupby("lineage"):
            words = ", ".join(f"{row.fraction or UNSORTED} ({row.compartment})" for row in rows.itertuples())
            if len(ranked[ranked["lineage"] == lineage]) > len(rows):
                left_out.add(
                    f"expression is compared within one fraction, {words}: other cells are left out", lineage=lineage
                )
    wanted = chosen.reindex(pd.MultiIndex.from_frame(given[["lineage", "compartment"]])).to_numpy()
    return (given["fraction"].to_numpy() == wanted).astype(bool)


def agreement(cells: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """How well the replicates of a specimen agree: each beside the others of its fraction, summed.

    Parameters
    ----------
    cells : DataFrame
        One row per cell: ``sample, lineage, n_genes``.
    samples : DataFrame
        As in :func:`summed`.

    Returns
    -------
    DataFrame
        ``specimen, sample, fraction, n_cells, median_genes, correlation`` (Pearson's, of the proportions of lineages),
        ``largest_difference`` (of a proportion, this capture's minus that of the others) and its ``lineage``. Empty
        without replicates.
    """
    rows = []
    own = cells[cells["lineage"].astype(str) != UNASSIGNED]
    numbers = pd.crosstab(own["sample"].astype(str), own["lineage"].astype(str))
    genes = cells.groupby(cells["sample"].astype(str))["n_genes"].agg(["size", "median"])
    for specimen, captures in specimens(samples)[["sample", "captures"]].itertuples(index=False):
        for capture in captures:
            alike = [c.sample for c in captures if c.fraction == capture.fraction and c.sample in numbers.index]
            if capture.sample not in alike or len(alike) < 2:
                continue
            others = numbers.loc[[sample for sample in alike if sample != capture.sample]].sum()
            proportion = numbers.loc[capture.sample] / numbers.loc[capture.sample].sum()
            difference = proportion - others / others.sum()
            largest = difference.abs().idxmax()
            rows.append(
                {
                    "specimen": specimen,
                    "sample": capture.sample,
                    "fraction": capture.fraction,
                    "n_cells": genes["size"][capture.sample],
                    "median_genes": genes["median"][capture.sample],
                    "correlation": proportion.corr(others / others.sum()),
                    "largest_difference": difference[largest],
                    "lineage": largest,
                }
            )
    return pd.DataFrame(rows)
