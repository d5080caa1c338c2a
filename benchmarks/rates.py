"""What this machine can do at most, on one core: reading, unpacking, products of matrices. The limits of the steps.

    python -m benchmarks.rates [--folder .]

Rates are the best of several tries, single-threaded, of the operations that the steps cannot do without: a file read
whole (not from the page cache where the system lets it be dropped), HDF5 chunks unpacked (gzip 4, shuffled, as counts
are stored) and packed (gzip 1), a sparse matrix times a dense one of 50 columns and of 100, a dense product, and a pass
over the values of a sparse matrix, all in float32.
"""

import argparse
import os
import tempfile
import time
from datetime import date
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import h5py
import numpy as np
import scipy.sparse as sp

from benchmarks.scoreboard import machine

TRIES = 3
MB = 1_000_000


def fastest(work, prepare=lambda: None, clock=time.process_time):
    """Seconds of the fastest of a few tries; of CPU time, which other work on the machine touches least."""
    seconds = []
    for _ in range(TRIES):
        prepare()
        start = clock()
        work()
        seconds.append(clock() - start)
    return min(seconds)


def disk(folder, size=256 * MB):
    """Bytes a second of a file that is read whole."""
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        file.write(os.urandom(size))
        file.flush()
        os.fsync(file.fileno())

        def forget():
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

        def read():
            with open(file.name, "rb", buffering=0) as handle:
                while handle.read(4 * MB):
                    pass

        return size / fastest(read, forget, time.perf_counter)


def counts(cells=5000, genes=20_000, per_cell=800, seed=1):
    """A sparse matrix like that of one sample, float32."""
    rng = np.random.default_rng(seed)
    columns = np.sort((genes * rng.beta(0.5, 3, (cells, per_cell))).astype(np.int32), axis=1)
    values = (1 + rng.poisson(1.5, columns.size)).astype(np.float32)
    return sp.csr_matrix((values, columns.ravel(), np.arange(cells + 1) * per_cell), shape=(cells, genes))


def unpacking(matrix):
    """Stored values a second that are unpacked from HDF5, value and column."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.h5"
        with h5py.File(path, "w") as file:
            for name, values in (("data", matrix.data.astype(np.int32)), ("indices", matrix.indices)):
                file.create_dataset(name, data=values, compression="gzip", compression_opts=4, shuffle=True)

        def read():
            with h5py.File(path, "r") as file:
                return [file[name][:] for name in ("data", "indices")]

        return matrix.nnz / fastest(read)


def packing(matrix):
    """Stored values a second that are packed into HDF5 as the steps write them (gzip 1, shuffled), value and column."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.h5"

        def write():
            with h5py.File(path, "w") as file:
                for name, values in (("data", matrix.data.astype(np.int32)), ("indices", matrix.indices)):
                    file.create_dataset(name, data=values, compression="gzip", compression_opts=1, shuffle=True)

        return matrix.nnz / fastest(write)


def rates(folder="."):
    """Name of an operation -> (units a second, unit)."""
    matrix, rng = counts(), np.random.default_rng(2)
    found = {"disk": (disk(folder), "bytes"), "unpacking": (unpacking(matrix), "values")}
    found["packing"] = (packing(matrix), "values")
    for width in (50, 100):
        right = rng.normal(size=(matrix.shape[1], width)).astype(np.float32)
        seconds = fastest(lambda right=right: matrix @ right)
        found[f"sparse product, {width} columns"] = (2 * matrix.nnz * width / seconds, "flops")
    left, right = (rng.normal(size=(2000, 2000)).astype(np.float32) for _ in range(2))
    found["dense product"] = (2 * 2000**3 / fastest(lambda: left @ right), "flops")
    found["pass over values"] = (matrix.nnz / fastest(lambda: np.log1p(matrix.data)), "values")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", default=".", help="on the disk that is meant (%(default)s)")
    for name, (rate, unit) in rates(parser.parse_args().folder).items():
        print(f"{name}: {rate / MB:,.0f} million {unit} a second")
    print(f"{machine()}, {date.today().isoformat()}, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
