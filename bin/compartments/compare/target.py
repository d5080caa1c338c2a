"""The target gene: where it is expressed, and whether lineages with more of it are depleted more."""

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from scipy import stats

from compartments.cohort.pseudobulk import Lineage
from compartments.compare.normalisation import log_cpm
from compartments.core.left_out import LeftOut
from compartments.study.study import COMPARTMENTS, Contrast

if TYPE_CHECKING:
    from anndata import AnnData

EFFECTS = ["level", "lineage", "contrast", "term", "compartment", "scale", "log2fc"]  # needed of the composition's


def target_tables(
    data: "AnnData",
    lineages: list[Lineage],
    gene: str | None,
    effects: pd.DataFrame | None,
    contrasts: Iterable[Contrast],
    left_out: LeftOut,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """:func:`target_expression` and :func:`target_relation`, without columns where there is none.

    Parameters
    ----------
    data, lineages : as for :func:`target_expression`
    gene : str, optional
    effects, contrasts : as for :func:`target_relation`, the first optional
    left_out : LeftOut
        Is told of a gene that was not measured, or in no lineage that is large enough.
    """
    if not gene:
        return pd.DataFrame(), pd.DataFrame()
    try:
        target = target_expression(data, lineages, gene)
    except LookupError as reason:
        left_out.add(reason.args[0])
        return pd.DataFrame(), pd.DataFrame()
    return target, pd.DataFrame() if effects is None else target_relation(target, effects, contrasts)


def target_expression(data: "AnnData", lineages: list[Lineage], gene: str) -> pd.DataFrame:
    """Expression of one gene per lineage, compartment and condition: means over donors.

    Parameters
    ----------
    data : AnnData
        From :func:`pseudobulk.read_pseudobulk`.
    lineages : list of pseudobulk.Lineage
    gene : str

    Returns
    -------
    DataFrame
        ``gene, lineage, compartment, condition, n_samples, n_cells, mean_log2_cpm, sd_log2_cpm, percent_expressing``.

    Notes
    -----
    Samples whose files do not list the gene do not count.

    Raises
    ------
    KeyError
        The gene is not among the genes measured; the message names similar ones.
    LookupError
        No pseudobulk of a sample whose file lists it.
    """
    names, counted = data.var_names, cast(Any, data.layers)["n_expressing"]
    if gene not in names:
        close = difflib.get_close_matches(gene.upper(), names, 3)
        hint = f"; similar: {', '.join(close)}" if close else ""
        raise KeyError(f"target gene '{gene}' is not among the {len(names)} genes measured{hint}")
    position = names.get_loc(gene)
    expressing = pd.Series(
        counted[:, [position]].toarray().ravel() / data.obs["n_cells"].to_numpy() * 100,
        index=pd.MultiIndex.from_frame(data.obs[["lineage", "sample"]]),
    )
    tables = []
    for lineage in lineages:
        table = lineage.samples.assign(
            log2_cpm=log_cpm(lineage.corrected)[:, position],
            percent=expressing.loc[lineage.name].loc[lineage.samples.index],
            lineage=lineage.name,
        )
        tables.append(table if lineage.absent is None else table[~lineage.absent[:, position]])
    measured = [table for table in tables if len(table)]
    if not measured:
        raise LookupError(f"target gene '{gene}': no sample that measures it has a lineage with enough cells")
    grouped = pd.concat(measured).groupby(["lineage", "compartment", "condition"], sort=True)
    result = grouped.agg(
        n_samples=("n_cells", "size"),
        n_cells=("n_cells", "sum"),
        mean_log2_cpm=("log2_cpm", "mean"),
        sd_log2_cpm=("log2_cpm", "std"),
        percent_expressing=("percent", "mean"),
    ).reset_index()
    result.insert(0, "gene", gene)
    return result


def target_relation(target: pd.DataFrame, effects: pd.DataFrame, contrasts: Iterable[Contrast]) -> pd.DataFrame:
    """Whether lineages with more of the target gene are depleted more: Spearman correlations, descriptive.

    Parameters
    ----------
    target : DataFrame
        From :func:`target_expression`.
    effects : DataFrame
        Composition effects: ``level, lineage, contrast, term, compartment, scale, log2fc``.
    contrasts : iterable of Contrast

    Returns
    -------
    DataFrame
        ``gene, contrast, compartment, scale, measure, n_lineages, rho``: over lineages, the gene's expression with the
        reference condition against the change in abundance within the same compartment; where compartments are
        compared, its expression in the reference compartment against the difference in abundance.
    """
    rows = []
    changes = effects[(effects["level"] == "lineage") & (effects["term"] != "interaction")]
    for contrast in contrasts:
        own = changes[changes["contrast"] == contrast.contrast]
        for (compartment, scale), change in own.groupby(["compartment", "scale"], sort=True):
            of_compartments = contrast.kind == COMPARTMENTS
            where = target["compartment"] == (contrast.reference if of_compartments else compartment)
            baseline = target[where & (of_compartments | (target["condition"] == contrast.reference))]
            joined = baseline.merge(change[["lineage", "log2fc"]], on="lineage")
            joined = joined.dropna(subset=["log2fc"])
            for measure in ("mean_log2_cpm", "percent_expressing"):
                varies = len(joined) >= 3 and joined[measure].nunique() > 1 and joined["log2fc"].nunique() > 1
                rows.append(
                    {
                        "gene": target["gene"].iloc[0],
                        "contrast": contrast.contrast,
                        "compartment": compartment,
                        "scale": scale,
                        "measure": measure,
                        "n_lineages": len(joined),
                        "rho": stats.spearmanr(joined[measure], joined["log2fc"]).statistic if varies else np.nan,
                    }
                )
    return pd.DataFrame(rows)
