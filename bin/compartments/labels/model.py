"""CellTypist model files: inspected before they are read, applied without densifying the counts.

A CellTypist model is a pickle of one logistic classifier (one sigmoid per label) and one scaler. A pickle can run any
code when it is loaded, so nothing is called here but what builds numpy arrays; scikit-learn objects become inert shells
that hold their attributes. Prediction needs only the coefficients, so neither celltypist nor scikit-learn is imported.
"""

import hashlib
import io
import pickle
import pickletools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from compartments.core.errors import UserError

BUILTINS = {"str", "int", "float", "bool", "complex", "bytes", "list", "tuple", "dict", "set", "frozenset", "slice"}
NUMPY_NAMES = {"ndarray", "dtype", "_reconstruct", "scalar", "_frombuffer"}
NUMPY_MODULES = {
    "numpy",
    "numpy.core.multiarray",
    "numpy._core.multiarray",
    "numpy.core.numeric",
    "numpy._core.numeric",
}
# what a file that is cut off, changed, or no pickle makes the unpickler raise; anything else is a fault of ours
NO_PICKLE = (
    pickle.UnpicklingError,
    EOFError,
    AttributeError,
    ImportError,
    LookupError,  # keys, indices and codecs that are not there
    TypeError,
    ValueError,  # with what cannot be decoded
    ArithmeticError,
    MemoryError,
    RecursionError,
    BufferError,
    SystemError,  # of numpy, for arrays without sense
)
ENSEMBL = re.compile(r"ENS[A-Z]*G\d{6,}(\.\d+)?$")
SCALED_MAXIMUM = 10  # CellTypist clips scaled expression from above


