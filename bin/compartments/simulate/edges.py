"""Ligand-receptor edges that change: planted pairs, decoys, and the hub of migration."""

import re
from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from compartments.core.pairs import read_resource

Pair = tuple[tuple[str, ...], tuple[str, ...]]  # subunits of the ligand and of the receptor
Edge = tuple[Pair, str, str]  # with source and target

CHEMOKINE_LIGAND = re.compile(r"(?:CCL|CXCL|XCL|CX3CL)\d")
CHEMOKINE_RECEPTOR = re.compile(r"(?:CCR|CXCR|XCR|CX3CR|ACKR)\d")
HUB = "pDC"
PAIR_LOG2FC = 1.5  # of ligand and receptor of a planted pair
# The hub: every migration ligand and receptor that its lineage has at all, as much as an activated cell can make. Log
# expression and many well connected neighbours (macrophages above all) make less than this a change of a few ranks.
HUB_LOG2FC, HUB_UMI = 4.0, 16.0
PLANTED_DETECTED, DECOY_DETECTED = (
    0.05,
    0.1,
)  # share of cells in which the weaker end of a planted edge is seen, at least
ABUNDANT = 10  # counts per cell: raising such a gene moves all others


def interaction_pairs() -> list[Pair]:
    """LIANA's consensus ligand-receptor pairs."""
    table = read_resource("consensus")
    return [
        (tuple(ligand.split("_")), tuple(receptor.split("_"))) for ligand, receptor in table.itertuples(index=False)
    ]


def is_migration_pair(ligands: tuple[str, ...], receptors: tuple[str, ...], adhesion: Collection[str]) -> bool:
    """True for a chemokine with its receptor, or a pair with all subunits in the ``adhesion`` set."""
    chemokine = any(map(CHEMOKINE_LIGAND.match, ligands)) and any(map(CHEMOKINE_RECEPTOR.match, receptors))
    return chemokine or set(ligands + receptors) <= set(adhesion)


def plan_interactions(
    rng: np.random.Generator,
    typical: pd.DataFrame,
    partners: Sequence[str],
    adhesion: Collection[str],
    avoid: Collection[str] = (),
    n_true: int = 15,
    n_decoy: int = 15,
) -> pd.DataFrame:
    """Choose the ligand-receptor edges that change.

    Parameters
    ----------
    rng : numpy.random.Generator
    typical : DataFrame, lineages x genes
        Expected counts per cell.
    partners : sequence of str
        Lineages frequent enough to be the other end.
    adhesion : collection of str
        Adhesion genes, see :func:`is_migration_pair`.
    n_true, n_decoy : int
        True edges are migration pairs with ``HUB`` as source or target, the best expressed first, each pair once while
        there are enough, no gene in more than three. Decoys are other pairs between any two lineages; they share no
        gene with the true edges or with ``avoid``, and none is so abundant that raising it moves all others.

    Returns
    -------
    DataFrame ``source, target, ligand, receptor, kind`` (``true`` or ``decoy``); complexes joined by ``_``.
    """
    detected = _Detected(typical)
    genes = set(typical.columns)
    pairs = [
        pair for pair in interaction_pairs() if genes.issuperset(pair[0] + pair[1]) and not set(pair[0]) & set(pair[1])
    ]
    migration = {pair for pair in pairs if is_migration_pair(*pair, adhesion)}
    chosen = _choose_true(detected, migration, partners, n_true)
    taken = {gene for pair, _, _ in chosen for gene in pair[0] + pair[1]} | set(avoid)
    taken |= set(typical.columns[typical.loc[partners].max() > ABUNDANT])
    others = [pair for pair in pairs if pair not in migration and not taken & set(pair[0] + pair[1])]
    decoys = _choose_decoys(rng, detected, others, [*partners, HUB], n_decoy)
    return pd.DataFrame(
        [
            {"source": s, "target": t, "ligand": "_".join(pair[0]), "receptor": "_".join(pair[1]), "kind": kind}
            for kind, rows in (("true", chosen), ("decoy", decoys))
            for pair, s, t in rows
        ],
        columns=["source", "target", "ligand", "receptor", "kind"],
    )


