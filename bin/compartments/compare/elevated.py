"""Genes that a condition raises in one compartment, and there only or there more."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from compartments.core.multiple_testing import benjamini_hochberg
from compartments.core.vocabulary import ALPHA, CALL_MARGIN, CALL_Q


def add_calls(tables: dict[tuple[str, str, str], pd.DataFrame], reference_compartment: str) -> None:
    """Fill the calls of interactions whose effect within the compartment was tested, too, in place.

    Parameters
    ----------
    tables : dict, (contrast, term, compartment) -> DataFrame
        Tests of one lineage, index gene.
    reference_compartment : str
    """
    for (contrast, term, compartment), table in tables.items():
        within = tables.get((contrast, f"within:{compartment}", compartment))
        if term == "interaction" and within is not None:
            reference = tables.get((contrast, f"within:{reference_compartment}", reference_compartment))
            calls = call_elevated(table, within, reference, compartment)
            table[calls.columns] = calls


def one_sided(table: pd.DataFrame, sign: int = 1) -> npt.NDArray[np.float64]:
    """One-sided p of an effect above zero (below with ``sign=-1``), from a two-sided one."""
    half = table["p_value"].to_numpy(float) / 2
    return np.where(sign * table["log2fc"].to_numpy(float) > 0, half, 1 - half)


def call_elevated(
    interaction: pd.DataFrame, within: pd.DataFrame, within_reference: pd.DataFrame | None, compartment: str
) -> pd.DataFrame:
    """Genes raised by the condition in a compartment, and there only or there more.

    Parameters
    ----------
    interaction, within, within_reference : DataFrame
        Index gene; ``log2fc, se, p_value``. The last is the effect within the reference compartment, or None.
    compartment : str

    Returns
    -------
    DataFrame, index as ``interaction``
        ``call_p``: intersection-union p of an effect above zero in the compartment and an interaction above zero;
        ``call_q``: BH over genes; ``call``: ``<compartment>_only`` if the upper 95 % bound of the reference
        compartment's effect is below .58 log2, else ``<compartment>_higher``; empty unless ``call_q`` < .05.
    """
    aligned = within.reindex(interaction.index)
    p = np.maximum(one_sided(aligned), one_sided(interaction))
    q = benjamini_hochberg(p)
    only = np.zeros(len(p), bool)
    if within_reference is not None:
        reference = within_reference.reindex(interaction.index)
        only = (reference["log2fc"] + stats.norm.ppf(1 - ALPHA / 2) * reference["se"] < CALL_MARGIN).to_numpy()
    call = np.where(q < CALL_Q, np.where(only, f"{compartment}_only", f"{compartment}_higher"), "")
    return pd.DataFrame({"call": call, "call_p": p, "call_q": q}, index=interaction.index)
