"""Labels by hand, each sample's in a table of its own: another label is then no news to other samples."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from compartments.core.files import write_tsv
from compartments.core.sheets import read_sheet


def labels_by_sample(table: pd.DataFrame, samples: Iterable[str]) -> dict[str, pd.DataFrame]:
    """Rows of a table of labels by hand that concern each sample: its own, and those that name no sample.

    Parameters
    ----------
    table : DataFrame
        Text, empty or missing where not given: ``sample`` and columns that are kept as they are.
    samples : iterable of str

    Returns
    -------
    dict of str to DataFrame
        Sample -> its rows, in their order. Samples without any are left out, and all where ``table`` has no column
        ``sample``: what is wrong with the table is said by check_labels.
    """
    if "sample" not in table:
        return {}
    of_all = table["sample"].isna() | (table["sample"] == "")
    found = {sample: table[of_all | (table["sample"] == sample)] for sample in samples}
    return {sample: rows for sample, rows in found.items() if len(rows)}


def write_by_hand(path: str | Path, samples: Iterable[str]) -> None:
    """Write ``by_hand/<sample>.tsv`` of each sample that the table ``path`` says something of.

    Raises
    ------
    UserError
        The table cannot be read.
    """
    for sample, rows in labels_by_sample(read_sheet(path), samples).items():
        target = Path("by_hand") / f"{sample}.tsv"
        target.parent.mkdir(exist_ok=True)
        write_tsv(rows, target)