class _Detected:
    """Share of a lineage's cells in which a gene is seen."""

    def __init__(self, typical: pd.DataFrame) -> None:
        self.shares = {lineage: row.to_dict() for lineage, row in (1 - np.exp(-typical)).iterrows()}

    def weakest(self, source: str, target: str, pair: Pair) -> float:
        """That of the least seen subunit of either end."""
        ends = zip((source, target), pair, strict=True)
        return min(self.shares[lineage][gene] for lineage, genes in ends for gene in genes)


def _choose_true(detected: _Detected, migration: Collection[Pair], partners: Sequence[str], n: int) -> list[Edge]:
    """The ``n`` best expressed edges between ``HUB`` and its partners."""
    ends = [(HUB, p) for p in partners if p != HUB] + [(p, HUB) for p in partners if p != HUB]
    candidates = sorted(
        (-detected.weakest(source, target, pair), pair, source, target) for pair in migration for source, target in ends
    )
    chosen: list[Edge] = []
    uses: Counter[str] = Counter()
    for again in (False, True):
        for score, pair, source, target in candidates:
            new = again or not any(pair == other for other, _, _ in chosen)
            free = new and len(chosen) < n and all(uses[gene] < 3 for gene in pair[0] + pair[1])
            if -score >= PLANTED_DETECTED and free and (pair, source, target) not in chosen:
                chosen.append((pair, source, target))
                uses.update(pair[0] + pair[1])
    return chosen


def _choose_decoys(
    rng: np.random.Generator, detected: _Detected, pairs: Sequence[Pair], lineages: Sequence[str], n: int
) -> list[Edge]:
    """``n`` edges of ``pairs`` without a common gene, each between two lineages drawn from those that express it."""
    decoys: list[Edge] = []
    for index in rng.permutation(len(pairs)):
        pair = pairs[index]
        if len(decoys) == n or any(set(pair[0] + pair[1]) & set(other[0] + other[1]) for other, _, _ in decoys):
            continue
        ends = [
            (source, target)
            for source in lineages
            for target in lineages
            if source != target and detected.weakest(source, target, pair) >= DECOY_DETECTED
        ]
        if ends:
            decoys.append((pair, *ends[rng.integers(len(ends))]))
    return decoys


def plan_hub(typical: pd.DataFrame, adhesion: Collection[str]) -> pd.Series:
    """How a lineage becomes the hub of migration: all migration ligands and receptors of ``HUB`` rise.

    Parameters
    ----------
    typical : DataFrame, lineages x genes
        Expected counts per cell.
    adhesion : collection of str
        Adhesion genes, see :func:`is_migration_pair`.

    Returns
    -------
    Series over genes, log2
        ``HUB_LOG2FC``, but not to more than ``HUB_UMI`` per cell; genes that would gain less than a planted pair, or
        that the lineage does not express, are not in it.
    """
    members = {gene for pair in interaction_pairs() if is_migration_pair(*pair, adhesion) for gene in pair[0] + pair[1]}
    expressed = typical.loc[HUB, [gene for gene in typical.columns if gene in members]]
    expressed = expressed[expressed > 0]
    rise = np.log2(HUB_UMI / expressed).clip(upper=HUB_LOG2FC)
    return rise[rise > PAIR_LOG2FC]


def add_log2fc(edges: pd.DataFrame, expression: pd.DataFrame, compartment: str) -> pd.DataFrame:
    """``edges`` with ``ligand_log2fc, receptor_log2fc`` in a compartment; of a complex, that of the least subunit."""
    rows = expression[expression["compartment"] == compartment]
    change = rows.set_index(["gene", "lineage"])["log2fc"].to_dict()
    ends = {
        f"{role}_log2fc": [
            min(change.get((gene, lineage), 0.0) for gene in genes.split("_"))
            for genes, lineage in zip(edges[role], edges[end], strict=True)
        ]
        for role, end in (("ligand", "source"), ("receptor", "target"))
    }
    return edges.assign(**ends)
