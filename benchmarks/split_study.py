"""Peak memory and time of the split of one h5ad of a whole study into its samples.

python benchmarks/split_study.py [cells] [values per cell]
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from anndata.io import write_elem

ROOT = Path(__file__).resolve().parents[1]
N_GENES, N_SAMPLES, BLOCK = 20_000, 20, 10_000


def write_study(path: Path, n_cells: int, n_values: int) -> None:
    """Cells of twenty samples in no order, as compressed rows."""
    rng = np.random.default_rng(1)
    sample = rng.integers(0, N_SAMPLES, n_cells)
    columns = {"sample": sample, "donor": sample // 2, "compartment": sample % 2, "condition": sample // 10}
    obs = pd.DataFrame({name: pd.Categorical([f"{name}{n}" for n in values]) for name, values in columns.items()})
    with h5py.File(path, "w") as file:
        file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        write_elem(file, "obs", obs.set_index(pd.Index([f"cell{n}" for n in range(n_cells)])))
        write_elem(file, "var", pd.DataFrame(index=pd.Index([f"G{n}X" for n in range(N_GENES)])))
        group = file.create_group("X")
        size = n_cells * n_values
        for name, kind in (("data", np.float32), ("indices", np.int32)):
            group.create_dataset(name, (size,), kind, chunks=(2**17,), compression="gzip", compression_opts=1)
        for start in range(0, n_cells, BLOCK):
            n = min(BLOCK, n_cells - start) * n_values
            place = slice(start * n_values, start * n_values + n)
            steps = rng.integers(1, N_GENES // n_values, (n // n_values, n_values))
            group["indices"][place] = (np.cumsum(steps, axis=1) - 1).ravel()
            group["data"][place] = rng.geometric(0.6, n)
        group["indptr"] = np.arange(0, size + 1, n_values)
        shape = np.array([n_cells, N_GENES])
        group.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": shape})


def main() -> None:
    n_cells, n_values = (int(text) for text in [*sys.argv[1:], *["200000", "1000"][len(sys.argv) - 1 :]])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.h5ad"
        write_study(path, n_cells, n_values)
        command = [sys.executable, str(ROOT / "bin" / "sc-compartments"), "split_study", "--path", str(path)]
        started = time.perf_counter()
        given = ["--sample_key", "sample", "--problems", "problems.txt", "--notes", "notes.txt"]
        subprocess.run([*command, *given], cwd=folder, check=True)
        seconds = time.perf_counter() - started
        problem = (Path(folder) / "problems.txt").read_text()
        files = list((Path(folder) / "split" / "samples").glob("*.h5ad"))
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        size = path.stat().st_size / 1e6
    sys.stdout.write(
        f"{n_cells:,} cells, {n_cells * n_values:,} values, {size:,.0f} MB: {peak:,.0f} MiB at most, {seconds:.0f} s, "
        f"{len(files)} files {problem}\n"
    )


if __name__ == "__main__":
    main()
