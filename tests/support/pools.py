"""Pools of samples with hashtags whose truth is known."""

import numpy as np


def pool(n_cells, n_tags, seed, *, signal=200.0, leak=5.0, doublets=0.12, negative=0.02, absent=()):
    """Counts of tags, and the truth: a tag, ``n_tags`` of two tags, ``n_tags + 1`` of none."""
    rng = np.random.default_rng(seed)
    first, second = rng.choice(np.setdiff1d(np.arange(n_tags), absent), (2, n_cells))
    kind = rng.choice(3, n_cells, p=[negative, 1 - negative - doublets, doublets])
    stain, rows = signal * rng.lognormal(0, 0.4, n_tags), np.arange(n_cells)
    mean = leak * rng.lognormal(0, 0.3, n_tags) * rng.lognormal(0, 0.4, (n_cells, 1))
    mean[rows, first] += (kind > 0) * stain[first] * rng.lognormal(0, 0.5, n_cells)
    mean[rows, second] += (kind == 2) * stain[second] * rng.lognormal(0, 0.5, n_cells)
    two = (kind == 2) & (first != second)
    return rng.poisson(mean), np.where(kind == 0, n_tags + 1, np.where(two, n_tags, first))
