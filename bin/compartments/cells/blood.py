"""How much blood is in a sample."""

from typing import Any

from anndata import AnnData

from compartments.cells.leaks import gate, gene_sum
from compartments.cells.soup import Soup
from compartments.core.species import known_as
from compartments.core.vocabulary import ADULT_HAEMOGLOBIN, kind_of_compartment

# What blood brings with it, for the estimate of how many leukocytes of a tap came from blood.
ERYTHROCYTES_PER_LEUKOCYTE = 700.0  # adult blood: about 4.7e6 against 6.7e3 per microlitre
RETICULOCYTE_FRACTION = 0.01  # erythrocytes that still hold haemoglobin mRNA
HAEMOGLOBIN_UMI = 2000.0  # per reticulocyte; an assumption, order of magnitude only
TRAUMATIC_FRACTION = 0.10  # blood leukocytes among the sample's from which a tap counts as traumatic


def red_cells(
    cells: AnnData,
    soup: Soup | None,
    rbc_per_ul: float | None = None,
    cells_per_ul: float | None = None,
    compartment: str = "",
) -> dict[str, Any]:
    """Red-cell index and how many of the leukocytes are likely to have come with blood.

    Erythrocytes per leukocyte come from the counted values if both are given. Else they are estimated from haemoglobin
    UMIs, in the soup and in erythroid cells, as ``UMIs / HAEMOGLOBIN_UMI`` reticulocytes, ``RETICULOCYTE_FRACTION`` of
    the erythrocytes. Divided by the erythrocytes per leukocyte of blood this is the share of blood leukocytes: a tap
    counts as traumatic above ``TRAUMATIC_FRACTION``. Blood itself (told from the compartment's name) has no such share.

    Returns
    -------
    dict
        ``red_cell_index`` (HBA + HBB share of the soup), ``n_erythroid``, ``blood_leukocyte_fraction``, ``blood_basis``
        (``counted``, ``haemoglobin`` or None), ``traumatic_tap`` (bool or None).
    """
    columns = cells.var_names.get_indexer(known_as(ADULT_HAEMOGLOBIN, cells.var_names))
    erythroid = ~gate(cells)["non_erythroid"]
    leukocytes = max(int((~erythroid).sum()), 1)
    index = None if soup is None or not columns.size else float(soup.profile[columns].sum())
    if kind_of_compartment(compartment) == "blood":
        ratio, basis = None, None
    elif rbc_per_ul is not None and cells_per_ul:
        ratio, basis = rbc_per_ul / cells_per_ul, "counted"
    elif soup is not None and index is not None:
        umis = index * soup.total + gene_sum(cells, ADULT_HAEMOGLOBIN)[erythroid].sum()
        ratio, basis = umis / HAEMOGLOBIN_UMI / RETICULOCYTE_FRACTION / leukocytes, "haemoglobin"
    else:
        ratio, basis = None, None
    fraction = None if ratio is None else float(min(ratio / ERYTHROCYTES_PER_LEUKOCYTE, 1.0))
    return {
        "red_cell_index": index,
        "n_erythroid": int(erythroid.sum()),
        "blood_leukocyte_fraction": fraction,
        "blood_basis": basis,
        "traumatic_tap": None if fraction is None else bool(fraction > TRAUMATIC_FRACTION),
    }
