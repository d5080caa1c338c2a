"""Whether stored values are counts."""

import h5py
import numpy as np
import numpy.typing as npt

from compartments.core.errors import UserError
from compartments.counts.opening import READ_ERRORS, first_line, open_text
from compartments.counts.source import Source


def peek_values(source: Source, most: int = 1_000_000) -> npt.NDArray[np.float64]:
    """Up to ``most`` of the stored values, from several places of the matrix: ndarray of float, shape (<= most,)."""
    try:
        if source.format == "10x mtx":
            with open_text(source.path / source.node) as lines:
                body = (line for line in lines if not line.startswith("%"))
                next(body)
                few = (line.split() for line, _ in zip(body, range(most // 5), strict=False))
                return np.array([float(parts[2]) if len(parts) > 2 else 1.0 for parts in few])
        with h5py.File(source.path, "r") as file:
            node = file[source.node]
            return peek_node(node, most)
    except (*READ_ERRORS, IndexError) as error:
        raise UserError(f"{source.path}: damaged or cut off ({first_line(error)}); copy or export it again") from None


def peek_node(node: h5py.Group | h5py.Dataset, most: int = 1_000_000) -> npt.NDArray[np.float64]:
    """The same of a dense or compressed matrix in an HDF5 file."""
    data = node["data"] if isinstance(node, h5py.Group) else node
    if data.ndim == 2:
        return np.ravel(data[: max(1, most // max(1, data.shape[1]))]).astype(float)
    n, part = data.shape[0], most // 4
    if n <= most:
        return data[:].astype(float)
    starts = np.linspace(0, n - part, 4).astype(int)
    return np.concatenate([data[s : s + part] for s in starts]).astype(float)


def value_problem(values: np.ndarray) -> str | None:
    """``negative``, ``fractional`` ... with an example, or None when ``values`` can be counts."""
    if values.size and not np.isfinite(values).all():
        return "values that are no numbers"
    if values.size and values.min() < 0:
        return f"negative values such as {values.min():.4g}"
    broken = values[values != np.floor(values)]
    return f"fractional values such as {broken[0]:.4g}" if broken.size else None


def check_values(source: Source, values: npt.ArrayLike) -> None:
    """Raise a UserError when ``values`` (ndarray) cannot be counts."""
    if problem := value_problem(np.asarray(values)):
        raise UserError(f"{source.path}: {problem}, not counts; give raw integer counts, neither normalised nor scaled")
