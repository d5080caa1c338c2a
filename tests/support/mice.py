"""Data of human cells as if they were of mice: genes renamed by their counterparts, those without one left out."""

import shutil
from pathlib import Path

import anndata
import numpy as np

from compartments.core.species import counterparts
from compartments.core.tenx import write_10x_h5
from compartments.counts.reading import read_counts


def in_mice(genes):
    """Positions of the genes that mice have, and their names there, each once."""
    kept, names, taken = [], [], set()
    for position, gene in enumerate(genes):
        name = next((one for one in counterparts(gene) if one not in taken), None)
        if name is not None:
            kept.append(position)
            names.append(name)
            taken.add(name)
    return np.array(kept), names


def ids_of(names):
    return [f"ENSMUSG{n:011d}" for n in range(len(names))]


def cohort_of_mice(folder, into):
    """The cohort of ``simulate_cohort`` in ``folder``, as of mice."""
    shutil.copytree(folder, into)
    for path in Path(into).glob("D*/*.h5"):
        found = read_counts(path)
        kept, names = in_mice(found.symbol)
        write_10x_h5(path, found.matrix[:, kept], found.barcodes, names, ids_of(names))
    reference = anndata.read_h5ad(Path(into) / "reference.h5ad")
    kept, names = in_mice(reference.var_names)
    reference = reference[:, kept].copy()
    reference.var_names, reference.var["gene_id"] = names, ids_of(names)
    reference.write_h5ad(Path(into) / "reference.h5ad")
    return into
