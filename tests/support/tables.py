"""What the tables of a random results tree share: the lineages, what is missing, and writing by the contract."""

import math
from fnmatch import fnmatch

import numpy as np

from compartments.core import dictionary
from compartments.core.contract import Contract
from compartments.core.files import write_parquet, write_tsv

PLACES = ["sample", "donor", "compartment", "condition"]
LINEAGES = {  # lineage: broad lineage, share in blood, change of treated in the other compartment and in blood (log2)
    "CD4 T": ("T", 0.38, -3.0, -3.0),
    "CD8 T": ("T", 0.16, -2.5, -2.5),
    "Treg": ("T", 0.03, -2.0, -2.0),
    "gdT": ("T", 0.03, -2.0, -2.0),
    "NK": ("NK", 0.11, -1.0, -1.0),
    "B": ("B", 0.10, -2.5, -2.5),
    "Plasma": ("Plasma", 0.01, -0.4, -0.4),
    "Classical monocyte": ("Monocyte", 0.12, -0.3, -0.3),
    "cDC2": ("DC", 0.02, -0.3, -0.3),
    "pDC": ("DC", 0.02, 0.0, -3.0),
}


class Gaps:
    """What the tree has no values of.

    Parameters
    ----------
    lost : collection of str
        Samples that are in the samplesheet only.
    absent : collection of (lineage, sample)
        Lineages of which a sample has no cell.
    """

    def __init__(self, lost=(), absent=()):
        self.lost, self.absent = set(lost), set(absent)

    def kept(self, study):
        """Samples of the study that came to its end."""
        return study.samples[~study.samples["sample"].isin(self.lost)]

    def has(self, sample, *lineages):
        """True if the sample came to the end and has cells of all these lineages."""
        return sample not in self.lost and not any((lineage, sample) in self.absent for lineage in lineages)


def write(table, folder, place):
    """Write a table to its place, with every column that the contract asks for; empty where the table has none."""
    files = [row for row in dictionary.load() if not row["column"] and fnmatch(place, row["file"])]
    contract = Contract.of(files[0]["step"].split(", ")[0])
    absent = [name for name in contract.names(place) if name not in table]
    table = table.assign(**dict.fromkeys(absent, math.nan))
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    if contract.columns(place):  # else only the file is described
        table = table[contract.ordered(list(table), place)]
    (write_parquet if place.endswith(".parquet") else write_tsv)(table, folder / place)


def shares():
    """Fraction of each lineage among the cells of a sample."""
    values = np.array([v[1] for v in LINEAGES.values()])
    return values / values.sum()