class _Shell:
    """Stands for any scikit-learn object: keeps the attributes, runs nothing."""

    def __init__(self, *arguments: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        if isinstance(state, dict):
            self.__dict__.update(state)


class _Forbidden(Exception):
    pass


class _ModelUnpickler(pickle.Unpickler):
    """Resolves numpy array constructors, plain builtins and shells for scikit-learn; refuses every other name."""

    def find_class(self, module: str, name: str) -> Any:
        plain = name.isidentifier()
        if plain and module.split(".")[0] == "sklearn" or module.startswith("numpy.random."):
            return _Shell
        if plain and module in NUMPY_MODULES:
            if name in NUMPY_NAMES:
                return super().find_class(module.replace("numpy.core", "numpy._core"), name)
            scalar = getattr(np, name, None)
            if module == "numpy" and isinstance(scalar, type) and issubclass(scalar, np.generic):
                return scalar
        if module in ("builtins", "__builtin__") and name in BUILTINS:
            return super().find_class("builtins", name)
        # how protocol 2 writes the bytes of an array, and how it makes an object of a class
        if (module, name) in (("_codecs", "encode"), ("copyreg", "_reconstructor"), ("copy_reg", "_reconstructor")):
            return super().find_class(module.replace("copy_reg", "copyreg"), name)
        raise _Forbidden(f"{module}.{name}")


@dataclass(frozen=True)
class Model:
    """What a prediction needs from a CellTypist model.

    Attributes
    ----------
    name, sha256 : str
        File name and digest.
    description : dict
        ``date, details, source, version`` as far as the file states them (strings).
    labels : array of str, shape (labels,)
    genes : array of str, shape (features,)
    coef : float array, shape (labels or 1, features)
        One row for a model of two labels.
    intercept : float array
    mean, scale : float arrays, shape (features,)
        Of the scaler; the mean is 0 where it does not centre.
    kept : float
        Share of the file's genes that are left after conversion to another species.
    """

    name: str
    sha256: str
    description: dict[str, str]
    labels: npt.NDArray[np.str_]
    genes: npt.NDArray[np.str_]
    coef: npt.NDArray[np.float64]
    intercept: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    kept: float = 1.0


def _check_memo(data: bytes) -> None:
    """Raise :class:`pickle.UnpicklingError` for an object that is numbered beyond the length of the file: the unpickler
    would make room for as many, ten gigabytes for a file of 200 bytes."""
    for operation, argument, _place in pickletools.genops(data):
        if operation.name.endswith("PUT") and isinstance(argument, int) and argument > len(data):
            raise pickle.UnpicklingError(f"object number {argument} in {len(data)} bytes")


def without_version(name: str) -> str:
    """An Ensembl id without its version, by which data and models know a gene; any other name as it is."""
    return name.split(".")[0] if ENSEMBL.match(name) else name


def load_model(path: str | Path) -> Model:
    """Read a CellTypist model file without running anything that it may contain.

    Raises
    ------
    UserError
        If the file is no pickle, names anything but numpy, scikit-learn and plain builtins, or is no CellTypist model.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"model {path}: cannot be read ({error.strerror}); give the path of a CellTypist .pkl"
        ) from error
    try:
        _check_memo(data)
        content = _ModelUnpickler(io.BytesIO(data)).load()
    except _Forbidden as error:
        raise UserError(
            f"model {path}: the file would run '{error}' when loaded; a CellTypist model holds numpy and scikit-learn "
            "objects only, so it was not opened: get the model from its publisher or train it anew"
        ) from error
    except NO_PICKLE as error:
        raise UserError(
            f"model {path}: not a readable pickle ({type(error).__name__}); give a CellTypist model file (.pkl)"
        ) from error
    try:
        classifier, scaler = content["Model"], content["Scaler_"]
        labels = np.asarray(classifier.classes_).astype(str)
        genes = np.array([without_version(name) for name in np.asarray(classifier.features).astype(str)], str)
        coef = np.atleast_2d(np.asarray(classifier.coef_, float))
        intercept = np.atleast_1d(np.asarray(classifier.intercept_, float))
        scale = np.asarray(scaler.scale_, float)
        mean = np.asarray(scaler.mean_, float) if scaler.with_mean else np.zeros(len(genes))
        described = content.get("description")
    except NO_PICKLE as error:
        raise UserError(
            f"model {path}: a pickle, but not a CellTypist model ({error}); it needs 'Model' and 'Scaler_'"
        ) from error
    rows = 1 if len(labels) == 2 else len(labels)
    if coef.shape != (rows, len(genes)) or not len(intercept) == rows or not len(mean) == len(scale) == len(genes):
        raise UserError(f"model {path}: {len(labels)} labels and {len(genes)} genes do not fit its coefficients")
    if not (np.isfinite(coef).all() and np.isfinite(mean).all() and (scale > 0).all()):
        raise UserError(f"model {path}: its coefficients are not all finite numbers; train it anew")
    described = described if isinstance(described, dict) else {}
    description = {key: str(described.get(key, "")) for key in ("date", "details", "source", "version")}
    digest = hashlib.sha256(data).hexdigest()
    return Model(path.name, digest, description, labels, genes, coef, intercept, mean, scale)


def decision_scores(
    model: Model, normalised: sparse.csr_matrix, genes: Sequence[str] | npt.NDArray[np.object_]
) -> npt.NDArray[np.float64]:
    """Scores of every label for some cells, as ``celltypist.annotate`` computes them, on sparse input.

    Parameters
    ----------
    model : Model
    normalised : CSR matrix, shape (cells, genes)
        log1p of counts normalised to 10,000 over all genes.
    genes : sequence of str, unique
        Names of its columns.

    Returns
    -------
    float array, shape (cells, labels)

    Notes
    -----
    CellTypist scales, clips at 10 from above and takes the dot product, over the genes that model and data share
    (Dominguez Conde et al. 2022, Science 376:eabl5197). A zero scales to ``-mean / scale`` in every cell, so the scores
    are those of an empty cell plus what the expressed genes change: the same numbers without a dense matrix.
    """
    column = {gene: i for i, gene in enumerate(model.genes)}
    shared = np.array([i for i, gene in enumerate(genes) if gene in column], int)
    feature = np.array([column[genes[i]] for i in shared], int)
    mean, scale, coef = model.mean[feature], model.scale[feature], model.coef[:, feature]
    empty = -mean / scale
    shifted = sparse.csr_matrix(normalised[:, shared], dtype=float)
    gene = shifted.indices
    shifted.data = np.minimum((shifted.data - mean[gene]) / scale[gene], SCALED_MAXIMUM) - empty[gene]
    scores = shifted @ coef.T + (coef @ empty + model.intercept)
    return np.hstack([-scores, scores]) if len(model.labels) == 2 else scores
