"""Genes and gene sets that a condition raises in one compartment, and there only or there more."""

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
            calls = call_elevated(table, within, reference, compartment, reference_compartment)
            table[calls.columns] = calls


def raised_more(
    own: pd.DataFrame, base: pd.DataFrame, difference: pd.DataFrame, value: str
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """In which of two compartments features are raised more than in the other, and the p of that.

    Parameters
    ----------
    own, base, difference : DataFrame
        Two-sided tests of the same features, row by row: within the compartment, within the reference compartment, and
        of the first minus the second; ``value`` (the effect) and ``p_value``.

    Returns
    -------
    here : bool array
        True for the compartment, False for the reference compartment: the one that the difference speaks for.
    p : array
        The larger one-sided p of a rise there and of a larger one than in the other (intersection-union), doubled,
        because the reverse may be claimed of the same feature.
    """
    here = difference[value].to_numpy(float) > 0
    rise, p = (np.where(here, own[name].to_numpy(float), base[name].to_numpy(float)) for name in (value, "p_value"))
    rises = np.where(rise > 0, p / 2, 1 - p / 2)
    return here, np.minimum(2 * np.maximum(rises, difference["p_value"].to_numpy(float) / 2), 1.0)


def call_elevated(
    interaction: pd.DataFrame,
    within: pd.DataFrame,
    within_reference: pd.DataFrame | None,
    compartment: str,
    reference_compartment: str,
) -> pd.DataFrame:
    """Genes raised by the condition in one of two compartments, and there only or there more.

    Parameters
    ----------
    interaction, within, within_reference : DataFrame
        Index gene; ``log2fc, se, p_value``. The last is the effect within the reference compartment, or None.
    compartment, reference_compartment : str

    Returns
    -------
    DataFrame, index as ``interaction``
        ``call_p``: of :func:`raised_more`; ``call_q``: BH over genes; ``call``: ``<c>_only`` of the compartment that it
        is raised in if the upper 95 % bound of the other one's effect is below .58 log2, else ``<c>_higher``; empty
        unless ``call_q`` < .05.
    """
    own = within.reindex(interaction.index)
    base = (within.iloc[:0] if within_reference is None else within_reference).reindex(interaction.index)
    here, p = raised_more(own, base, interaction, "log2fc")
    q = benjamini_hochberg(p)
    upper = [(side["log2fc"] + stats.norm.ppf(1 - ALPHA / 2) * side["se"]).to_numpy(float) for side in (own, base)]
    call = np.where(q < CALL_Q, words_of(here, compartment, reference_compartment, *upper), "")
    return pd.DataFrame({"call": call, "call_p": p, "call_q": q}, index=interaction.index)


def words_of(
    here: npt.NDArray[np.bool_], own: npt.ArrayLike, base: str, upper_own: npt.ArrayLike, upper_base: npt.ArrayLike
) -> npt.NDArray[np.str_]:
    """``<c>_only`` of features whose effect in the other compartment is by its upper bound below .58, else
    ``<c>_higher``."""
    other = np.where(here, np.asarray(upper_base, float), np.asarray(upper_own, float))
    side = np.where(here, np.asarray(own, str), base)
    return np.strings.add(side, np.where(other < CALL_MARGIN, "_only", "_higher"))
