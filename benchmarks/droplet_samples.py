"""Single simulated samples with known truth, for the benches of cell calling, quality and doublets."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from compartments.simulate.droplets import draw_sample
from compartments.simulate.presets import DROPLET_BASE
from compartments.simulate.settings import Settings
from compartments.simulate.sources import ProfileSource

ROOT = Path(__file__).resolve().parents[1]

RED_CELL_SOUP = {"CSF": 0.3, "blood": 0.05}


@lru_cache(maxsize=2)
def _source(n_genes):
    return ProfileSource(ROOT / "assets" / "profiles.tsv.gz", n_genes)


def one_sample(compartment, n_cells, seed, n_genes=3000, **settings):
    """One sample of one donor without effects.

    Parameters
    ----------
    compartment : str
        ``CSF`` or ``blood``.
    n_cells, seed, n_genes : int
    **settings
        Of :class:`compartments.simulate.settings.Settings`: ``empties``, ``soup_umi``, ``dying``, ``doublet_rate`` ...

    Returns
    -------
    sample : compartments.simulate.droplets.Sample
    source : ProfileSource
        With the gene names.
    """
    source = _source(n_genes)
    ones = np.ones((len(source.lineages), len(source.genes)))
    base = DROPLET_BASE[compartment].loc[[lineage for lineage in DROPLET_BASE.index if lineage in source.lineages]]
    rng = np.random.default_rng([seed, n_cells])
    settings = replace(Settings(seed=seed), **settings)
    sample = draw_sample(rng, settings, source, base, n_cells, ones, ones, ones, RED_CELL_SOUP[compartment])
    return sample, source
