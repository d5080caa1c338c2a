"""What the presets do: composition without the condition, and how the condition changes it. All effects are log2."""

from collections.abc import Iterable

import pandas as pd

from compartments.core.errors import UserError

# Baseline proportions of 13 lineages (methods: simulation with truth). The droplet generator adds rarer ones.
CSF_BASE = {
    "CD4_T": 0.55,
    "CD8_T": 0.17,
    "Treg": 0.045,
    "gdT": 0.02,
    "MAIT": 0.015,
    "NK": 0.03,
    "B": 0.02,
    "Plasma": 0.01,
    "cMono": 0.05,
    "ncMono": 0.01,
    "cDC1": 0.007,
    "cDC2": 0.06,
    "pDC": 0.013,
}
BLOOD_BASE = {
    "CD4_T": 0.38,
    "CD8_T": 0.16,
    "Treg": 0.03,
    "gdT": 0.03,
    "MAIT": 0.025,
    "NK": 0.11,
    "B": 0.10,
    "Plasma": 0.004,
    "cMono": 0.12,
    "ncMono": 0.025,
    "cDC1": 0.001,
    "cDC2": 0.010,
    "pDC": 0.005,
}
# Change under depletion, log2 of absolute abundance, the same in both compartments when synchronous.
DEPLETION = {
    "CD4_T": -3.0,
    "CD8_T": -2.5,
    "Treg": -2.0,
    "gdT": -2.0,
    "MAIT": -2.0,
    "NKT": -2.0,
    "T_cycling": -2.5,
    "NK": -1.0,
    "ILC": -1.0,
    "B": -2.5,
    "Plasma": -0.5,
    "cMono": -0.5,
    "ncMono": -0.3,
    "cDC1": -0.5,
    "cDC2": -0.5,
    "pDC": -0.5,
}
PRESETS = {
    "alemtuzumab": "most lineages depleted in both compartments, pDC kept in CSF and lost from blood; migration genes "
    "and pDC interactions raised in CSF only",
    "null": "the condition changes nothing",
    "synchronous": "all lineages change alike in both compartments; no change of expression",
    "uncoupled": "blood is depleted, CSF is untouched; no change of expression",
    "decoys": "composition, migration genes and interactions change, but alike in both compartments; one traumatic tap",
    "before_after": "as alemtuzumab, in donors who are sampled before and after",
    "before_after_controlled": "the same beside a control group, sampled twice too, which does not change",
    "time_points": "as alemtuzumab, in donors who are sampled three times, half of it at the second",
    "one_condition": "donors of one condition: compartments differ in composition, migration genes and interactions",
    "one_compartment": "as alemtuzumab, in a single compartment",
}
TREATMENTS = ("alemtuzumab", "before_after", "before_after_controlled", "time_points", "one_compartment")
SIGNALLING = (*TREATMENTS, "decoys", "one_condition")  # presets that change expression
CELLS_PER_UL = {"CSF": 3.0, "blood": 6000.0}
# Added to the 13 lineages of the count-level simulator; pDC and macrophages raised so that small samples hold some:
# after a loss of 3 log2 a blood sample of 1,000 cells still has more than the 10 pDC that an interaction needs.
RARE_IN_CSF = {"NKT": 0.004, "ILC": 0.004, "T_cycling": 0.004, "Macrophage": 0.03, "Erythroid": 0.001}
RARE_IN_BLOOD = {
    "NKT": 0.008,
    "ILC": 0.003,
    "T_cycling": 0.004,
    "Macrophage": 0.0,
    "Granulocyte": 0.003,
    "Mast_Baso": 0.002,
    "Platelet_MK": 0.006,
    "Erythroid": 0.003,
    "HSPC": 0.002,
}
DROPLET_BASE = pd.DataFrame(
    {
        "CSF": CSF_BASE | {"pDC": 0.035} | dict.fromkeys(RARE_IN_BLOOD, 0.0) | RARE_IN_CSF,
        "blood": BLOOD_BASE | {"pDC": 0.05} | RARE_IN_BLOOD,
    }
)


def preset_effects(preset: str, lineages: Iterable[str] = tuple(CSF_BASE)) -> pd.DataFrame:
    """Change of absolute abundance with the condition, per lineage and compartment.

    Parameters
    ----------
    preset : str
        One of ``PRESETS``.
    lineages : sequence of str
        Rows of the result; a lineage that the preset does not name is unchanged.

    Returns
    -------
    DataFrame, index lineages, columns ``CSF`` and ``blood``, log2.

    Raises
    ------
    UserError
        Unknown preset.
    """
    if preset not in PRESETS:
        raise UserError(f"--preset '{preset}' is unknown; it is one of {', '.join(PRESETS)}")
    depletion = pd.Series({lineage: DEPLETION.get(lineage, 0.0) for lineage in lineages}, dtype=float)
    effects = pd.DataFrame({"CSF": depletion, "blood": depletion})
    if preset in ("null", "one_condition"):
        effects[:] = 0.0
    if preset == "uncoupled":
        effects["CSF"] = 0.0
    if preset in TREATMENTS and "pDC" in effects.index:
        effects.loc["pDC"] = [0.0, -3.0]
    return effects


def effects_in(preset: str, base: pd.DataFrame) -> pd.DataFrame:
    """:func:`preset_effects` in the shape of ``base``: those of blood in the last compartment, of CSF in all others.

    A single compartment has its own where it is one of the two, else those of CSF.
    """
    effects = preset_effects(preset, base.index)
    last = base.columns[-1] if base.shape[1] > 1 else "blood"
    return pd.DataFrame({name: effects["blood" if name == last else "CSF"] for name in base.columns})
