"""What the condition does to expression. All effects are log2."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.core.vocabulary import Y_GENES
from compartments.simulate.droplets import RED_CELL
from compartments.simulate.edges import HUB, PAIR_LOG2FC, plan_hub, plan_interactions
from compartments.simulate.presets import SIGNALLING
from compartments.simulate.settings import Settings
from compartments.simulate.sources import Source

Change = tuple[str, str, str, float, str]  # gene, lineage, compartment, log2fc, kind
GeneSets = Mapping[str, Sequence[str]]

MIGRATING = ("CD4_T", "CD8_T", "Treg", "gdT", "MAIT", "NKT", "T_cycling", "cMono", "ncMono", "pDC")
FREQUENT = 0.02  # share of a lineage that can be a partner
N_TRUE = 15  # planted edges


def plan_expression(
    rng: np.random.Generator,
    settings: Settings,
    source: Source,
    base: pd.DataFrame,
    effects: pd.DataFrame,
    gene_sets: GeneSets,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Everything that the condition does to expression; of one condition, what it is in each compartment.

    Returns
    -------
    expression : DataFrame ``gene, lineage, compartment, log2fc, kind``
        One row per gene, lineage and compartment; kind ``hub`` and ``interaction`` (in the first compartment only),
        ``migration``, ``decoy``, ``de_interaction`` (in the first compartment only) or ``de_common`` (alike in all).
        Where kinds meet, the first named wins.
    edges : DataFrame
        From :func:`compartments.simulate.edges.plan_interactions`; empty where the preset plants none.
    """
    rows: list[Change] = []
    edges = pd.DataFrame(columns=["source", "target", "ligand", "receptor", "kind"])
    if settings.preset in SIGNALLING:
        everywhere = settings.preset == "decoys"
        compartments = list(base.columns)
        raised_in = compartments if everywhere else compartments[:1]
        present = [lineage for lineage in source.lineages if lineage in base.index]
        if HUB in present:
            typical = source.typical(settings.mean_umi).loc[present]
            rows, edges = _plan_signals(
                rng, typical, _partners(base, effects, present), gene_sets, compartments, everywhere
            )
        core = [gene for gene in gene_sets["CSF_MIGRATION_CORE"] if gene in source.genes]
        rows += _migration(rng, core, present, raised_in, {row[0] for row in rows if row[4] == "decoy"})
        special = {row[0] for row in rows} | set(core) | set(RED_CELL) | set(Y_GENES) | {"XIST", "CD52"}
        free = np.flatnonzero(~(source.genes.isin(list(special)) | source.genes.str.startswith("MT-")))
        n_changed = round(settings.de_fraction * len(source.genes))
        for lineage in present:
            rows += _others(rng, source.genes, free, n_changed, lineage, compartments, everywhere)
    expression = pd.DataFrame(rows, columns=["gene", "lineage", "compartment", "log2fc", "kind"])
    return expression.drop_duplicates(["gene", "lineage", "compartment"], keep="first"), edges


def _partners(base: pd.DataFrame, effects: pd.DataFrame, present: Sequence[str]) -> list[str]:
    """Lineages that are seen in every compartment, with the condition too."""
    left = base * 2.0**effects
    frequent = (left / left.sum()).min(axis=1)
    return [lineage for lineage in present if frequent[lineage] >= FREQUENT]


def _plan_signals(
    rng: np.random.Generator,
    typical: pd.DataFrame,
    partners: Sequence[str],
    gene_sets: GeneSets,
    compartments: Sequence[str],
    everywhere: bool,
) -> tuple[list[Change], pd.DataFrame]:
    """The hub (unless all changes are ``everywhere``), planted edges and decoys."""
    rows: list[Change] = []
    adhesion, avoid = gene_sets["INTEGRINS_ADHESION"], set(gene_sets["CSF_MIGRATION_CORE"])
    if not everywhere:
        hub = plan_hub(typical, adhesion)
        rows += [(str(gene), HUB, compartments[0], round(log2fc, 3), "hub") for gene, log2fc in hub.items()]
        avoid |= set(hub.index)
    edges = plan_interactions(rng, typical, partners, adhesion, avoid, n_true=0 if everywhere else N_TRUE)
    for edge in edges.itertuples(index=False):
        kind, changed_in = ("interaction", compartments[:1]) if edge.kind == "true" else ("decoy", compartments)
        for genes, lineage in ((edge.ligand, edge.source), (edge.receptor, edge.target)):
            rows += [(gene, lineage, c, PAIR_LOG2FC, kind) for gene in genes.split("_") for c in changed_in]
    return rows, edges


def _migration(
    rng: np.random.Generator,
    core: Sequence[str],
    present: Sequence[str],
    compartments: Sequence[str],
    decoys: set[str],
) -> list[Change]:
    """Three in five genes of the migration programme, doubled in the lineages that migrate."""
    raised = sorted(rng.choice(core, round(0.6 * len(core)), replace=False)) if core else []
    return [
        (gene, lineage, c, 1.0, "migration")
        for gene in raised
        if gene not in decoys
        for lineage in MIGRATING
        if lineage in present
        for c in compartments
    ]


def _others(
    rng: np.random.Generator,
    genes: pd.Index,
    free: npt.NDArray[np.intp],
    n: int,
    lineage: str,
    compartments: Sequence[str],
    everywhere: bool,
) -> Iterator[Change]:
    """``n`` genes of ``free`` that change alike in all compartments, and ``n`` that change in the first only."""
    changed = rng.choice(free, 2 * n, replace=False)
    signs = rng.choice([-1.0, 1.0], 2 * n)
    for gene, sign in zip(changed[:n], signs[:n], strict=True):
        for compartment in compartments:
            yield genes[gene], lineage, compartment, sign, "de_common"
    for gene, sign in zip(changed[n:], signs[n:], strict=True):
        if not everywhere:
            yield genes[gene], lineage, compartments[0], sign * 1.5, "de_interaction"


def condition_factors(
    expression: pd.DataFrame, source: Source, compartment: str | None = None
) -> npt.NDArray[np.float64]:
    """Array lineages x genes of 2^log2fc; without ``compartment`` the highest factor anywhere, at least 1."""
    rows = expression if compartment is None else expression[expression["compartment"] == compartment]
    log2fc = np.zeros((len(source.lineages), len(source.genes)))
    at = (pd.Index(source.lineages).get_indexer(rows["lineage"]), source.genes.get_indexer(rows["gene"]))
    if compartment is None:
        np.maximum.at(log2fc, at, rows["log2fc"].to_numpy(float))
    else:
        log2fc[at] = rows["log2fc"].to_numpy(float)
    return 2.0**log2fc
