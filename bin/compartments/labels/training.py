"""A CellTypist model from labelled cells."""

import difflib
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.core.errors import UserError
from compartments.core.matrix import TARGET_SUM, log_normalise, totals
from compartments.labels.lineages import broad_lineages, map_labels

MIN_CELLS = 10  # of a label that can be learned
TOP_GENES = 100  # per label, kept after the first round
RIDGE = 0.05  # penalty


class Reference(NamedTuple):
    """Labelled cells, normalised as CellTypist asks.

    Attributes
    ----------
    values : CSR, cells x genes, float32
        log1p of counts per 10,000; cells without counts and genes that no cell expresses are left out.
    labels : array of str
    genes : array of str
    too_small : list of str
        Labels left out, sorted.
    """

    values: sparse.csr_array
    labels: npt.NDArray[np.str_]
    genes: npt.NDArray[np.str_]
    too_small: list[str]


def read_reference(path: str | Path, column: str, min_cells: int = MIN_CELLS) -> Reference:
    """Read labelled cells.

    Parameters
    ----------
    path : str or Path
        h5ad with whole-number counts in ``layers['counts']`` or X, or log1p of counts per 10,000 in X.
    column : str
        Of obs; cells without a label are left out.
    min_cells : int
        A label with fewer cells is left out.

    Raises
    ------
    UserError
        Unreadable file, unknown column, neither counts nor normalised values, fewer than two labels.
    """
    import anndata

    try:
        adata = anndata.read_h5ad(path)
    except (OSError, KeyError) as error:
        raise UserError(f"--reference {path}: cannot be read as h5ad ({error})") from None
    if not adata.n_obs or not adata.n_vars:
        raise UserError(f"--reference {path}: holds {adata.n_obs} cells and {adata.n_vars} genes; give labelled cells")
    if column not in adata.obs:
        raise UserError(
            f"--labels '{column}' is not in obs of {path}; it has {', '.join(map(str, adata.obs)) or 'no column'}"
        )
    labels = adata.obs[column].astype(object).to_numpy()
    numbers = adata.obs[column].value_counts()
    small = sorted(str(label) for label, n in numbers.items() if n < min_cells)
    values = sparse.csr_array(adata.layers.get("counts", adata.X)).astype(np.float32)
    keep = adata.obs[column].notna().to_numpy() & ~np.isin(labels.astype(str), small) & (totals(values) > 0)
    if len(set(labels[keep])) < 2:
        raise UserError(f"--labels '{column}' of {path} leaves fewer than two labels with {min_cells} cells")
    values, labels = values[keep], labels[keep].astype(str)
    if (values.data < 0).any():
        raise UserError(f"--reference {path}: negative values; give counts, or log1p of counts per 10,000")
    if (values.data == np.rint(values.data)).all():
        values = sparse.csr_array(log_normalise(values, np.float32))
    elif abs(np.expm1(values[[0]].data.astype(float)).sum() - TARGET_SUM) > 1:
        raise UserError(f"--reference {path}: X is neither whole-number counts nor log1p of counts per 10,000")
    expressed = np.flatnonzero(totals(values > 0, 0))
    return Reference(values[:, expressed].tocsr(), labels, adata.var_names.to_numpy(str)[expressed], small)


def check_placed(labels: npt.NDArray[np.str_], lineage_map: pd.DataFrame, source: str) -> None:
    """Raise :class:`UserError` for a label of a reference that the lineage map does not place, with the likely name.

    Parameters
    ----------
    labels : array of str
    lineage_map : DataFrame
        From :func:`lineages.read_lineage_map`.
    source : str
        Named in messages.
    """
    mapped = map_labels(np.unique(labels), lineage_map)
    unplaced = list(mapped.index[mapped["lineage"].isna()])
    if unplaced:
        known = [*broad_lineages(lineage_map), *lineage_map.index]
        close = difflib.get_close_matches(unplaced[0], known, 1)
        raise UserError(
            f"{source}: label '{unplaced[0]}' has no lineage in the lineage map"
            + (f" ({len(unplaced)} labels have none)" if len(unplaced) > 1 else "")
            + (f"; did you mean '{close[0]}'?" if close else "")
            + "; rename it, or add rows with these labels to a copy of the map and give it with --lineage_map"
        )


def train_model(
    values: sparse.csr_array,
    labels: npt.NDArray[np.str_],
    genes: npt.NDArray[np.str_],
    seed: int,
    top_genes: int = TOP_GENES,
) -> Any:
    """CellTypist's two rounds of stochastic gradient logistic regression: gene selection, then the model.

    Each label is told from all others by its own regression, whose probability CellTypist reports. The cells of a label
    are weighted so that both sides count alike: otherwise, with 20 labels, the prior of 1 in 20 keeps the probability
    of most right calls below one half.

    Parameters
    ----------
    values : CSR, cells x genes
        From :func:`read_reference`.
    top_genes : int
        Genes kept per label after the first round.

    Returns
    -------
    celltypist.models.Model
        With a fixed date, so that the same reference and seed give the same bytes.
    """
    # celltypist makes its folder at import, in the home directory unless told otherwise
    os.environ.setdefault("CELLTYPIST_FOLDER", tempfile.gettempdir())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import celltypist
    celltypist.logger.set_level("ERROR")
    names, numbers = np.unique(labels, return_counts=True)
    # scikit-learn applies the weight of a label to its own cells only when it is told from the rest
    weights = dict(zip(names, (len(labels) - numbers) / numbers, strict=True)) if len(names) > 2 else "balanced"
    return celltypist.train(
        sparse.csr_matrix(values),
        labels=labels,
        genes=genes,
        use_SGD=True,
        feature_selection=values.shape[1] > top_genes,
        top_genes=top_genes,
        alpha=RIDGE,
        max_iter=100,
        n_jobs=1,
        class_weight=weights,
        random_state=seed,
        date="not dated",
        details=f"trained with seed {seed}",
    )
