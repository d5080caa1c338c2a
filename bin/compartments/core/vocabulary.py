"""The words of the domain: names, gene lists and limits that more than one step uses."""

import re

LABEL_COLUMNS = [
    "barcode",
    "celltypist_label",
    "lineage",
    "lineage_broad",
    "probability",
    "confidence",
    "marker_lineage",
    "marker_agrees",
    "marker_pdc",
]
UNASSIGNED = "unassigned"
BLOOD = re.compile(r"blood|^pb(mcs?)?$|plasma", re.I)  # names of compartments that are blood
WITHOUT_EMPTIES = ("knee", "expected_cells")  # methods that leave the other barcodes unjudged
