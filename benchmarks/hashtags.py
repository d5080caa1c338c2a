"""Simulated pools by HashSolo as the pipeline calls it, and by HashSolo alone: whose cells are found.

python -m benchmarks.hashtags
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from compartments.core.errors import UserError
from compartments.counts import hashtags
from tests.support.pools import pool

POOLS, CELLS = 8, 3000
CASES = {
    "2 samples": (2, {}),
    "4 samples": (4, {}),
    "12 samples, 25 % doublets": (12, {"doublets": 0.25}),
    "4, stained weakly (50 counts, 3 elsewhere)": (4, {"signal": 50.0, "leak": 3.0}),
    "4, hardly leaking (0.2 elsewhere)": (4, {"leak": 0.2}),
    "4, 20 % unstained": (4, {"negative": 0.2}),
}


def shares(n_tags: int, found: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Of singlets, doublets and unstained cells those that are found; those that are given to a wrong sample."""
    single, wrong = truth < n_tags, (found < n_tags) & (found != truth)
    return {
        "singlets right": (found[single] == truth[single]).mean(),
        "singlets of a wrong sample": wrong[single].mean(),
        "doublets found": (found[truth == n_tags] == n_tags).mean(),
        "unstained found": (found[truth > n_tags] == n_tags + 1).mean(),
    }


def alone(counts: np.ndarray) -> np.ndarray:
    """HashSolo as it is; all unstained where it fails."""
    try:
        return hashtags.called_by_hashsolo(counts)
    except UserError:
        return np.full(len(counts), counts.shape[1] + 1)


def rows() -> Iterator[dict[str, str | float]]:
    for name, (n_tags, more) in CASES.items():
        pools = [pool(CELLS, n_tags, seed, **more) for seed in range(POOLS)]
        truth = np.concatenate([one for _, one in pools])
        for way, call in (("pipeline", lambda one: hashtags.demultiplexed(one, 1)), ("HashSolo alone", alone)):
            found = np.concatenate([call(counts) for counts, _ in pools])
            yield {"pool": name, "way": way} | shares(n_tags, found, truth)


if __name__ == "__main__":
    print(pd.DataFrame(list(rows())).to_string(index=False, float_format="%.3f"))
